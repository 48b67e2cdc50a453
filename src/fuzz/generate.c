/* SPDX-License-Identifier: MIT */
#include "fuzz/generate.h"

#include "fuzz/layout.h"
#include "fuzz/random.h"
#include "memory/format.h"

#include <string.h>

#define RECENT 12 /* GVAs that are used again and again */

/* What a program is like, drawn once. */
struct manner {
	bool complete;	 /* no flush is missing */
	unsigned global; /* of 64 entries, so many are global */
	unsigned odd;	 /* ... have a bit that they should not have */
	unsigned large;	 /* ... are large pages where they can be */
	unsigned absent;
	unsigned clear;	 /* ... lack A, or D */
	unsigned batch;	 /* of 64 operations, so many are followed by FUZZ_SYNC */
	bool registers;	 /* they change often */
	unsigned frames; /* tables that are used */
};

struct generator {
	struct fuzz_model *model;
	struct fuzz_program *p;
	struct fuzz_random dice;
	struct manner manner;
	gva_t recent[RECENT];
	uint64_t stamp; /* of the next value to be written */
	unsigned steps;
	bool failed;
};

static unsigned roll(struct generator *g, unsigned n)
{
	return fuzz_roll(&g->dice, n);
}

static bool once_in(struct generator *g, unsigned n)
{
	return roll(g, n) == 0;
}

/* --- Adding --------------------------------------------------------------------------------- */

static void add(struct generator *g, const struct fuzz_op *op)
{
	if (!fuzz_program_add(g->p, op))
		g->failed = true;
}

/* The generator takes an open access for one that goes by what is now. */
static void assume(struct generator *g)
{
	struct fuzz_model *m = g->model;
	struct fuzz_outcome got = {.vector = 0};
	char why[16];
	bool fresh;

	for (unsigned i = 0; i < m->chains; i++) {
		const struct walk_result *r = &m->chain[i].result;
		bool done = r->outcome == WALK_OK;

		if (!m->chain[i].is_now)
			continue;
		got.vector = done ? (m->open.who == FUZZ_USER ? FUZZ_UD : FUZZ_NO_TRAP) : FUZZ_PF;
		got.error = done ? 0 : r->error_code;
		got.cr2 = fuzz_query(&m->open).gva;
		if (done && m->open.kind != FUZZ_FETCH)
			got.value = *m->at[fuzz_word_at(r->gpa)];
		if (done && m->open.kind == FUZZ_WRITE)
			fuzz_store(m, fuzz_word_at(r->gpa), m->open.value);
	}
	(void)fuzz_settle(m, &got, m->at, &fresh, why, sizeof(why));
	memset(m->loose, 0, sizeof(m->loose));
}

static void emit(struct generator *g, const struct fuzz_op *op)
{
	struct fuzz_outcome must;

	add(g, op);
	if (fuzz_do(g->model, op, &must) == FUZZ_OPEN)
		assume(g);
	g->steps++;
	if (roll(g, 64) < g->manner.batch)
		add(g, &(struct fuzz_op){.kind = FUZZ_SYNC});
}

/* A flush that settles an access: the least that does, or now and then more. */
static void settle(struct generator *g, const struct fuzz_op *op)
{
	const struct fuzz_op kinds[] = {
		{.kind = FUZZ_INVLPG, .gva = op->gva},
		{.kind = FUZZ_CR3, .frame = (uint8_t)g->model->regs.root},
		{.kind = FUZZ_FLUSH},
	};

	for (unsigned i = roll(g, 4) / 2; i < 3; i++) {
		emit(g, &kinds[i]);
		if (fuzz_look(g->model, op) == FUZZ_SURE)
			return;
	}
}

/* --- Drawing -------------------------------------------------------------------------------- */

static gva_t draw_gva(struct generator *g)
{
	const unsigned levels = g->model->facts.levels;
	uint16_t index[5] = {0};
	gva_t gva;

	if (g->recent[0] && !once_in(g, 8))
		return g->recent[roll(g, RECENT)] | (gva_t)fuzz_indices[roll(g, FUZZ_INDICES)] << 3;
	do {
		for (unsigned level = 1; level <= levels; level++)
			index[level - 1] = fuzz_indices[roll(g, FUZZ_INDICES)];
		gva = fuzz_gva(index, levels);
	} while (!fuzz_gva_is_valid(gva, levels));
	g->recent[roll(g, RECENT)] = gva;
	for (unsigned i = 0; i < RECENT; i++)
		if (!g->recent[i])
			g->recent[i] = gva;
	return gva | (gva_t)fuzz_indices[roll(g, FUZZ_INDICES)] << 3;
}

/* Upper entries forbid little, or hardly an access would be left. */
static uint64_t draw_flags(struct generator *g, bool leaf)
{
	const struct manner *k = &g->manner;
	uint64_t flags = PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;

	flags |= once_in(g, leaf ? 5 : 20) ? 0 : PTE_WRITE;
	flags |= once_in(g, leaf ? 6 : 30) ? 0 : PTE_USER;
	flags |= once_in(g, leaf ? 8 : 30) ? PTE_NX : 0;
	flags |= roll(g, 64) < k->global ? PTE_GLOBAL : 0;
	if (roll(g, 64) < k->clear)
		flags &= ~PTE_ACCESSED;
	if (roll(g, 64) < k->clear)
		flags &= ~PTE_DIRTY;
	if (roll(g, 64) < k->absent)
		flags &= ~PTE_PRESENT;
	if (g->model->regs.pke || once_in(g, 32))
		flags |= (uint64_t)roll(g, 3) << PTE_PKEY_SHIFT;
	return flags;
}

/* An entry for a table of a level, which is only what it is meant for. */
static uint64_t draw_entry(struct generator *g, unsigned level)
{
	const struct manner *k = &g->manner;
	bool leaf = level == 1 || (level <= 3 && roll(g, 64) < k->large);
	uint64_t entry = draw_flags(g, leaf);

	if (leaf && level > 1) {
		entry |= PTE_PS;
		entry |= level == 3 ? 0 : fuzz_regions[roll(g, FUZZ_REGIONS)];
	} else if (leaf) {
		/* A page, or now and then a table. */
		entry |= fuzz_frame_gpa(once_in(g, 4) ? roll(g, k->frames)
						      : FUZZ_TABLES + roll(g, FUZZ_PAGES));
	} else {
		entry |= fuzz_frame_gpa(once_in(g, 12) ? roll(g, FUZZ_FRAMES) : roll(g, k->frames));
	}
	if (roll(g, 64) < k->odd)
		entry ^= once_in(g, 2) ? UINT64_C(1) << 51 : PTE_PS;
	return entry;
}

/* --- Steps ---------------------------------------------------------------------------------- */

static void set(struct generator *g, unsigned word, uint64_t value)
{
	emit(g, &(struct fuzz_op){.kind = FUZZ_SET,
				  .frame = (uint8_t)(word / FUZZ_INDICES),
				  .other = (uint8_t)(word % FUZZ_INDICES),
				  .value = value});
}

/* The words on the way of a GVA, as far as it goes; returns their number. */
static unsigned way(const struct generator *g, gva_t gva, unsigned word[5])
{
	const struct fuzz_model *m = g->model;
	unsigned frame = m->regs.root, count = 0;

	for (unsigned level = m->facts.levels; level >= 1 && frame < FUZZ_FRAMES; level--) {
		uint64_t entry;

		word[count] = fuzz_word(frame, fuzz_place(fuzz_index(gva, level)));
		entry = *m->at[word[count++]];
		if (!(entry & PTE_PRESENT) || (entry & PTE_PS && level <= 3))
			break;
		frame = fuzz_frame_at(entry & PTE_BITS(47, 12));
	}
	return count;
}

/* Makes a way for a GVA where it ends. */
static void build(struct generator *g, gva_t gva)
{
	const unsigned levels = g->model->facts.levels;
	unsigned word[5];

	for (unsigned tries = 0; tries < levels; tries++) {
		unsigned count = way(g, gva, word);
		unsigned level = levels - count + 1;
		uint64_t entry;

		if (!count)
			return;
		entry = *g->model->at[word[count - 1]];
		if (entry & PTE_PRESENT && (level == 1 || entry & PTE_PS))
			return;
		set(g, word[count - 1], draw_entry(g, level));
	}
}

/* Changes an entry on the way of a GVA. */
static void edit(struct generator *g)
{
	static const uint64_t bits[] = {PTE_PRESENT,  PTE_WRITE,    PTE_WRITE,	     PTE_USER,
					PTE_ACCESSED, PTE_ACCESSED, PTE_DIRTY,	     PTE_NX,
					PTE_GLOBAL,   PTE_PS,	    PTE_BITS(60, 59)};
	unsigned word[5], count = way(g, draw_gva(g), word), at = roll(g, count);
	uint64_t entry;

	if (!count)
		return;
	entry = *g->model->at[word[at]];
	if (once_in(g, 2))
		at = count - 1;
	if (once_in(g, 3))
		entry = draw_entry(g, g->model->facts.levels - at);
	else
		entry ^= bits[roll(g, sizeof(bits) / sizeof(bits[0]))];
	if (entry & PTE_GLOBAL && roll(g, 64) >= g->manner.global)
		entry &= ~PTE_GLOBAL;
	set(g, word[at], entry);
}

/* A program's value never looks like an entry that is present, unless it is to be one. */
static uint64_t draw_value(struct generator *g, gva_t gva)
{
	unsigned word[5];

	if (once_in(g, 2)) {
		(void)way(g, gva, word);
		return draw_entry(g, 1 + roll(g, g->model->facts.levels));
	}
	return ++g->stamp << 12 | 0xada;
}

static void access_once(struct generator *g, gva_t gva)
{
	struct fuzz_op op = {
		.kind = (uint8_t)(FUZZ_READ + roll(g, 5) % 3), .who = FUZZ_USER, .gva = gva};

	if (once_in(g, 2))
		op.who = g->model->regs.smap && once_in(g, 2) ? FUZZ_KERNEL_AC : FUZZ_KERNEL;
	if (op.kind == FUZZ_WRITE)
		op.value = draw_value(g, gva);
	switch (fuzz_look(g->model, &op)) {
	case FUZZ_SKIPPED:
		/* More than can be kept, or nothing to be asked: a flush helps the one. */
		if (once_in(g, 8))
			emit(g, &(struct fuzz_op){.kind = FUZZ_FLUSH});
		return;
	case FUZZ_OPEN:
		if (g->manner.complete || g->model->chains > FUZZ_CHAINS / 2 || once_in(g, 8))
			settle(g, &op);
		break;
	case FUZZ_SURE: break;
	}
	emit(g, &op);
}

static void access_some(struct generator *g)
{
	gva_t gva = draw_gva(g);

	if (!once_in(g, 4))
		build(g, gva);
	access_once(g, gva);
	while (once_in(g, 3))
		access_once(g, gva);
}

static void change_register(struct generator *g)
{
	static const uint8_t kinds[] = {FUZZ_WP,   FUZZ_WP,  FUZZ_NXE, FUZZ_SMEP, FUZZ_SMAP,
					FUZZ_SMAP, FUZZ_PKE, FUZZ_PGE, FUZZ_PKRU, FUZZ_PKRU};
	struct fuzz_op op = {.kind = kinds[roll(g, sizeof(kinds))], .value = roll(g, 2)};

	if (op.kind == FUZZ_PKRU)
		op.value = roll(g, 64);
	else if (op.kind == FUZZ_NXE)
		op.value = !once_in(g, 4);
	emit(g, &op);
}

static void step(struct generator *g)
{
	unsigned what = roll(g, 100);

	if (what < 45)
		access_some(g);
	else if (what < 58)
		build(g, draw_gva(g));
	else if (what < 78)
		edit(g);
	else if (what < 84)
		emit(g, &(struct fuzz_op){.kind = FUZZ_INVLPG, .gva = draw_gva(g)});
	else if (what < 89)
		emit(g, &(struct fuzz_op){.kind = FUZZ_CR3, .frame = (uint8_t)roll(g, FUZZ_ROOTS)});
	else if (what < 91)
		emit(g, &(struct fuzz_op){.kind = FUZZ_FLUSH});
	else if (what < 93)
		emit(g, &(struct fuzz_op){.kind = FUZZ_COPY,
					  .frame = (uint8_t)roll(g, g->manner.frames),
					  .other = (uint8_t)roll(g, g->manner.frames)});
	else if (what < 94)
		emit(g, &(struct fuzz_op){.kind = FUZZ_INVPCID,
					  .other = (uint8_t)roll(g, 4),
					  .gva = draw_gva(g)});
	else if (what < 96 || !g->manner.registers)
		emit(g, &(struct fuzz_op){.kind = FUZZ_TOGGLE});
	else
		change_register(g);
}

static struct manner draw_manner(struct generator *g)
{
	static const unsigned some[] = {0, 0, 2, 6, 16}, batches[] = {64, 32, 16, 6};

	return (struct manner){
		.complete = !once_in(g, 4),
		.global = some[roll(g, 5)],
		.odd = some[roll(g, 4)],
		.large = some[roll(g, 5)],
		.absent = some[roll(g, 4)] + 1,
		.clear = some[roll(g, 5)] * 2,
		.batch = batches[roll(g, 4)],
		.registers = once_in(g, 2),
		.frames = 6 + roll(g, FUZZ_TABLES - 5),
	};
}

bool fuzz_generate(struct fuzz_model *model, uint64_t seed, uint64_t number, unsigned steps,
		   struct fuzz_program *p)
{
	struct generator g = {.model = model, .p = p};
	struct fuzz_facts facts = {.maxphyaddr = 46, .has_1g = true, .offered = FUZZ_HAS_ALL};

	g.dice.state = seed;
	g.dice.state = fuzz_next(&g.dice) ^ number * UINT64_C(0xd1342543de82ef95);
	facts.levels = once_in(&g, 6) ? 5 : 4;
	p->levels = facts.levels;
	g.manner = draw_manner(&g);
	fuzz_model_reset(model, &facts);
	while (g.steps < steps && !g.failed)
		step(&g);
	add(&g, &(struct fuzz_op){.kind = FUZZ_SYNC});
	return !g.failed;
}
