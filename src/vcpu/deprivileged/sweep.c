/* SPDX-License-Identifier: MIT */
/*
 * The list of instructions that neither trap nor work at CPL 3 under the monitor, and the search of
 * a guest's text for them. A virtual machine monitor of the classical kind could not have this list:
 * Popek and Goldberg's condition is that it be empty.
 */
#include "vcpu/deprivileged/sweep.h"

#include <Zydis/Zydis.h>
#include <stdio.h>
#include <string.h>

/* When a row holds. */
enum when {
	ALWAYS,
	WITHOUT_IOPL,
	WITHOUT_UMIP,
};

#define BIT(n) (1u << (n))

/* Segment registers as instructions number them (SDM vol. 2, table 3-1). */
enum { ES, CS, SS, DS, FS, GS };

struct row {
	ZydisMnemonic mnemonic;
	unsigned segments; /* only the form that reads one of these; 0: every form */
	enum when when;
	const char *name, *effect;
};

#define SHOWS_FLAGS  "show IF = 1, IOPL = 0"
#define LEAVES_FLAGS "leave IF and IOPL alone"
#define OTHER_TABLE  "look into another GDT"
#define OTHER_LEVEL  "give another, with RPL 3"
#define NOT_LOADED   "not give what was loaded"

static const struct row rows[] = {
	{ZYDIS_MNEMONIC_PUSHF, 0, WITHOUT_IOPL, "PUSHF", SHOWS_FLAGS},
	{ZYDIS_MNEMONIC_PUSHFQ, 0, WITHOUT_IOPL, "PUSHFQ", SHOWS_FLAGS},
	{ZYDIS_MNEMONIC_POPF, 0, WITHOUT_IOPL, "POPF", LEAVES_FLAGS},
	{ZYDIS_MNEMONIC_POPFQ, 0, WITHOUT_IOPL, "POPFQ", LEAVES_FLAGS},

	{ZYDIS_MNEMONIC_SGDT, 0, WITHOUT_UMIP, "SGDT", "show the monitor's GDT"},
	{ZYDIS_MNEMONIC_SIDT, 0, WITHOUT_UMIP, "SIDT", "show the monitor's IDT"},
	{ZYDIS_MNEMONIC_SLDT, 0, WITHOUT_UMIP, "SLDT", "show no LDT, whatever was loaded"},
	{ZYDIS_MNEMONIC_STR, 0, WITHOUT_UMIP, "STR", "show the monitor's TR"},
	{ZYDIS_MNEMONIC_SMSW, 0, WITHOUT_UMIP, "SMSW", "show the monitor's CR0"},

	{ZYDIS_MNEMONIC_LAR, 0, ALWAYS, "LAR", OTHER_TABLE},
	{ZYDIS_MNEMONIC_LSL, 0, ALWAYS, "LSL", OTHER_TABLE},
	{ZYDIS_MNEMONIC_VERR, 0, ALWAYS, "VERR", OTHER_TABLE},
	{ZYDIS_MNEMONIC_VERW, 0, ALWAYS, "VERW", OTHER_TABLE},

	{ZYDIS_MNEMONIC_MOV, BIT(CS), ALWAYS, "MOV from CS", OTHER_LEVEL},
	{ZYDIS_MNEMONIC_MOV, BIT(SS), ALWAYS, "MOV from SS", OTHER_LEVEL},
	{ZYDIS_MNEMONIC_MOV, BIT(DS) | BIT(ES) | BIT(FS) | BIT(GS), ALWAYS, "MOV from DS/ES/FS/GS",
	 NOT_LOADED},
	{ZYDIS_MNEMONIC_PUSH, BIT(FS) | BIT(GS), ALWAYS, "PUSH FS/GS", NOT_LOADED},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* One line to be: an instruction of the list in one symbol. */
struct group {
	const struct row *row;
	gva_t gva; /* the first time */
	uint64_t times;
};

struct search {
	const struct symbols *symbols;
	bool holds[ROWS];			   /* the row is true here */
	bool listed[ZYDIS_MNEMONIC_MAX_VALUE + 1]; /* in a row that holds */
	struct group group[SWEEP_LINES];
	unsigned groups;
	uint64_t more; /* groups there was no room for */
	/* Code is read upwards, so what belongs to one symbol comes together. */
	struct last {
		bool any;
		const struct symbol *symbol;
		struct group *group; /* NULL: left out */
	} last[ROWS];
};

static bool is_true(enum when when, const struct sweep_host *host)
{
	switch (when) {
	case WITHOUT_IOPL: return !host->iopl;
	case WITHOUT_UMIP: return !host->umip;
	case ALWAYS: break;
	}
	return true;
}

/* The bit of the segment register that MOV or PUSH reads; 0: another form. */
static unsigned segment_read(const ZydisDecodedInstruction *in)
{
	if (in->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && in->opcode == 0x8c)
		return BIT(in->raw.modrm.reg);
	if (in->opcode_map == ZYDIS_OPCODE_MAP_0F && (in->opcode == 0xa0 || in->opcode == 0xa8))
		return BIT(in->opcode == 0xa0 ? FS : GS);
	return 0;
}

static void note(struct search *s, unsigned row, gva_t gva)
{
	const struct symbol *symbol = symbols_at(s->symbols, gva);
	struct last *last = &s->last[row];

	if (!last->any || last->symbol != symbol) {
		*last = (struct last){.any = true, .symbol = symbol};
		if (s->groups < SWEEP_LINES) {
			last->group = &s->group[s->groups++];
			*last->group = (struct group){.row = &rows[row], .gva = gva};
		} else {
			s->more++;
		}
	}
	if (last->group)
		last->group->times++;
}

static void look(struct search *s, const ZydisDecodedInstruction *in, gva_t gva)
{
	unsigned segment = segment_read(in);

	for (unsigned i = 0; i < ROWS; i++)
		if (s->holds[i] && rows[i].mnemonic == in->mnemonic &&
		    (!rows[i].segments || rows[i].segments & segment))
			note(s, i, gva);
}

static void read_text(struct search *s, const ZydisDecoder *decoder, const struct sweep_text *text)
{
	ZydisDecodedInstruction in;

	for (uint64_t at = 0; at < text->size; at += in.length) {
		if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(decoder, NULL, text->bytes + at,
							      text->size - at, &in)))
			in.length = 1;
		else if (s->listed[in.mnemonic])
			look(s, &in, text->gva + at);
	}
}

/* A long name must not push the rest out of 80 columns. */
#define PLACE_WIDTH 32

static void write_line(struct sweep *result, const struct search *s, const struct group *g)
{
	char place[PLACE_WIDTH], times[40] = "";

	if (symbols_at(s->symbols, g->gva))
		symbols_format(s->symbols, g->gva, place, sizeof(place));
	else
		snprintf(place, sizeof(place), "GVA 0x%llx", (unsigned long long)g->gva);
	if (g->times > 1)
		snprintf(times, sizeof(times), " (%llu times)", (unsigned long long)g->times);
	snprintf(result->line[result->count++], SWEEP_WIDTH, "%s at %s%s may %s", g->row->name,
		 place, times, g->row->effect);
}

void sweep(struct sweep *result, const struct sweep_text *text, unsigned count,
	   const struct symbols *symbols, const struct sweep_host *host)
{
	struct search s = {.symbols = symbols};
	ZydisDecoder decoder;

	for (unsigned i = 0; i < ROWS; i++) {
		s.holds[i] = is_true(rows[i].when, host);
		s.listed[rows[i].mnemonic] |= s.holds[i];
	}
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	/* No operands: the mnemonic and the bytes of the opcode tell all, in half the time. */
	ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
	for (unsigned i = 0; i < count; i++)
		read_text(&s, &decoder, &text[i]);
	*result = (struct sweep){0};
	for (unsigned i = 0; i < s.groups; i++)
		write_line(result, &s, &s.group[i]);
	if (s.more)
		snprintf(result->line[result->count++], SWEEP_WIDTH, "and %llu more like these",
			 (unsigned long long)s.more);
}
