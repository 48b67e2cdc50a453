/* SPDX-License-Identifier: MIT */
#include "fuzz/campaign.h"

#include "error.h"
#include "fuzz/generate.h"
#include "fuzz/minimise.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

uint64_t fuzz_programs(const struct fuzz_campaign *c)
{
	return (c->steps + FUZZ_PROGRAM_STEPS - 1) / FUZZ_PROGRAM_STEPS;
}

uint64_t fuzz_shard_programs(const struct fuzz_campaign *c)
{
	uint64_t all = fuzz_programs(c);

	return all > c->shard ? (all - c->shard - 1) / c->shards + 1 : 0;
}

static void count(struct fuzz_counts *all, const struct fuzz_counts *one)
{
	const uint64_t *from = (const uint64_t *)one;
	uint64_t *to = (uint64_t *)all;

	for (size_t i = 0; i < sizeof(*all) / sizeof(*to); i++)
		to[i] += from[i];
}

/* An audit takes as long as several exits: most programs have one now and then. */
#define AUDIT_FULL  16 /* one in so many programs has one at every exit ... */
#define AUDIT_EVERY 16 /* ... the others at every so many */

/* Every second program changes modes by itself as well, at any instruction. */
#define TOGGLE_NS 300000

static struct fuzz_options options_for(const struct fuzz_campaign *c, uint64_t number)
{
	struct fuzz_options o = c->options;

	if (!o.audit_every)
		o.audit_every = number % AUDIT_FULL == AUDIT_FULL - 1 ? 1 : AUDIT_EVERY;
	if (!o.toggle_ns && number % 2)
		o.toggle_ns = TOGGLE_NS;
	return o;
}

static int write_text(struct fuzz_campaign *c, struct fuzz_found *f, const struct fuzz_program *p,
		      struct pn_error *err)
{
	char comment[800];
	size_t size;
	FILE *file = open_memstream(&f->text, &size);

	if (!file)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	snprintf(comment, sizeof(comment), "seed %" PRIu64 ", program %" PRIu64 ", %s: %s", c->seed,
		 f->program, fuzz_modes[f->mode].name, f->why);
	fuzz_program_print(p, comment, file);
	return fclose(file) ? pn_fail(err, PN_ERR_NOMEM, "out of memory") : PN_OK;
}

static int keep(struct fuzz_campaign *c, struct fuzz_found *f, const struct fuzz_program *p,
		struct pn_error *err)
{
	int code = write_text(c, f, p, err);
	FILE *file;
	char *colon;

	if (code || !c->out)
		return code;
	snprintf(f->path, sizeof(f->path), "%s/%" PRIu64 "-%" PRIu64 "-%s.case", c->out, c->seed,
		 f->program, fuzz_modes[f->mode].name);
	colon = strrchr(f->path, ':');
	if (colon)
		*colon = '-';
	file = fopen(f->path, "w");
	if (!file)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "%s", f->path);
	fputs(f->text, file);
	code = ferror(file);
	if (fclose(file) || code)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "%s", f->path);
	return PN_OK;
}

static int found(struct fuzz_campaign *c, struct fuzz_model *model, unsigned mode, uint64_t number,
		 struct fuzz_program *p, const struct fuzz_result *result, struct pn_error *err)
{
	struct fuzz_found *f = &c->found[c->founds++];
	struct fuzz_result least = *result;

	const struct fuzz_options options = options_for(c, number);

	if (!result->late)
		fuzz_minimise(model, p, &fuzz_modes[mode], &options, c->watch, &least);
	*f = (struct fuzz_found){.mode = mode, .program = number, .steps = p->count};
	snprintf(f->why, sizeof(f->why), "%s", least.why);
	return keep(c, f, p, err);
}

static int run_mode(struct fuzz_campaign *c, struct fuzz_model *model, unsigned mode,
		    uint64_t number, const struct fuzz_program *p, struct pn_error *err)
{
	struct fuzz_result result;
	struct fuzz_program again = {.levels = p->levels};
	const struct fuzz_options options = options_for(c, number);
	int code = PN_OK;

	fuzz_execute(model, p, &fuzz_modes[mode], &options, c->watch, &result);
	if (result.end == FUZZ_LACKING) {
		c->lacking++;
		return PN_OK;
	}
	if (result.end == FUZZ_FAILED) {
		*err = result.err;
		return err->code;
	}
	count(&c->counts[mode], &result.counts);
	c->deviations[mode] |= result.deviations;
	if (result.end == FUZZ_STOPPED)
		c->stopped = true;
	if (result.end != FUZZ_DIVERGED)
		return PN_OK;
	for (size_t i = 0; i < result.at; i++)
		if (!fuzz_program_add(&again, &p->op[i]))
			code = pn_fail(err, PN_ERR_NOMEM, "out of memory");
	if (!code)
		code = found(c, model, mode, number, &again, &result, err);
	fuzz_program_free(&again);
	return code;
}

static int run_program(struct fuzz_campaign *c, struct fuzz_model *model, uint64_t number,
		       struct pn_error *err)
{
	struct fuzz_program p = {0};
	int code = PN_OK;

	if (!fuzz_generate(model, c->seed, number,
			   c->steps < FUZZ_PROGRAM_STEPS ? (unsigned)c->steps : FUZZ_PROGRAM_STEPS,
			   &p))
		code = pn_fail(err, PN_ERR_NOMEM, "out of memory");
	for (unsigned mode = 0; mode < FUZZ_MODES && !code && !c->stopped; mode++)
		if (c->modes >> mode & 1 && c->founds < FUZZ_FOUND_MAX)
			code = run_mode(c, model, mode, number, &p, err);
	fuzz_program_free(&p);
	c->done += !code && !c->stopped;
	return code;
}

int fuzz_campaign_run(struct fuzz_campaign *c, struct pn_error *err)
{
	struct fuzz_model *model = fuzz_model_new();
	int code = PN_OK;

	if (!model)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	for (uint64_t n = c->shard; n < fuzz_programs(c) && !code && !c->stopped; n += c->shards) {
		code = run_program(c, model, n, err);
		if (!code && (c->founds == FUZZ_FOUND_MAX || (c->go_on && !c->go_on(c->arg, c))))
			c->stopped = true;
	}
	fuzz_model_free(model);
	return code;
}

void fuzz_campaign_free(struct fuzz_campaign *c)
{
	for (unsigned i = 0; i < c->founds; i++)
		free(c->found[i].text);
	c->founds = 0;
}
