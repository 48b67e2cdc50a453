/* SPDX-License-Identifier: MIT */
/* A loaded guest: what every file format is turned into, and what reports need of it later. */
#ifndef LOADER_IMAGE_H
#define LOADER_IMAGE_H

#include "memory/gmem.h"
#include "symbols.h"

#define IMAGE_SEGMENTS_MAX 32
#define IMAGE_TEXT_MAX	   64

/* A part of the file with its place in memory. */
struct image_segment {
	gva_t gva;
	gpa_t gpa;
	uint64_t memory_size; /* bytes; past file_size they are zero (BSS) */
	uint64_t file_size;   /* bytes */
	uint64_t file_offset;
	bool executable; /* PF_X */
};

/* A piece of code, bytes of one segment (loader/text.h). */
struct image_text {
	gva_t gva;
	gpa_t gpa;
	uint64_t size; /* bytes */
};

struct image {
	unsigned count;
	struct image_segment segment[IMAGE_SEGMENTS_MAX];
	unsigned text_count;
	struct image_text text[IMAGE_TEXT_MAX];
	gva_t entry;
	gpa_t start, end; /* around all segments, in guest-physical memory */
	struct symbols symbols;
};

/*
 * Loads an ELF64 x86-64 file: ET_EXEC at its physical addresses, static-PIE (ET_DYN without
 * interpreter) at IMAGE_PIE_BASE with its relative relocations applied. Every check comes before
 * the first byte is written to `mem`. Returns 0 (free with image_free), PN_ERR_IMAGE,
 * PN_ERR_NOMEM or PN_ERR_SYSTEM; the file is hostile input.
 */
int elf_load(const char *path, struct gmem *mem, struct image *image, struct pn_error *err);

/* GPA and GVA where a position-independent image is put. */
#define IMAGE_PIE_BASE UINT64_C(0x200000)

void image_free(struct image *image);

#endif
