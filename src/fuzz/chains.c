/* SPDX-License-Identifier: MIT */
/*
 * The chains of an access: every way down the tables, entry by entry what it is or was; of those the
 * ones for which there are times (model.h). What a chain comes to is walk()'s to say: its values are
 * put into tables of their own.
 */
#include "fuzz/model.h"

#include "x86.h"

#include <string.h>

#define ALWAYS UINT32_MAX

/* A chain in the making. */
struct search {
	struct fuzz_model *m;
	const struct fuzz_op *op;
	struct walk_query query;
	unsigned load; /* of CR3, under which it was found */
	struct fuzz_chain chain;
	uint32_t from[PT_LEVEL_MAX], to[PT_LEVEL_MAX];
	bool failed; /* the access cannot be asked */
};

static unsigned level_of(const struct search *s, unsigned place)
{
	return s->m->facts.levels - place;
}

/* --- Times ---------------------------------------------------------------------------------- */

/* When the page was last forgotten, as a page of the size that the chain's leaf says. */
static uint32_t dropped(const struct search *s, bool global)
{
	const struct fuzz_model *m = s->m;
	unsigned shift = PAGE_SHIFT + 9 * (level_of(s, s->chain.count - 1) - 1);
	uint32_t last = m->flushed;

	for (unsigned i = 0; i < m->drops; i++)
		if ((m->drop[i].gva ^ s->op->gva) >> shift == 0 && !(m->drop[i].local && global))
			last = m->drop[i].when;
	if (!global && m->load[m->loads - 1].from > last)
		last = m->load[m->loads - 1].from;
	return last;
}

/* Whether there are times in one epoch: none of a level before that of the level above, and the
 * last since the page was dropped. */
static bool fits(const struct search *s, unsigned epoch, bool global, uint32_t since)
{
	const struct fuzz_model *m = s->m;
	bool last_epoch = epoch + 1 == m->epochs, last_load = s->load + 1 == m->loads;
	uint32_t end = last_epoch ? ALWAYS : m->epoch[epoch + 1];
	uint32_t under = last_load ? ALWAYS : m->load[s->load + 1].from;
	uint32_t t = m->epoch[epoch];
	unsigned last = s->chain.count - 1;

	if (t < m->load[s->load].from)
		t = m->load[s->load].from;
	if (under < end)
		end = under;
	if (!global && !last_load)
		return false;
	for (unsigned i = 0; i <= last; i++) {
		if (t < s->from[i])
			t = s->from[i];
		if (i == last && t < since)
			t = since;
		if (t >= s->to[i] || t >= end)
			return false;
	}
	return true;
}

static bool is_remembered_global(const struct search *s)
{
	return s->m->regs.pge && s->chain.value[s->chain.count - 1] & PTE_GLOBAL;
}

static bool is_possible(const struct search *s)
{
	const struct fuzz_model *m = s->m;
	const struct walk_result *r = &s->chain.result;
	unsigned last = s->chain.count - 1;
	bool global;
	uint32_t since;

	if (r->outcome == WALK_FAULT &&
	    (r->cause == WALK_CAUSE_NOT_PRESENT || r->cause == WALK_CAUSE_RESERVED_BIT))
		/* Never remembered: it is read now. */
		return s->to[last] == ALWAYS && s->load + 1 == m->loads &&
		       fits(s, m->epochs - 1, false, 0);
	global = is_remembered_global(s);
	since = dropped(s, global);
	for (unsigned e = 0; e < m->epochs; e++)
		if (fits(s, e, global, since))
			return true;
	return false;
}

/* --- Outcomes ------------------------------------------------------------------------------- */

static bool is_known(const struct search *s)
{
	const struct fuzz_model *m = s->m;
	const struct fuzz_chain *c = &s->chain;

	for (unsigned i = 0; i < m->chains; i++) {
		const struct fuzz_chain *k = &m->chain[i];

		if (k->count == c->count &&
		    memcmp(k->word, c->word, c->count * sizeof(c->word[0])) == 0 &&
		    memcmp(k->value, c->value, c->count * sizeof(c->value[0])) == 0)
			return true;
	}
	return false;
}

/* Whether what it leads to is of the world, and no code that cannot be read. */
static bool is_askable(const struct search *s)
{
	const struct fuzz_model *m = s->m;
	const struct walk_result *r = &s->chain.result;
	struct walk_query query = s->query;
	struct walk_result read;

	if (r->outcome == WALK_FAULT)
		return true;
	if (r->outcome != WALK_OK)
		return false;
	if (s->op->kind != FUZZ_FETCH)
		return fuzz_word_at(r->gpa) < FUZZ_WORDS;
	query.access = WALK_READ;
	return fuzz_frame_at(r->gpa) < FUZZ_FRAMES &&
	       walk(&m->scratch, &m->scratch_ctx[s->op->who == FUZZ_KERNEL_AC], &query, &read,
		    NULL) == WALK_OK;
}

/* A host for which SMAP may not count goes on as if AC were set. */
static bool may_lapse(struct search *s)
{
	const struct fuzz_model *m = s->m;
	struct fuzz_chain *c = &s->chain;

	return m->facts.smap_lapses && !m->regs.wp && c->result.cause == WALK_CAUSE_SMAP &&
	       m->word[c->word[c->count - 1]].written &&
	       walk(&m->scratch, &m->scratch_ctx[1], &s->query, &c->result, NULL) != WALK_FAULT;
}

static void keep(struct search *s)
{
	struct fuzz_model *m = s->m;
	struct fuzz_chain *c = &s->chain;

	if (!is_askable(s) || m->chains == FUZZ_CHAINS) {
		s->failed = true;
		return;
	}
	c->is_now = s->load + 1 == m->loads;
	for (unsigned i = 0; i < c->count; i++)
		c->is_now &= s->to[i] == ALWAYS;
	m->chain[m->chains++] = *c;
}

static void end(struct search *s, unsigned count)
{
	struct fuzz_model *m = s->m;
	struct fuzz_chain *c = &s->chain;
	struct walk_path path;

	walk(&m->scratch, &m->scratch_ctx[s->op->who == FUZZ_KERNEL_AC], &s->query, &c->result,
	     &path);
	/* A reserved bit may end it early; or it goes on where the world ends. */
	c->count = path.count;
	if (path.count > count) {
		c->count = count;
		c->result.outcome = WALK_NO_MEMORY;
	}
	if (s->load + 1 < m->loads &&
	    (c->result.outcome == WALK_NO_MEMORY || !is_remembered_global(s)))
		return;
	if (!is_possible(s) || is_known(s))
		return;
	keep(s);
	if (may_lapse(s))
		keep(s);
}

/* --- The search ----------------------------------------------------------------------------- */

static void go_down(struct search *s, unsigned place, unsigned frame);

static void take(struct search *s, unsigned place, uint64_t value, uint32_t from, uint32_t to)
{
	const struct fuzz_model *m = s->m;
	const unsigned level = level_of(s, place);
	const uint64_t address = PTE_BITS(m->facts.maxphyaddr - 1, 12);
	uint64_t *entry =
		m->scratch_pages + place * (PAGE_SIZE / 8) + fuzz_index(s->op->gva, level);
	unsigned next = fuzz_frame_at(value & address);

	if (m->facts.no_high_global && level >= 4 && value & PTE_GLOBAL && value & PTE_PRESENT) {
		s->failed = true;
		return;
	}
	s->chain.value[place] = value;
	s->from[place] = from;
	s->to[place] = to;
	*entry = value;
	if (!(value & PTE_PRESENT) || level == 1 || next == FUZZ_FRAMES ||
	    (value & PTE_PS && (level > 3 || level == 2 || m->facts.has_1g))) {
		end(s, place + 1);
		return;
	}
	*entry = (value & ~address) | (FUZZ_SCRATCH + (place + 1) * PAGE_SIZE);
	go_down(s, place + 1, next);
}

static void go_down(struct search *s, unsigned place, unsigned frame)
{
	const struct fuzz_model *m = s->m;
	unsigned word =
		frame * FUZZ_INDICES + fuzz_place(fuzz_index(s->op->gva, level_of(s, place)));
	const struct fuzz_word *w = &m->word[word];

	if (w->lost > m->flushed) {
		s->failed = true;
		return;
	}
	s->chain.word[place] = word;
	take(s, place, *m->at[word], w->since, ALWAYS);
	for (unsigned i = 0; i < w->count && !s->failed; i++) {
		if (w->old[i].to <= m->flushed)
			continue;
		s->chain.word[place] = word;
		take(s, place, w->old[i].value, w->old[i].from, w->old[i].to);
	}
}

bool fuzz_chains(struct fuzz_model *m, const struct fuzz_op *op)
{
	struct search s = {.m = m, .op = op, .query = fuzz_query(op)};

	m->chains = 0;
	if (m->lost)
		return false;
	s.load = m->loads - 1;
	go_down(&s, 0, m->load[s.load].root);
	/* What is global may be remembered from under another root. */
	while (m->globals && m->regs.pge && s.load > 0 && !s.failed) {
		s.load--;
		go_down(&s, 0, m->load[s.load].root);
	}
	return !s.failed;
}
