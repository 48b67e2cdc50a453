/* SPDX-License-Identifier: MIT */
#include "elf_builder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const struct elf_plan elf_good_exec = {
	.type = ET_EXEC,
	.entry = 0x20004,
	.segments = 2,
	.segment =
		{
			{0x20000, 0x20000, ELF_TEXT, sizeof(ELF_TEXT), sizeof(ELF_TEXT)},
			{0x21000, 0x21000, ELF_DATA, sizeof(ELF_DATA), 100},
		},
	.symbols = 3,
	.symbol =
		{
			{"start", 0x20004, 8, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 1},
			{"data", 0x21000, 16, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), 1},
			{"local", 0x20010, 0, ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE), 1},
		},
};

const struct elf_plan elf_good_pie = {
	.type = ET_DYN,
	.entry = 0x4,
	.segments = 2,
	.segment =
		{
			{0, 0, ELF_TEXT, sizeof(ELF_TEXT), sizeof(ELF_TEXT)},
			{0x1000, 0x1000, ELF_DATA, sizeof(ELF_DATA), 100},
		},
	.symbols = 1,
	.symbol = {{"start", 0x4, 8, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 1}},
	.rela_vaddr = 0x2000,
	.relas = 3,
	.rela =
		{
			{0x1000, ELF64_R_INFO(0, R_X86_64_RELATIVE), 0x4},
			{0x1010, ELF64_R_INFO(0, R_X86_64_RELATIVE), 0x1000},
			{0x1058, ELF64_R_INFO(0, R_X86_64_RELATIVE), -1},
		},
};

/* Appends `len` bytes (zeroes if `bytes` is NULL) at a multiple of eight; returns their offset. */
static uint64_t append(struct elf_file *f, const void *bytes, size_t len)
{
	uint64_t at = (f->size + 7) & ~(size_t)7;

	f->bytes = realloc(f->bytes, at + len + 1);
	assert(f->bytes);
	memset(f->bytes + f->size, 0, at + len - f->size);
	if (bytes)
		memcpy(f->bytes + at, bytes, len);
	f->size = at + len;
	return at;
}

static void add_program(struct elf_file *f, uint32_t type, const struct elf_segment *s, uint64_t at)
{
	Elf64_Ehdr *h = elf_header(f);

	*elf_program(f, h->e_phnum++) = (Elf64_Phdr){
		.p_type = type,
		.p_flags = PF_R | PF_X,
		.p_offset = at,
		.p_vaddr = s->vaddr,
		.p_paddr = s->paddr,
		.p_filesz = s->filesz,
		.p_memsz = s->memsz,
		.p_align = 1,
	};
}

/* Relocations and the dynamic section that names them, in a segment of their own. */
static void add_relocations(struct elf_file *f, const struct elf_plan *plan, Elf64_Shdr *section)
{
	uint64_t size = plan->relas * sizeof(Elf64_Rela);
	const Elf64_Dyn dynamic[] = {
		{.d_tag = DT_RELA, .d_un.d_ptr = plan->rela_vaddr},
		{.d_tag = DT_RELASZ, .d_un.d_val = size},
		{.d_tag = DT_RELAENT, .d_un.d_val = sizeof(Elf64_Rela)},
		{.d_tag = DT_NULL},
	};
	struct elf_segment s = {.vaddr = plan->rela_vaddr, .paddr = plan->rela_vaddr};
	uint64_t at = append(f, plan->rela, size);

	append(f, dynamic, sizeof(dynamic));
	s.filesz = s.memsz = size + sizeof(dynamic);
	add_program(f, PT_LOAD, &s, at);
	s.vaddr += size;
	s.paddr += size;
	s.filesz = s.memsz = sizeof(dynamic);
	add_program(f, PT_DYNAMIC, &s, at + size);
	*section = (Elf64_Shdr){
		.sh_type = SHT_RELA,
		.sh_flags = SHF_ALLOC,
		.sh_addr = plan->rela_vaddr,
		.sh_offset = at,
		.sh_size = size,
		.sh_entsize = sizeof(Elf64_Rela),
		.sh_addralign = 8,
	};
}

/* The symbol table and its names; `index` is the symbol table's own among the sections. */
static void add_symbols(struct elf_file *f, const struct elf_plan *plan, Elf64_Shdr section[2],
			unsigned index)
{
	Elf64_Sym sym[ELF_SYMBOLS_MAX + 1] = {0};
	char names[1024] = "";
	size_t used = 1;

	for (unsigned i = 0; i < plan->symbols; i++) {
		const struct elf_symbol *s = &plan->symbol[i];

		sym[i + 1] = (Elf64_Sym){
			.st_name = (Elf64_Word)used,
			.st_info = s->info,
			.st_shndx = s->index,
			.st_value = s->value,
			.st_size = s->size,
		};
		assert(used + strlen(s->name) < sizeof(names));
		strcpy(names + used, s->name);
		used += strlen(s->name) + 1;
	}
	section[0] = (Elf64_Shdr){
		.sh_type = SHT_SYMTAB,
		.sh_offset = append(f, sym, (plan->symbols + 1) * sizeof(sym[0])),
		.sh_size = (plan->symbols + 1) * sizeof(sym[0]),
		.sh_entsize = sizeof(sym[0]),
		.sh_link = index + 1,
		.sh_info = 1,
		.sh_addralign = 8,
	};
	section[1] = (Elf64_Shdr){
		.sh_type = SHT_STRTAB,
		.sh_offset = append(f, names, used),
		.sh_size = used,
		.sh_addralign = 1,
	};
}

struct elf_file elf_build(const struct elf_plan *plan)
{
	struct elf_file f = {0};
	Elf64_Shdr section[ELF_TEXTS_MAX + 5] = {0};
	unsigned sections = 1, programs = plan->segments + (plan->relas ? 2 : 0);
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = plan->type,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = plan->entry,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_phoff = sizeof(Elf64_Ehdr),
	};

	append(&f, &header, sizeof(header));
	append(&f, NULL, programs * sizeof(Elf64_Phdr));
	for (unsigned i = 0; i < plan->segments; i++) {
		const struct elf_segment *s = &plan->segment[i];

		add_program(&f, PT_LOAD, s, append(&f, s->bytes, s->filesz));
	}
	if (plan->relas)
		add_relocations(&f, plan, &section[sections++]);
	for (unsigned i = 0; i < plan->texts; i++)
		section[sections++] = (Elf64_Shdr){
			.sh_type = SHT_PROGBITS,
			.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
			.sh_addr = plan->text[i].vaddr,
			.sh_size = plan->text[i].size,
			.sh_addralign = 1,
		};
	add_symbols(&f, plan, &section[sections], sections);
	sections += 2;
	elf_header(&f)->e_shstrndx = (uint16_t)(sections - 1);
	elf_header(&f)->e_shnum = (uint16_t)sections;
	header.e_shoff = append(&f, section, sections * sizeof(section[0]));
	elf_header(&f)->e_shoff = header.e_shoff;
	return f;
}

Elf64_Ehdr *elf_header(const struct elf_file *f)
{
	return (Elf64_Ehdr *)(void *)f->bytes;
}

Elf64_Phdr *elf_program(const struct elf_file *f, unsigned index)
{
	return (Elf64_Phdr *)(void *)(f->bytes + sizeof(Elf64_Ehdr)) + index;
}

Elf64_Shdr *elf_section(const struct elf_file *f, uint32_t type)
{
	Elf64_Shdr *s = (Elf64_Shdr *)(void *)(f->bytes + elf_header(f)->e_shoff);

	for (unsigned i = 0; i < elf_header(f)->e_shnum; i++)
		if (s[i].sh_type == type)
			return &s[i];
	return NULL;
}

Elf64_Sym *elf_sym(const struct elf_file *f, unsigned index)
{
	return (Elf64_Sym *)(void *)(f->bytes + elf_section(f, SHT_SYMTAB)->sh_offset) + index;
}

Elf64_Rela *elf_rela(const struct elf_file *f, unsigned index)
{
	return (Elf64_Rela *)(void *)(f->bytes + elf_section(f, SHT_RELA)->sh_offset) + index;
}
