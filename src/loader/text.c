/* SPDX-License-Identifier: MIT */
/* The pieces of a file that are code. */
#include "loader/text.h"

#include "loader/sections.h"

#include <gelf.h>

static void add(struct image *image, const struct image_segment *s, uint64_t offset, uint64_t size)
{
	image->text[image->text_count++] =
		(struct image_text){.gva = s->gva + offset, .gpa = s->gpa + offset, .size = size};
}

/* The segment whose bytes in the file hold all of [gva, gva + size). */
static const struct image_segment *segment_of(const struct image *image, gva_t gva, uint64_t size)
{
	for (unsigned i = 0; i < image->count; i++) {
		const struct image_segment *s = &image->segment[i];
		uint64_t offset = gva - s->gva;

		if (offset < s->file_size && size <= s->file_size - offset)
			return s;
	}
	return NULL;
}

static bool overlaps(const struct image *image, gva_t gva, uint64_t size)
{
	for (unsigned i = 0; i < image->text_count; i++) {
		const struct image_text *t = &image->text[i];

		if (gva < t->gva + t->size && t->gva < gva + size)
			return true;
	}
	return false;
}

/* False: the section headers are not what a linker writes, or too many, or, with errno set, cannot be
 * read. */
static bool add_sections(Elf *elf, gva_t base, struct image *image)
{
	const uint64_t code = SHF_ALLOC | SHF_EXECINSTR;
	Elf_Scn *section = NULL;
	GElf_Shdr head;

	while ((section = section_next(elf, section))) {
		const struct image_segment *s;
		gva_t gva;

		if (!gelf_getshdr(section, &head)) {
			if (errno)
				return false;
			continue;
		}
		if ((head.sh_flags & code) != code || head.sh_type == SHT_NOBITS || !head.sh_size)
			continue;
		gva = base + head.sh_addr;
		s = segment_of(image, gva, head.sh_size);
		if (!s || image->text_count == IMAGE_TEXT_MAX || overlaps(image, gva, head.sh_size))
			return false;
		add(image, s, gva - s->gva, head.sh_size);
	}
	return !errno && image->text_count != 0;
}

int text_find(Elf *elf, const char *path, bool is_pie, struct image *image, struct pn_error *err)
{
	bool found;

	image->text_count = 0;
	errno = 0;
	found = add_sections(elf, is_pie ? IMAGE_PIE_BASE : 0, image);
	if (found || section_read_error(path, err))
		return found ? PN_OK : PN_ERR_SYSTEM;
	image->text_count = 0;
	for (unsigned i = 0; i < image->count; i++)
		if (image->segment[i].executable && image->segment[i].file_size)
			add(image, &image->segment[i], 0, image->segment[i].file_size);
	return PN_OK;
}
