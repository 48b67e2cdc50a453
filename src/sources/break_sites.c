/* SPDX-License-Identifier: MIT */
/* Finding the instructions, and putting HLT in their place. */
#include "sources/break_sites.h"

#include <Zydis/Zydis.h>
#include <penumbra/trace.h>
#include <stdlib.h>

#define HLT		   0xf4

#define WANTED_FOR_FLUSHES (1u << PN_TRACE_FLUSH)
#define WANTED_FOR_CR3	   (1u << PN_TRACE_FLUSH | 1u << PN_TRACE_CR3)
#define WANTED_FOR_FAULTS  (1u << PN_TRACE_GUEST_FAULT)

/* Instructions by mnemonic, or, for MOV to a control register, by the register's number. */
static const struct {
	ZydisMnemonic mnemonic;
	uint8_t number;
	enum break_kind kind;
	uint32_t types; /* events that it is needed for */
} wanted[] = {
	{ZYDIS_MNEMONIC_INVLPG, 0, BREAK_INVLPG, WANTED_FOR_FLUSHES},
	{ZYDIS_MNEMONIC_INVPCID, 0, BREAK_INVPCID, WANTED_FOR_FLUSHES},
	{ZYDIS_MNEMONIC_MOV, 0, BREAK_CR0, WANTED_FOR_FLUSHES},
	{ZYDIS_MNEMONIC_MOV, 3, BREAK_CR3, WANTED_FOR_CR3},
	{ZYDIS_MNEMONIC_MOV, 4, BREAK_CR4, WANTED_FOR_FLUSHES},
	{ZYDIS_MNEMONIC_LIDT, 0, BREAK_LIDT, WANTED_FOR_FAULTS},
};

static bool is_mov_to_control(const ZydisDecodedInstruction *in)
{
	return in->opcode_map == ZYDIS_OPCODE_MAP_0F && in->opcode == 0x22 && !in->raw.rex.R;
}

static enum break_kind kind_of(const ZydisDecodedInstruction *in, uint32_t types)
{
	for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (wanted[i].mnemonic == in->mnemonic && wanted[i].types & types &&
		    (in->mnemonic != ZYDIS_MNEMONIC_MOV ||
		     (is_mov_to_control(in) && in->raw.modrm.reg == wanted[i].number)))
			return wanted[i].kind;
	return BREAK_NONE;
}

static int add(struct break_sites *s, gpa_t gpa, enum break_kind kind)
{
	struct break_site *more;

	/* Room for 16, and for twice as many whenever that is full. */
	if (s->count == 0 || (s->count >= 16 && !(s->count & (s->count - 1)))) {
		unsigned room = s->count ? 2 * s->count : 16;

		more = realloc(s->site, room * sizeof(*more));
		if (!more)
			return PN_ERR_NOMEM;
		s->site = more;
	}
	s->site[s->count++] = (struct break_site){.gpa = gpa, .kind = kind};
	return PN_OK;
}

static int read_text(struct break_sites *s, const ZydisDecoder *decoder,
		     const struct image_text *text, const uint8_t *bytes, uint32_t types)
{
	ZydisDecodedInstruction in;

	for (uint64_t at = 0; at < text->size; at += in.length) {
		enum break_kind kind;

		if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(decoder, NULL, bytes + at,
							      text->size - at, &in))) {
			in.length = 1;
			continue;
		}
		kind = kind_of(&in, types);
		if (kind != BREAK_NONE && add(s, text->gpa + at, kind))
			return PN_ERR_NOMEM;
	}
	return PN_OK;
}

static int by_gpa(const void *a, const void *b)
{
	const struct break_site *x = a, *y = b;

	return (x->gpa > y->gpa) - (x->gpa < y->gpa);
}

int break_sites_find(struct break_sites *s, const struct image *image, const struct gmem *mem,
		     uint32_t types)
{
	ZydisDecoder decoder;

	*s = (struct break_sites){0};
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
	for (unsigned i = 0; i < image->text_count; i++) {
		const struct image_text *text = &image->text[i];
		const uint8_t *bytes = gmem_ptr(mem, text->gpa, text->size);

		if (bytes && read_text(s, &decoder, text, bytes, types)) {
			break_sites_free(s);
			return PN_ERR_NOMEM;
		}
	}
	if (s->count)
		qsort(s->site, s->count, sizeof(*s->site), by_gpa);
	return PN_OK;
}

void break_sites_free(struct break_sites *s)
{
	free(s->site);
	*s = (struct break_sites){0};
}

struct break_site *break_sites_at(const struct break_sites *s, gpa_t gpa)
{
	const struct break_site key = {.gpa = gpa};

	return s->count ? bsearch(&key, s->site, s->count, sizeof(key), by_gpa) : NULL;
}

void break_plant(struct break_site *site, const struct gmem *mem)
{
	const uint8_t hlt = HLT;

	if (!site->planted && gmem_read(mem, site->gpa, &site->byte, 1) == 0)
		site->planted = gmem_write(mem, site->gpa, &hlt, 1) == 0;
}

void break_take(struct break_site *site, const struct gmem *mem)
{
	uint8_t now = 0;

	if (site->planted && gmem_read(mem, site->gpa, &now, 1) == 0 && now == HLT)
		gmem_write(mem, site->gpa, &site->byte, 1);
	site->planted = false;
}
