/* SPDX-License-Identifier: MIT */
/* penumbra doctor: says what this host's KVM is and can do, and what would mend it. */
#include "cli/doctor/doctor.h"

#include "cli/cli.h"
#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const char usage[] =
	"usage: penumbra doctor [--json]\n"
	"\n"
	"Says what this host's KVM is and can do, found out by running small guests, and\n"
	"what would mend what is missing.\n"
	"\n"
	"  --json    print one JSON object (docs/doctor.md)\n"
	"  --help    print this\n"
	"\n"
	"Exit status: 0 guests can run here; 1 they cannot; 125 Penumbra's failure.\n";

static const struct option options[] = {
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, CLI_OPT_HELP},
	{0},
};

enum { STATUS_USABLE = 0, STATUS_NOT_USABLE = 1 };

struct finding *findings_add(struct findings *f, const char *id, const char *what,
			     enum verdict verdict, const char *found, const char *meaning)
{
	struct finding *n;

	assert(f->count < FINDINGS_MAX);
	n = &f->list[f->count++];
	n->section = f->section;
	n->verdict = verdict;
	snprintf(n->id, sizeof(n->id), "%s", id);
	snprintf(n->what, sizeof(n->what), "%s", what);
	snprintf(n->found, sizeof(n->found), "%s", found);
	snprintf(n->meaning, sizeof(n->meaning), "%s", meaning);
	return n;
}

void finding_command(struct finding *n, const char *command)
{
	unsigned i = 0;

	while (i < FINDING_COMMANDS && n->command[i][0])
		i++;
	assert(i < FINDING_COMMANDS);
	snprintf(n->command[i], sizeof(n->command[i]), "%s", command);
}

static int take(void *arg, int option, const char *value)
{
	bool *json = arg;

	(void)option;
	(void)value;
	*json = true;
	return 0;
}

int cli_doctor(int argc, char **argv)
{
	static const struct cli_syntax syntax = {
		.command = "doctor", .usage = usage, .options = options, .take = take};
	static struct findings findings;
	bool json = false;
	int code = cli_options(&syntax, &json, argc, argv);

	if (code)
		return code < 0 ? cli_finish(0) : code;
	if (optind < argc)
		return cli_fail("%s: doctor takes no argument; see penumbra doctor --help",
				argv[optind]);
	doctor_look_at_kvm(&findings);
	doctor_look_at_kernel(&findings);
	doctor_look_at_sources(&findings);
	doctor_look_at_sandbox(&findings);
	if (!json)
		doctor_print(&findings, stdout);
	else if (doctor_print_json(&findings, stdout))
		return cli_fail("standard output: %s", strerror(errno));
	return cli_finish(findings.usable ? STATUS_USABLE : STATUS_NOT_USABLE);
}
