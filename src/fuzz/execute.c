/* SPDX-License-Identifier: MIT */
/*
 * The guest asks for work by an OUT. The answer to it, in one go: what the last batch has come to is
 * judged, and the next one is put into the slots. A batch ends at FUZZ_SYNC, or behind an access whose
 * outcome is open: the model must know how that went before it can go on.
 */
#include "fuzz/execute.h"

#include <stdio.h>
#include <string.h>

struct execution {
	struct fuzz_model *model;
	const struct fuzz_program *p;
	struct fuzz_guest guest;
	struct fuzz_result *result;
	unsigned lost; /* of the options */
	size_t at;     /* the next operation */
	bool ended;

	/* The batch that the guest has. */
	unsigned count;
	bool open; /* the last of it is */
	size_t op[FUZZ_BATCH];
	struct fuzz_outcome must[FUZZ_BATCH];
};

static bool diverged(struct execution *x, size_t op, const char *what)
{
	char text[FUZZ_OP_TEXT];

	if (op < x->p->count)
		fuzz_op_print(&x->p->op[op], text);
	x->result->end = FUZZ_DIVERGED;
	x->result->at = x->at;
	snprintf(x->result->why, sizeof(x->result->why), "%s%s%s", op < x->p->count ? text : "",
		 op < x->p->count ? ": " : "", what);
	return false;
}

static bool judge_last(struct execution *x, const struct fuzz_outcome *got)
{
	char why[256];
	bool fresh;

	if (!fuzz_settle(x->model, got, x->guest.live, &fresh, why, sizeof(why)))
		return diverged(x, x->op[x->count - 1], why);
	if (x->model->chains > 1) {
		x->result->counts.open++;
		x->result->counts.old += !fresh;
	}
	return true;
}

static bool judge(struct execution *x)
{
	struct fuzz_counts *n = &x->result->counts;
	char why[256];

	for (unsigned i = 0; i < x->count; i++) {
		const struct fuzz_op *op = &x->p->op[x->op[i]];
		const struct fuzz_outcome got = fuzz_guest_outcome(&x->guest, i);

		n->steps++;
		n->done[op->kind]++;
		n->user += fuzz_is_access(op) && op->who == FUZZ_USER;
		n->faults += fuzz_is_access(op) && got.vector == FUZZ_PF;
		if (x->open && i == x->count - 1)
			return judge_last(x, &got);
		if (!fuzz_same_outcome(x->model, op, &x->must[i], &got, why, sizeof(why)))
			return diverged(x, x->op[i], why);
	}
	if (!fuzz_same_words(x->model, x->guest.live, why, sizeof(why)))
		return diverged(x, x->count ? x->op[x->count - 1] : x->p->count, why);
	return true;
}

static void fill(struct execution *x)
{
	enum pn_mode mode = pn_mode(x->guest.m);

	x->count = 0;
	x->open = false;
	while (x->at < x->p->count && x->count < FUZZ_BATCH - 1 && !x->open) {
		const struct fuzz_op *op = &x->p->op[x->at];
		enum fuzz_verdict verdict;

		if (op->kind == FUZZ_SYNC || (op->kind == FUZZ_TOGGLE && !x->guest.mode->toggles)) {
			x->at++;
			if (op->kind == FUZZ_SYNC && x->count)
				break;
			continue;
		}
		x->op[x->count] = x->at++;
		verdict = fuzz_do(x->model, op, &x->must[x->count]);
		if (verdict == FUZZ_SKIPPED) {
			x->result->counts.skipped++;
			continue;
		}
		if (op->kind == FUZZ_TOGGLE)
			mode = mode == PN_MODE_HW ? PN_MODE_SHADOW : PN_MODE_HW;
		if (x->lost >> op->kind & 1)
			continue;
		x->open = verdict == FUZZ_OPEN;
		fuzz_guest_ask(&x->guest, x->count++, op, &x->model->regs, mode);
	}
	fuzz_guest_end(&x->guest, x->count);
}

static enum bus_answer on_out(void *arg, const struct port_access *access)
{
	struct execution *x = arg;

	if (access->in)
		return BUS_UNCLAIMED;
	x->ended = !judge(x);
	if (!x->ended) {
		fill(x);
		x->ended = x->count == 0;
	}
	return x->ended ? BUS_END : BUS_DONE;
}

static void run(struct execution *x, const struct fuzz_watch *watch)
{
	struct fuzz_result *result = x->result;
	struct pn_result end;
	char why[256];
	int code;

	bus_add(&x->guest.m->bus, FUZZ_PORT, FUZZ_PORT, on_out, x);
	if (watch)
		watch->begin(watch->arg, x->guest.m);
	code = pn_run(x->guest.m, &end, &result->err);
	if (watch)
		watch->end(watch->arg);
	result->counts.toggles = x->guest.m->vcpu.toggles;
	result->deviations = x->guest.deviations;
	result->counts.exits = x->guest.m->vcpu.history.total;
	if (code) {
		result->end = FUZZ_FAILED;
		return;
	}
	if (end.end == PN_END_STATUS && x->ended)
		return;
	if (end.end == PN_END_STOPPED && !(watch && watch->is_late(watch->arg))) {
		result->end = FUZZ_STOPPED;
		return;
	}
	result->late = end.end == PN_END_STOPPED;
	snprintf(why, sizeof(why), "the guest ended: %s",
		 end.end == PN_END_STOPPED ? "it made no progress" : end.reason);
	diverged(x, x->count ? x->op[x->count - 1] : x->p->count, why);
}

void fuzz_execute(struct fuzz_model *model, const struct fuzz_program *p,
		  const struct fuzz_mode *mode, const struct fuzz_options *options,
		  const struct fuzz_watch *watch, struct fuzz_result *result)
{
	struct execution x = {.model = model, .p = p, .result = result, .lost = options->lost};
	int code;

	*result = (struct fuzz_result){.end = FUZZ_AGREED, .counts.programs = 1};
	code = fuzz_guest_make(&x.guest, mode, p->levels, options, &result->err);
	if (code) {
		result->end = code == PN_ERR_HOST_LACKS ? FUZZ_LACKING : FUZZ_FAILED;
		return;
	}
	fuzz_model_reset(model, &x.guest.facts);
	run(&x, watch);
	fuzz_guest_free(&x.guest);
}
