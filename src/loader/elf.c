/* SPDX-License-Identifier: MIT */
/*
 * ELF64 x86-64 guests through libelf. First everything is read and checked, then memory is written;
 * a file that is wrong in any way gives one line that says which way, and nothing is started.
 */
#include "error.h"
#include "loader/image.h"
#include "loader/relocate.h"
#include "loader/sections.h"
#include "loader/text.h"
#include "memory/boot_tables.h"
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <penumbra/guest.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	const char *path;
	int fd;
	uint64_t size; /* bytes */
	Elf *elf;
	GElf_Ehdr header;
	struct pn_error *err;
};

#define REFUSE(f, ...) pn_fail((f)->err, PN_ERR_IMAGE, __VA_ARGS__)

static int check_header(struct file *f)
{
	char magic[SELFMAG] = "";
	const char *ident;
	size_t len;

	if (transfer_read_at(f->fd, magic, sizeof(magic), 0) < 0)
		return pn_fail_errno(f->err, PN_ERR_SYSTEM, "%s: read", f->path);
	if (memcmp(magic, ELFMAG, SELFMAG) != 0)
		return REFUSE(f, "%s: not an ELF file", f->path);
	ident = elf_getident(f->elf, &len);
	if (!ident || len < EI_NIDENT)
		return REFUSE(f, "%s: ELF header truncated: %llu bytes", f->path,
			      (unsigned long long)f->size);
	if (ident[EI_CLASS] != ELFCLASS64)
		return REFUSE(f, "%s: ELF class %d is not 64-bit; build the guest with -m64",
			      f->path, ident[EI_CLASS]);
	if (ident[EI_DATA] != ELFDATA2LSB)
		return REFUSE(f, "%s: ELF data encoding %d is not little-endian", f->path,
			      ident[EI_DATA]);
	if (!gelf_getehdr(f->elf, &f->header))
		return REFUSE(f, "%s: ELF header truncated: %llu bytes", f->path,
			      (unsigned long long)f->size);
	if (f->header.e_machine != EM_X86_64)
		return REFUSE(f, "%s: ELF machine %u is not x86-64 (%u)", f->path,
			      f->header.e_machine, EM_X86_64);
	if (f->header.e_type != ET_EXEC && f->header.e_type != ET_DYN)
		return REFUSE(f,
			      "%s: ELF type %u is neither an executable nor a static-PIE; link "
			      "the guest",
			      f->path, f->header.e_type);
	if (f->header.e_phnum && f->header.e_phentsize != sizeof(Elf64_Phdr))
		return REFUSE(f, "%s: program headers of %u bytes each; ELF64 has %zu", f->path,
			      f->header.e_phentsize, sizeof(Elf64_Phdr));
	if (f->header.e_phoff > f->size ||
	    f->header.e_phnum * (uint64_t)f->header.e_phentsize > f->size - f->header.e_phoff)
		return REFUSE(f, "%s: program headers truncated: the file ends at %llu", f->path,
			      (unsigned long long)f->size);
	return PN_OK;
}

/* Where a segment lies in guest-physical memory. */
static gpa_t segment_gpa(const struct file *f, const GElf_Phdr *p)
{
	if (f->header.e_type == ET_DYN)
		return IMAGE_PIE_BASE + p->p_vaddr;
	/* A linker script without AT() leaves the virtual address in p_paddr. */
	if (p->p_paddr == p->p_vaddr && p->p_vaddr >= PN_HIGH_BASE)
		return p->p_vaddr - PN_HIGH_BASE;
	return p->p_paddr;
}

static int check_segment(struct file *f, const struct gmem *mem, unsigned index,
			 const struct image *image, const struct image_segment *s)
{
	const struct gmem_slot *slot = gmem_find(mem, s->gpa);

	if (s->file_size > s->memory_size)
		return REFUSE(f, "%s: segment %u: p_filesz %llu is more than p_memsz %llu", f->path,
			      index, (unsigned long long)s->file_size,
			      (unsigned long long)s->memory_size);
	if (s->file_offset > f->size || s->file_size > f->size - s->file_offset)
		return REFUSE(f, "%s: segment %u truncated: needs bytes up to %llu of %llu",
			      f->path, index, (unsigned long long)(s->file_offset + s->file_size),
			      (unsigned long long)f->size);
	if (s->gva + s->memory_size < s->gva || s->gpa + s->memory_size < s->gpa)
		return REFUSE(f, "%s: segment %u wraps around the end of memory", f->path, index);
	if (s->gpa < PN_BOOT_AREA_END)
		return REFUSE(f,
			      "%s: segment %u at GPA 0x%llx is inside the boot area, which ends "
			      "at 0x%x",
			      f->path, index, (unsigned long long)s->gpa, PN_BOOT_AREA_END);
	if (!slot || slot->readonly || s->memory_size > slot->size - (s->gpa - slot->gpa))
		return REFUSE(f,
			      "%s: segment %u at GPA 0x%llx to 0x%llx is outside RAM; give the "
			      "guest more with --mem",
			      f->path, index, (unsigned long long)s->gpa,
			      (unsigned long long)(s->gpa + s->memory_size));
	for (unsigned i = 0; i < image->count; i++) {
		const struct image_segment *o = &image->segment[i];

		if ((s->gpa < o->gpa + o->memory_size && o->gpa < s->gpa + s->memory_size) ||
		    (s->gva < o->gva + o->memory_size && o->gva < s->gva + s->memory_size))
			return REFUSE(f, "%s: segment %u overlaps an earlier one at GPA 0x%llx",
				      f->path, index, (unsigned long long)o->gpa);
	}
	return PN_OK;
}

static int read_segments(struct file *f, const struct gmem *mem, struct image *image)
{
	for (unsigned i = 0; i < f->header.e_phnum; i++) {
		struct image_segment s;
		GElf_Phdr p;
		int code;

		errno = 0;
		if (!gelf_getphdr(f->elf, (int)i, &p)) {
			code = section_read_error(f->path, f->err);
			return code ? code
				    : REFUSE(f, "%s: program header %u truncated", f->path, i);
		}
		if (p.p_type == PT_INTERP)
			return REFUSE(f,
				      "%s: wants a dynamic linker; link the guest statically "
				      "(-static or -static-pie)",
				      f->path);
		if (p.p_type != PT_LOAD || (p.p_memsz == 0 && p.p_filesz == 0))
			continue;
		s = (struct image_segment){
			.gva = f->header.e_type == ET_DYN ? IMAGE_PIE_BASE + p.p_vaddr : p.p_vaddr,
			.gpa = segment_gpa(f, &p),
			.memory_size = p.p_memsz,
			.file_size = p.p_filesz,
			.file_offset = p.p_offset,
			.executable = p.p_flags & PF_X,
		};
		code = check_segment(f, mem, i, image, &s);
		if (code)
			return code;
		if (image->count == IMAGE_SEGMENTS_MAX)
			return REFUSE(f, "%s: more than %d segments to load", f->path,
				      IMAGE_SEGMENTS_MAX);
		image->segment[image->count++] = s;
	}
	if (image->count == 0)
		return REFUSE(f, "%s: nothing to load: no PT_LOAD segment", f->path);
	return PN_OK;
}

static int check_entry(struct file *f, struct image *image)
{
	image->entry = f->header.e_entry + (f->header.e_type == ET_DYN ? IMAGE_PIE_BASE : 0);
	for (unsigned i = 0; i < image->count; i++) {
		const struct image_segment *s = &image->segment[i];

		if (image->entry - s->gva >= s->memory_size)
			continue;
		if (!boot_tables_map(image->entry, s->gpa + (image->entry - s->gva)))
			return REFUSE(f,
				      "%s: entry GVA 0x%llx is not where the boot tables map its "
				      "segment (GPA 0x%llx)",
				      f->path, (unsigned long long)image->entry,
				      (unsigned long long)s->gpa);
		return PN_OK;
	}
	return REFUSE(f, "%s: entry 0x%llx is outside every segment", f->path,
		      (unsigned long long)image->entry);
}

static int read_symbols(struct file *f, struct image *image)
{
	gva_t base = f->header.e_type == ET_DYN ? IMAGE_PIE_BASE : 0;
	Elf_Scn *section = NULL;
	int code = PN_OK;

	/* A file without usable symbols is still a guest: its reports have fewer names. */
	while (!code && (section = section_next(f->elf, section))) {
		GElf_Shdr head = {0};
		Elf_Data *data;
		GElf_Sym sym;

		if (!gelf_getshdr(section, &head) && section_read_error(f->path, f->err))
			return PN_ERR_SYSTEM;
		if (head.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(section, NULL);
		if (!data)
			return section_read_error(f->path, f->err);
		for (int i = 0; !code && gelf_getsym(data, i, &sym); i++) {
			const char *name;
			unsigned type = GELF_ST_TYPE(sym.st_info);

			errno = 0;
			name = elf_strptr(f->elf, head.sh_link, sym.st_name);
			if (!name && errno)
				return section_read_error(f->path, f->err);
			if (!name || !*name || sym.st_shndx == SHN_UNDEF ||
			    sym.st_shndx == SHN_ABS || type == STT_SECTION || type == STT_FILE)
				continue;
			code = symbols_add(&image->symbols, base + sym.st_value, sym.st_size, name);
		}
		break; /* a file has one such table; more would only cost memory */
	}
	if (!section && section_read_error(f->path, f->err))
		return PN_ERR_SYSTEM;
	if (code)
		return pn_fail(f->err, code, "%s: out of memory for symbols", f->path);
	symbols_sort(&image->symbols);
	return PN_OK;
}

static int copy_segments(struct file *f, struct gmem *mem, struct image *image)
{
	image->start = UINT64_MAX;
	for (unsigned i = 0; i < image->count; i++) {
		const struct image_segment *s = &image->segment[i];
		uint8_t *to = gmem_ptr(mem, s->gpa, s->memory_size);
		ssize_t n = transfer_read_at(f->fd, to, s->file_size, s->file_offset);

		if (n < 0)
			return pn_fail_errno(f->err, PN_ERR_SYSTEM, "%s: read", f->path);
		if ((uint64_t)n < s->file_size)
			return REFUSE(f, "%s: became shorter while it was read", f->path);
		memset(to + n, 0, s->memory_size - s->file_size);
		if (s->gpa < image->start)
			image->start = s->gpa;
		if (s->gpa + s->memory_size > image->end)
			image->end = s->gpa + s->memory_size;
	}
	return PN_OK;
}

static int load(struct file *f, struct gmem *mem, struct image *image)
{
	struct relocations relocations = {0};
	int code = check_header(f);

	if (!code)
		code = read_segments(f, mem, image);
	if (!code)
		code = check_entry(f, image);
	if (!code)
		code = read_symbols(f, image);
	if (!code && f->header.e_type == ET_DYN)
		code = relocations_read(&relocations, f->elf, f->path, image, f->err);
	if (!code)
		code = copy_segments(f, mem, image);
	if (!code)
		code = text_find(f->elf, f->path, f->header.e_type == ET_DYN, image, f->err);
	if (!code)
		relocations_apply(&relocations, mem);
	relocations_free(&relocations);
	return code;
}

int elf_load(const char *path, struct gmem *mem, struct image *image, struct pn_error *err)
{
	struct file f = {.path = path, .err = err};
	struct stat st;
	int code;

	*image = (struct image){0};
	/* Without O_NONBLOCK, the open of a FIFO would wait for a writer. */
	f.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f.fd < 0)
		return pn_fail_errno(err, PN_ERR_IMAGE, "%s: cannot be opened", path);
	if (fstat(f.fd, &st))
		code = pn_fail_errno(err, PN_ERR_SYSTEM, "%s: fstat", path);
	else if (!S_ISREG(st.st_mode))
		code = pn_fail(err, PN_ERR_IMAGE, "%s: not a regular file", path);
	else
		code = PN_OK;
	if (code) {
		close(f.fd);
		return code;
	}
	f.size = (uint64_t)st.st_size;

	elf_version(EV_CURRENT);
	/* libelf says of a read that fails what it says of a file that is no ELF. */
	errno = 0;
	f.elf = elf_begin(f.fd, ELF_C_READ, NULL);
	if (f.elf)
		code = load(&f, mem, image);
	else if (errno)
		code = pn_fail_errno(err, PN_ERR_SYSTEM, "%s: read", path);
	else
		code = REFUSE(&f, "%s: not an ELF file", path);
	elf_end(f.elf);
	close(f.fd);
	if (code)
		image_free(image);
	return code;
}

void image_free(struct image *image)
{
	symbols_free(&image->symbols);
	*image = (struct image){0};
}
