/* SPDX-License-Identifier: MIT */
/*
 * ELF files made byte by byte, so that a test can spoil any of them: what a linker would never
 * write. A file is made from a plan, then changed through pointers into its bytes.
 *
 *     ELF header | program headers | segments' bytes | [.rela, .dynamic] | .symtab | .strtab
 *     | section headers
 */
#ifndef TESTS_ELF_BUILDER_H
#define TESTS_ELF_BUILDER_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_SEGMENTS_MAX 40
#define ELF_SYMBOLS_MAX	 16
#define ELF_RELA_MAX	 8
#define ELF_TEXTS_MAX	 80

struct elf_segment {
	uint64_t vaddr, paddr;
	const char *bytes;
	uint64_t filesz, memsz;
};

struct elf_symbol {
	const char *name;
	uint64_t value, size;
	uint8_t info;	/* ELF64_ST_INFO */
	uint16_t index; /* of its section; any but SHN_UNDEF */
};

/* A section header that says that these bytes of a segment are code. */
struct elf_text {
	uint64_t vaddr, size;
};

struct elf_plan {
	uint16_t type;
	uint64_t entry;
	unsigned segments;
	struct elf_segment segment[ELF_SEGMENTS_MAX];
	unsigned symbols;
	struct elf_symbol symbol[ELF_SYMBOLS_MAX];
	/* With relocations, a last segment at rela_vaddr holds them and the dynamic section. */
	uint64_t rela_vaddr;
	unsigned relas;
	Elf64_Rela rela[ELF_RELA_MAX];
	unsigned texts;
	struct elf_text text[ELF_TEXTS_MAX];
};

struct elf_file {
	uint8_t *bytes; /* to be freed */
	size_t size;
};

struct elf_file elf_build(const struct elf_plan *plan);

/* Pointers into the file. A section is found by its type; NULL if there is none. */
Elf64_Ehdr *elf_header(const struct elf_file *f);
Elf64_Phdr *elf_program(const struct elf_file *f, unsigned index);
Elf64_Shdr *elf_section(const struct elf_file *f, uint32_t type);
Elf64_Sym *elf_sym(const struct elf_file *f, unsigned index);
Elf64_Rela *elf_rela(const struct elf_file *f, unsigned index);

/* An executable of two segments and three symbols, at GPA 0x20000 and 0x21000. */
extern const struct elf_plan elf_good_exec;

/* A static-PIE of three segments with three relative relocations. */
extern const struct elf_plan elf_good_pie;

/* What the good files' segments hold. */
#define ELF_TEXT "\x31\xc0\xe7\xf4 the text of the guest"
#define ELF_DATA "0123456789abcdef........"

#endif
