/* SPDX-License-Identifier: MIT */
/* Relocations of a static-PIE guest: R_X86_64_RELATIVE, and a clear line for any other. */
#include "loader/relocate.h"

#include "error.h"
#include "loader/sections.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

/* The GPA of 8 bytes of the image at a GVA, or 0 if no segment holds them. */
static gpa_t image_gpa(const struct image *image, gva_t gva)
{
	for (unsigned i = 0; i < image->count; i++) {
		const struct image_segment *s = &image->segment[i];
		uint64_t off = gva - s->gva;

		if (off < s->memory_size && s->memory_size - off >= sizeof(uint64_t))
			return s->gpa + off;
	}
	return 0;
}

static int add_section(struct relocations *r, Elf_Data *data, size_t count, const char *path,
		       const struct image *image, struct pn_error *err)
{
	struct relocation *more = realloc(r->list, (r->count + count + 1) * sizeof(r->list[0]));

	if (!more)
		return pn_fail(err, PN_ERR_NOMEM, "%s: out of memory for relocations", path);
	r->list = more;
	for (size_t i = 0; i < count; i++) {
		GElf_Rela rela;
		gva_t at;
		gpa_t gpa;

		if (!gelf_getrela(data, (int)i, &rela))
			return pn_fail(err, PN_ERR_IMAGE, "%s: relocation %zu truncated", path, i);
		if (GELF_R_TYPE(rela.r_info) == R_X86_64_NONE)
			continue;
		if (GELF_R_TYPE(rela.r_info) != R_X86_64_RELATIVE)
			return pn_fail(err, PN_ERR_IMAGE,
				       "%s: relocation %zu of type %llu; a static-PIE has only "
				       "R_X86_64_RELATIVE",
				       path, i, (unsigned long long)GELF_R_TYPE(rela.r_info));
		at = IMAGE_PIE_BASE + rela.r_offset;
		gpa = image_gpa(image, at);
		if (!gpa)
			return pn_fail(err, PN_ERR_IMAGE,
				       "%s: relocation %zu at 0x%llx is outside every segment",
				       path, i, (unsigned long long)rela.r_offset);
		r->list[r->count++] = (struct relocation){
			.gpa = gpa, .value = IMAGE_PIE_BASE + (uint64_t)rela.r_addend};
	}
	return PN_OK;
}

int relocations_read(struct relocations *r, Elf *elf, const char *path, const struct image *image,
		     struct pn_error *err)
{
	Elf_Scn *section = NULL;
	size_t count = 0;

	errno = 0;
	if (elf_getshdrnum(elf, &count) && section_read_error(path, err))
		return PN_ERR_SYSTEM;
	if (count == 0)
		return pn_fail(
			err, PN_ERR_IMAGE,
			"%s: a static-PIE without section headers: its relocations cannot be "
			"found",
			path);
	while ((section = section_next(elf, section))) {
		GElf_Shdr head;
		Elf_Data *data;
		int code;

		if (!gelf_getshdr(section, &head))
			return section_read_error(path, err)
				       ? PN_ERR_SYSTEM
				       : pn_fail(err, PN_ERR_IMAGE, "%s: section headers truncated",
						 path);
		if (head.sh_type == SHT_RELR)
			return pn_fail(err, PN_ERR_IMAGE,
				       "%s: packed relocations (DT_RELR); link with -z "
				       "nopack-relative-relocs",
				       path);
		if ((head.sh_type != SHT_RELA && head.sh_type != SHT_REL) ||
		    !(head.sh_flags & SHF_ALLOC))
			continue;
		if (head.sh_type == SHT_REL || head.sh_entsize != sizeof(Elf64_Rela))
			return pn_fail(err, PN_ERR_IMAGE,
				       "%s: relocations of %llu bytes each; x86-64 has %zu", path,
				       (unsigned long long)head.sh_entsize, sizeof(Elf64_Rela));
		data = elf_getdata(section, NULL);
		if (!data && section_read_error(path, err))
			return PN_ERR_SYSTEM;
		if (!data)
			return pn_fail(err, PN_ERR_IMAGE, "%s: relocations truncated", path);
		if (r->count)
			return pn_fail(err, PN_ERR_IMAGE,
				       "%s: a second section of relocations; a static-PIE has one",
				       path);
		code = add_section(r, data, head.sh_size / head.sh_entsize, path, image, err);
		if (code)
			return code;
	}
	return section_read_error(path, err);
}

void relocations_apply(const struct relocations *r, struct gmem *mem)
{
	for (size_t i = 0; i < r->count; i++)
		memcpy(gmem_ptr(mem, r->list[i].gpa, sizeof(uint64_t)), &r->list[i].value,
		       sizeof(uint64_t));
}

void relocations_free(struct relocations *r)
{
	free(r->list);
	*r = (struct relocations){0};
}
