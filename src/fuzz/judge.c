/* SPDX-License-Identifier: MIT */
/* What has happened against what must or may: outcomes, words, and the choice of a chain. */
#include "fuzz/layout.h"
#include "fuzz/model.h"
#include "x86.h"

#include <inttypes.h>
#include <string.h>

static void print_outcome(const struct fuzz_op *op, const struct fuzz_outcome *o, char *text,
			  size_t size)
{
	if (o->vector == FUZZ_PF)
		snprintf(text, size, "#PF 0x%x, CR2 0x%" PRIx64, o->error, o->cr2);
	else if (o->vector != FUZZ_NO_TRAP && o->vector != FUZZ_UD)
		snprintf(text, size, "exception %u at 0x%" PRIx64, o->vector, o->cr2);
	else if (op->kind == FUZZ_READ)
		snprintf(text, size, "0x%" PRIx64, o->value);
	else
		snprintf(text, size, "done");
}

static bool is_same(const struct fuzz_model *m, const struct fuzz_op *op,
		    const struct fuzz_outcome *must, const struct fuzz_outcome *got)
{
	uint32_t error = must->error;

	if (must->vector != got->vector)
		return false;
	if (must->vector != FUZZ_PF)
		return op->kind != FUZZ_READ || must->value == got->value;
	if (must->cr2 != got->cr2)
		return false;
	if (m->facts.reserved_without_p && error & PF_ERR_RESERVED) {
		if (m->facts.mixed && error == got->error)
			return true;
		error &= ~PF_ERR_PRESENT;
	}
	return error == got->error;
}

bool fuzz_same_outcome(const struct fuzz_model *m, const struct fuzz_op *op,
		       const struct fuzz_outcome *must, const struct fuzz_outcome *got, char *why,
		       size_t size)
{
	char is[64], want[64];

	if (is_same(m, op, must, got))
		return true;
	print_outcome(op, got, is, sizeof(is));
	print_outcome(op, must, want, sizeof(want));
	snprintf(why, size, "%s, and not %s", is, want);
	return false;
}

/* A flag that may have come has come. */
static void adopt(struct fuzz_model *m, unsigned word, uint64_t value)
{
	*m->at[word] = value;
}

bool fuzz_same_words(struct fuzz_model *m, uint64_t *const live[], char *why, size_t size)
{
	for (unsigned w = 0; w < FUZZ_WORDS; w++) {
		uint64_t is = *live[w], want = *m->at[w];

		if (is == want)
			continue;
		if (is == (want | (is & m->loose[w]))) {
			adopt(m, w, is);
			continue;
		}
		snprintf(why, size, "%c%u[%u] is 0x%" PRIx64 ", and not 0x%" PRIx64,
			 w / FUZZ_INDICES < FUZZ_TABLES ? 't' : 'd',
			 w / FUZZ_INDICES % (w / FUZZ_INDICES < FUZZ_TABLES ? 256 : FUZZ_TABLES),
			 fuzz_indices[w % FUZZ_INDICES], is, want);
		return false;
	}
	return true;
}

/* --- An open access ------------------------------------------------------------------------- */

static unsigned data_word(const struct fuzz_chain *c)
{
	return fuzz_word_at(c->result.gpa);
}

static bool is_outcome_of(struct fuzz_model *m, const struct fuzz_chain *c,
			  const struct fuzz_outcome *got, uint64_t *const live[])
{
	const struct fuzz_op *op = &m->open;
	bool done = c->result.outcome == WALK_OK;
	struct fuzz_outcome must = {
		.vector = done ? (op->who == FUZZ_USER ? FUZZ_UD : FUZZ_NO_TRAP) : FUZZ_PF,
		.error = c->result.error_code,
		.cr2 = fuzz_query(op).gva,
		.value = got->value,
	};
	unsigned data = FUZZ_WORDS;

	if (!is_same(m, op, &must, got))
		return false;
	if (done && op->kind != FUZZ_FETCH)
		data = data_word(c);
	if (data < FUZZ_WORDS && op->kind == FUZZ_READ) {
		uint64_t held = *m->at[data];

		/* The flags that this access may set may be what it has read. */
		if (got->value != (held | (got->value & m->loose[data])))
			return false;
	}
	for (unsigned w = 0; w < FUZZ_WORDS; w++) {
		uint64_t want = *m->at[w];

		if (w == data && op->kind == FUZZ_WRITE)
			want = op->value;
		if (*live[w] != (want | (*live[w] & m->loose[w])))
			return false;
	}
	return true;
}

static void loosen(struct fuzz_model *m)
{
	for (unsigned i = 0; i < m->chains; i++) {
		const struct fuzz_chain *c = &m->chain[i];

		for (unsigned k = 0; k < c->count; k++) {
			/* One that is not present is not used. */
			if (!(c->value[k] & PTE_PRESENT))
				continue;
			m->loose[c->word[k]] |= PTE_ACCESSED;
			if (k + 1 == c->count && m->open.kind == FUZZ_WRITE)
				m->loose[c->word[k]] |= PTE_DIRTY;
		}
	}
}

bool fuzz_settle(struct fuzz_model *m, const struct fuzz_outcome *got, uint64_t *const live[],
		 bool *fresh, char *why, size_t size)
{
	const struct fuzz_chain *found = NULL;
	char is[64];
	size_t at;

	loosen(m);
	for (unsigned i = 0; i < m->chains && !found; i++)
		if (is_outcome_of(m, &m->chain[i], got, live))
			found = &m->chain[i];
	if (!found) {
		print_outcome(&m->open, got, is, sizeof(is));
		at = (size_t)snprintf(why, size, "%s, which is none of %u allowed:", is, m->chains);
		for (unsigned i = 0; i < m->chains && at < size; i++) {
			const struct walk_result *r = &m->chain[i].result;

			at += (size_t)snprintf(why + at, size - at,
					       r->outcome == WALK_OK ? " GPA 0x%" PRIx64
								     : " #PF 0x%" PRIx64,
					       r->outcome == WALK_OK ? r->gpa : r->error_code);
		}
		return false;
	}
	*fresh = found->is_now;
	if (found->result.outcome == WALK_OK && m->open.kind == FUZZ_WRITE) {
		unsigned data = data_word(found);

		/* An entry may have been used, and so be remembered, by the write that changes it. */
		*m->at[data] |= m->loose[data];
		fuzz_wrote(m, &m->open, &found->result, found->word[found->count - 1]);
		fuzz_store(m, data, m->open.value);
	}
	if (found->result.outcome == WALK_FAULT)
		fuzz_faulted(m, m->open.gva);
	for (unsigned w = 0; w < FUZZ_WORDS; w++)
		adopt(m, w, *live[w]);
	memset(m->loose, 0, sizeof(m->loose));
	m->now++;
	return true;
}
