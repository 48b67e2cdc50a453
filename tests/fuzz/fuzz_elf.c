/* SPDX-License-Identifier: MIT */
/*
 * The loader (src/loader). The input is an ELF file.
 *
 * Held true: a file is refused with PN_ERR_IMAGE and one line that names it, memory untouched; or
 * it is loaded, and then
 *   - every segment lies in RAM above the boot area, apart from the others, and no byte outside of
 *     them has changed;
 *   - without relocations, memory holds what the file does, and zeroes behind it;
 *   - the entry lies in a segment; symbols are sorted, with printable names of bounded length;
 *   - pieces of text lie each in the bytes of one executable segment and none in another;
 *   - the same file loads the same way again.
 */
#include "fuzz.h"

#include "elf_fixture.h"

/* Some of what the loader reads grows with the file; longer ones show nothing new. */
#define SIZE_MAX_ELF (size_t)(64 << 10)

static struct loader *loader;

static const uint8_t *memory_at(gpa_t gpa)
{
	return gpa < LOW_SIZE ? loader->low + gpa : loader->pie + (gpa - IMAGE_PIE_BASE);
}

static void check_symbols(const struct symbols *s)
{
	for (size_t i = 0; i < s->count; i++) {
		CHECK_ONE_LINE("symbol", s->symbol[i].name);
		CHECK_TRUE("symbol", strlen(s->symbol[i].name) <= SYMBOL_NAME_MAX);
		CHECK_TRUE("symbol", i == 0 || s->symbol[i - 1].gva <= s->symbol[i].gva);
	}
}

static void check_text(const struct image *image)
{
	CHECK_TRUE("text", image->text_count <= IMAGE_TEXT_MAX);
	for (unsigned i = 0; i < image->text_count; i++) {
		const struct image_text *t = &image->text[i];
		bool inside = false;

		for (unsigned n = 0; n < image->count; n++) {
			const struct image_segment *s = &image->segment[n];

			inside |= t->gva >= s->gva && t->gva - s->gva <= s->file_size &&
				  t->size <= s->file_size - (t->gva - s->gva) &&
				  t->gpa == s->gpa + (t->gva - s->gva);
		}
		CHECK_TRUE("text", inside);
		for (unsigned n = 0; n < i; n++)
			CHECK_TRUE("text",
				   t->gpa + t->size <= image->text[n].gpa ||
					   image->text[n].gpa + image->text[n].size <= t->gpa);
	}
}

static void check_image(const uint8_t *bytes, const struct image *image)
{
	/* Relocations are of position-independent files only. */
	bool entry = false, is_pie = bytes[offsetof(Elf64_Ehdr, e_type)] == ET_DYN;

	for (unsigned i = 0; i < image->count; i++) {
		const struct image_segment *s = &image->segment[i];
		const uint8_t *m = memory_at(s->gpa);

		entry |= image->entry - s->gva < s->memory_size;
		if (is_pie)
			continue;
		assert_memory_equal(m, bytes + s->file_offset, s->file_size);
		for (uint64_t n = s->file_size; n < s->memory_size; n++)
			CHECK_NUMBER("segment", "a byte past p_filesz", m[n], 0);
	}
	CHECK_TRUE("entry", entry);
	check_symbols(&image->symbols);
	check_text(image);
}

static void check_again(int code)
{
	static uint8_t low[LOW_SIZE], pie[PIE_SIZE];
	size_t symbols = loader->image.symbols.count;
	char text[sizeof(loader->err.text)];

	memcpy(text, loader->err.text, sizeof(text));
	memcpy(low, loader->low, sizeof(low));
	memcpy(pie, loader->pie, sizeof(pie));
	loader_clear(loader);
	CHECK_CODE("again", loader_load(loader), code);
	assert_memory_equal(text, loader->err.text, sizeof(text));
	CHECK_NUMBER("again", "symbols", loader->image.symbols.count, symbols);
	CHECK_TRUE("again", memcmp(low, loader->low, sizeof(low)) == 0);
	CHECK_TRUE("again", memcmp(pie, loader->pie, sizeof(pie)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	void *state;
	int code;

	if (size > SIZE_MAX_ELF)
		return 0;
	if (!loader) {
		loader_set_up(&state);
		loader = state;
	}
	loader_clear(loader);
	loader_store(loader, bytes, size);
	code = loader_load(loader);
	expect_good_order("file", loader, code);
	if (!code)
		check_image(bytes, &loader->image);
	check_again(code);
	/* Nothing is kept: a leak would be this input's. */
	image_free(&loader->image);
	return 0;
}
