/* SPDX-License-Identifier: MIT */
/*
 * Zeller's delta debugging, the half of it that leaves out: pieces of the program, half of it at
 * first and single operations in the end, as long as anything goes. Any program can be run, so that
 * nothing has to be kept for another's sake.
 */
#include "fuzz/minimise.h"

#include "memory/format.h"

#include <stdlib.h>
#include <string.h>

/* Leaves out operations [from, from + n); false, and as before, if that is no longer bad. */
static bool leave_out(struct fuzz_program *p, size_t from, size_t n, fuzz_predicate *is_bad,
		      void *arg)
{
	struct fuzz_op *removed = malloc(n * sizeof(*removed));
	size_t behind = (p->count - from - n) * sizeof(*p->op);

	if (!removed)
		return false;
	memcpy(removed, p->op + from, n * sizeof(*removed));
	memmove(p->op + from, p->op + from + n, behind);
	p->count -= n;
	if (!is_bad(arg, p)) {
		memmove(p->op + from + n, p->op + from, behind);
		memcpy(p->op + from, removed, n * sizeof(*removed));
		p->count += n;
		n = 0;
	}
	free(removed);
	return n != 0;
}

static bool shorten(struct fuzz_program *p, size_t piece, fuzz_predicate *is_bad, void *arg)
{
	bool any = false;

	/* From the end: what comes last is the least likely to matter to what comes before. */
	for (size_t end = p->count; end > 0;) {
		size_t n = piece < end ? piece : end;

		end -= n;
		any |= leave_out(p, end, n, is_bad, arg);
	}
	return any;
}

/* Bits of an entry that make a case harder to read, if they do not matter. */
static const uint64_t noise[] = {
	PTE_PKEY, PTE_NX, UINT64_C(1) << 51, PTE_GLOBAL, PTE_DIRTY, PTE_ACCESSED, PTE_PS,
};

static void simplify(struct fuzz_program *p, fuzz_predicate *is_bad, void *arg)
{
	for (size_t i = 0; i < p->count; i++)
		for (size_t b = 0; b < sizeof(noise) / sizeof(noise[0]); b++) {
			struct fuzz_op *op = &p->op[i];
			uint64_t was = op->value;

			if ((op->kind != FUZZ_SET && op->kind != FUZZ_WRITE) || !(was & noise[b]))
				continue;
			op->value &= ~noise[b];
			if (!is_bad(arg, p))
				op->value = was;
		}
}

void fuzz_reduce(struct fuzz_program *p, fuzz_predicate *is_bad, void *arg)
{
	for (size_t piece = (p->count + 1) / 2; piece > 1; piece /= 2)
		shorten(p, piece, is_bad, arg);
	while (shorten(p, 1, is_bad, arg))
		;
	simplify(p, is_bad, arg);
}

/* --- By running it -------------------------------------------------------------------------- */

/* What goes wrong now and then is tried oftener. */
#define TRIES 3

struct trial {
	struct fuzz_model *model;
	const struct fuzz_mode *mode;
	const struct fuzz_options *options;
	const struct fuzz_watch *watch;
	struct fuzz_result *result;
	unsigned tries;
	bool stopped;
};

static bool diverges(void *arg, const struct fuzz_program *p)
{
	struct trial *t = arg;
	struct fuzz_result result;

	for (unsigned i = 0; i < t->tries && !t->stopped; i++) {
		fuzz_execute(t->model, p, t->mode, t->options, t->watch, &result);
		t->stopped = result.end == FUZZ_STOPPED;
		if (result.end == FUZZ_DIVERGED) {
			*t->result = result;
			return true;
		}
	}
	return false;
}

void fuzz_minimise(struct fuzz_model *model, struct fuzz_program *p, const struct fuzz_mode *mode,
		   const struct fuzz_options *options, const struct fuzz_watch *watch,
		   struct fuzz_result *result)
{
	struct trial t = {.model = model,
			  .mode = mode,
			  .options = options,
			  .watch = watch,
			  .result = result,
			  .tries = 1};

	if (!diverges(&t, p)) {
		t.tries = TRIES;
		if (!diverges(&t, p))
			return;
	}
	fuzz_reduce(p, diverges, &t);
}
