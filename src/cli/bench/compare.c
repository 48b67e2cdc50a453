/* SPDX-License-Identifier: MIT */
/*
 * penumbra bench compare: what has changed between two results of penumbra bench --json, the one
 * before and the one now.
 *
 * Counts are exact, and are held against each other as they are. Times are not: what is quoted is the
 * interval in which the ratio of the medians lies with 95 in 100, by the bootstrap over the rounds of
 * both; it is a change if the whole interval lies beyond the gate.
 *
 * What it cannot tell: whether the machine was the same, or as busy. Exits to the host's kernel are
 * shown if they differ by more than a twentieth, and gate nothing: the host's interrupts are among
 * their causes.
 */
#include "bench/counts.h"
#include "bench/sample.h"
#include "cli/bench/bench.h"
#include "cli/cli.h"
#include "cli/json_load.h"
#include "cli/options.h"
#include "cli/parse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_WORSE    1
#define EXIT_MISSING  2 /* something of the first result is not in the second */
#define KVM_TOLERANCE 0.05

/* What may change, as a part of what was: 0.2 is a fifth. */
struct gates {
	double counts, time;
};

struct comparison {
	struct gates gates;
	unsigned compared, better, worse, missing;
};

/* --- Gates ---------------------------------------------------------------------------------- */

static bool parse_gate(const char *text, size_t len, const char *name, double *gate)
{
	size_t name_len = strlen(name);
	char number[16], *end;

	if (len <= name_len + 2 || strncmp(text, name, name_len) != 0 || text[name_len] != '=' ||
	    text[len - 1] != '%' || len - name_len - 2 >= sizeof(number))
		return false;
	memcpy(number, text + name_len + 1, len - name_len - 2);
	number[len - name_len - 2] = 0;
	*gate = strtod(number, &end) / 100;
	return !*end && *gate >= 0 && *gate < 1000;
}

/* "counts=0%,time=20%", either or both. */
static bool parse_gates(const char *text, struct gates *g)
{
	for (;;) {
		size_t len = strcspn(text, ",");

		if (!parse_gate(text, len, "counts", &g->counts) &&
		    !parse_gate(text, len, "time", &g->time))
			return false;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

/* --- One column of one workload ------------------------------------------------------------- */

/* False if they are no times: a file is whoever's. */
static bool rounds_of(const json_t *cell, struct sample *s)
{
	const json_t *rounds = json_object_get(json_object_get(cell, "ns"), "rounds"), *one;
	size_t i;

	s->count = 0;
	json_array_foreach(rounds, i, one)
	{
		double v = json_number_value(one);

		if (s->count == SAMPLE_MAX || !isfinite(v) || v <= 0)
			return false;
		sample_add(s, v);
	}
	return s->count > 0;
}

static void tell(struct comparison *c, const char *workload, const char *column, const char *what,
		 double was, double is, bool worse)
{
	printf("%-17s %-7s %-13s %10.4g -> %-10.4g %s\n", workload, column, what, was, is,
	       worse ? "worse" : "better");
	if (worse)
		c->worse++;
	else
		c->better++;
}

static void compare_counts(struct comparison *c, const char *workload, const char *column,
			   const json_t *before, const json_t *now)
{
	for (unsigned k = 0; k < COUNTS; k++) {
		double was = json_number_value(json_object_get(before, count_names[k]));
		double is = json_number_value(json_object_get(now, count_names[k]));

		if (k == COUNT_KVM) {
			if (fabs(is - was) > KVM_TOLERANCE * (was > 1 ? was : 1))
				printf("%-17s %-7s %-13s %10.4g -> %-10.4g not gated\n", workload,
				       column, count_names[k], was, is);
		} else if (fabs(is - was) > c->gates.counts * fabs(was)) {
			tell(c, workload, column, count_names[k], was, is, is > was);
		}
	}
}

static bool compare_times(struct comparison *c, const char *workload, const char *column,
			  const json_t *before, const json_t *now)
{
	struct sample was, is;
	struct interval ratio;

	if (!rounds_of(before, &was) || !rounds_of(now, &is))
		return false;
	ratio = sample_ratio_apart(&is, &was);
	if (ratio.low > 1 + c->gates.time || ratio.high < 1 / (1 + c->gates.time))
		tell(c, workload, column, "ns", sample_spread(&was).median,
		     sample_spread(&is).median, ratio.low > 1);
	return true;
}

static void compare_workload(struct comparison *c, const char *name, const json_t *before,
			     const json_t *now)
{
	const char *column;
	json_t *was;

	json_object_foreach(json_object_get(before, "columns"), column, was)
	{
		const json_t *is = json_object_get(json_object_get(now, "columns"), column);

		c->compared++;
		if (is &&
		    json_integer_value(json_object_get(before, "counted")) ==
			    json_integer_value(json_object_get(now, "counted")) &&
		    compare_times(c, name, column, was, is)) {
			compare_counts(c, name, column, json_object_get(was, "counts"),
				       json_object_get(is, "counts"));
			continue;
		}
		printf("%-17s %-7s cannot be compared: it is not in both\n", name, column);
		c->missing++;
	}
}

/* --- Two results ---------------------------------------------------------------------------- */

static const json_t *workload_named(const json_t *result, const char *name)
{
	const json_t *w;
	size_t i;

	json_array_foreach(json_object_get(result, "workloads"), i, w)
	{
		const char *own = json_string_value(json_object_get(w, "name"));

		if (own && strcmp(own, name) == 0)
			return w;
	}
	return NULL;
}

static json_t *load(const char *path)
{
	json_t *r = cli_json_load(path);

	if (r && (json_integer_value(json_object_get(r, "format")) != 1 ||
		  !json_is_array(json_object_get(r, "workloads")) ||
		  !json_is_string(json_object_get(r, "host_paging")))) {
		cli_fail("%s: not a result of penumbra bench --json", path);
		json_decref(r);
		r = NULL;
	}
	return r;
}

static int compare(struct comparison *c, const json_t *before, const json_t *now)
{
	const char *was = json_string_value(json_object_get(before, "host_paging"));
	const char *is = json_string_value(json_object_get(now, "host_paging"));
	const json_t *w;
	size_t i;

	if (strcmp(was, is) != 0)
		return cli_fail("bench compare: of two kinds of host: %s, and %s", was, is);
	json_array_foreach(json_object_get(before, "workloads"), i, w)
	{
		const char *name = json_string_value(json_object_get(w, "name"));

		if (name)
			compare_workload(c, name, w, workload_named(now, name));
	}
	if (!c->better && !c->worse && !c->missing)
		puts("no change");
	else
		printf("\n%u of %u columns compared: %u better, %u worse\n",
		       c->compared - c->missing, c->compared, c->better, c->worse);
	return cli_finish(c->worse ? EXIT_WORSE : c->missing ? EXIT_MISSING : 0);
}

int bench_compare_command(const struct bench_request *r)
{
	struct comparison c = {.gates = {.counts = 0, .time = 0.2}};
	json_t *before, *now;
	int status = CLI_FAILED;

	if (r->gate && !parse_gates(r->gate, &c.gates))
		return cli_bad_value("gate", r->gate, "give counts=N%,time=N%, or one of them");
	if (r->names != 2)
		return cli_fail(
			"bench compare: which results? give two; see penumbra bench --help");
	before = load(r->name[0]);
	now = before ? load(r->name[1]) : NULL;
	if (now)
		status = compare(&c, before, now);
	json_decref(before);
	json_decref(now);
	return status;
}
