/* SPDX-License-Identifier: MIT */
#include "fuzz/world.h"

#include "fuzz/layout.h"

#define FRAME_BITS 9

const uint16_t fuzz_indices[FUZZ_INDICES] = {1, 3, 4, 510, 511};
const gpa_t fuzz_regions[FUZZ_REGIONS] = {UINT64_C(2) << 20, UINT64_C(6) << 20, UINT64_C(8) << 20};

/* Runs of frames: the GPA of the first, how many, and the number of the first. */
static const struct run {
	gpa_t gpa;
	unsigned count, first;
} runs[] = {
	{0x600000, 48, 0}, {0x7fe000, 2, 48}, {0x200000, 2, 50}, {0x203000, 2, 52},
	{0x3fe000, 2, 54}, {0x800000, 2, 56}, {0x803000, 2, 58}, {0x9fe000, 2, 60},
};

#define RUNS (sizeof(runs) / sizeof(runs[0]))

gpa_t fuzz_frame_gpa(unsigned frame)
{
	for (unsigned i = 0; i < RUNS; i++)
		if (frame - runs[i].first < runs[i].count)
			return runs[i].gpa + (gpa_t)(frame - runs[i].first) * PAGE_SIZE;
	return 0;
}

unsigned fuzz_frame_at(gpa_t gpa)
{
	for (unsigned i = 0; i < RUNS; i++) {
		uint64_t n = (gpa - runs[i].gpa) >> PAGE_SHIFT;

		if (n < runs[i].count)
			return runs[i].first + (unsigned)n;
	}
	return FUZZ_FRAMES;
}

unsigned fuzz_place(unsigned index)
{
	unsigned place = 0;

	while (place < FUZZ_INDICES && fuzz_indices[place] != index)
		place++;
	return place;
}

unsigned fuzz_word_at(gpa_t gpa)
{
	unsigned frame = fuzz_frame_at(gpa);
	unsigned place = fuzz_place((unsigned)(gpa % PAGE_SIZE / 8));

	if (frame == FUZZ_FRAMES || place == FUZZ_INDICES || gpa % 8)
		return FUZZ_WORDS;
	return fuzz_word(frame, place);
}

gpa_t fuzz_word_gpa(unsigned word)
{
	return fuzz_frame_gpa(word / FUZZ_INDICES) +
	       UINT64_C(8) * fuzz_indices[word % FUZZ_INDICES];
}

unsigned fuzz_index(gva_t gva, unsigned level)
{
	return gva >> (PAGE_SHIFT + FRAME_BITS * (level - 1)) & ((1u << FRAME_BITS) - 1);
}

gva_t fuzz_gva(const uint16_t index[5], unsigned levels)
{
	const unsigned bits = PAGE_SHIFT + FRAME_BITS * levels;
	gva_t gva = 0;

	for (unsigned level = 1; level <= levels; level++)
		gva |= (gva_t)index[level - 1] << (PAGE_SHIFT + FRAME_BITS * (level - 1));
	return gva >> (bits - 1) & 1 ? gva | UINT64_MAX << bits : gva;
}

bool fuzz_gva_is_valid(gva_t gva, unsigned levels)
{
	uint16_t index[5] = {0};
	unsigned top = fuzz_index(gva, levels);

	for (unsigned level = 1; level <= levels; level++) {
		index[level - 1] = (uint16_t)fuzz_index(gva, level);
		if (fuzz_place(index[level - 1]) == FUZZ_INDICES)
			return false;
	}
	return fuzz_gva(index, levels) == (gva & ~(PAGE_SIZE - 1)) &&
	       (top < 256 || gva >= UINT64_C(0xffffffff80000000));
}

void fuzz_frame_code(void *frame)
{
	uint8_t *code = frame;

	code[FUZZ_CODE_KERNEL] = 0xc3;
	code[FUZZ_CODE_USER] = 0x0f;
	code[FUZZ_CODE_USER + 1] = 0x0b;
}
