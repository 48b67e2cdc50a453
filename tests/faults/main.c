/* SPDX-License-Identifier: MIT */
/*
 * faults: one fault by hand, or the list of what can be made to fail.
 *
 *     faults [--call=LABEL] [--nth=N] [--onwards] [--error=ENAME|--signal=N|--short]
 *            [--stdout=PATH] -- PROGRAM [ARGUMENT]...
 *
 * Without a fault it lists the calls that the program makes, and how often. It ends with the
 * program's status, having printed both outputs and what was left open.
 */
#include "faults/calls.h"
#include "faults/tracer.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
	{"call", required_argument, NULL, 'c'},	  {"nth", required_argument, NULL, 'n'},
	{"onwards", no_argument, NULL, 'o'},	  {"error", required_argument, NULL, 'e'},
	{"signal", required_argument, NULL, 's'}, {"short", no_argument, NULL, 't'},
	{"stdout", required_argument, NULL, 'f'}, {0},
};

static void report(const struct fault_run *r, const struct fault *f)
{
	if (f->act == FAULT_NONE)
		for (unsigned i = 0; i < r->labels; i++)
			printf("%6u  %s (%s)\n", r->label_calls[i].count, r->label_calls[i].label,
			       calls_error_name(r->label_calls[i].error));
	else
		printf("--- %s %s\n", r->hit ? "failed:" : "not reached", r->label);
	printf("--- standard output:\n%s--- standard error:\n%s--- left:\n%s", r->out, r->err,
	       r->left);
	printf("--- %u calls, %lu KiB anonymous, status %d%s\n", r->calls, r->anonymous >> 10,
	       r->status, r->late ? ", killed: too late" : "");
}

int main(int argc, char **argv)
{
	static struct fault_run r;
	struct fault f = {.nth = 1};
	struct fault_program p = {.seconds = 20};
	int option, code;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case 'c': f.label = optarg; break;
		case 'n': f.nth = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'o': f.onwards = true; break;
		case 'e':
			f.act = FAULT_ERROR;
			f.value = calls_error_number(optarg);
			break;
		case 's':
			f.act = FAULT_SIGNAL;
			f.value = atoi(optarg);
			break;
		case 't': f.act = FAULT_SHORT; break;
		case 'f': p.stdout_path = optarg; break;
		default: return 2;
		}
	}
	if (optind >= argc || (f.act == FAULT_ERROR && !f.value)) {
		fprintf(stderr, "usage: faults [OPTION]... -- PROGRAM [ARGUMENT]...\n");
		return 2;
	}
	p.argv = (const char *const *)&argv[optind];
	code = fault_run(&r, &p, &f);
	if (code) {
		fprintf(stderr, "faults: cannot trace: %s\n", strerror(code));
		return 2;
	}
	report(&r, &f);
	return r.status > 255 ? 128 : r.status;
}
