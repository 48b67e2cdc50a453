/* SPDX-License-Identifier: MIT */
#include "faults/calls.h"
#include "faults/private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where allocate.c says what has become of it. */
#define REPORT "/tmp/penumbra-faults.allocations"

/* In the short form: the first, the last, and so many of those between; in a rig fewer. */
static const struct effort {
	unsigned first, last, some;
} efforts[] = {{10, 3, 14}, {1, 1, 3}};

struct report {
	unsigned long count, left;
	char blocks[600];
};

static bool read_report(struct report *r)
{
	FILE *f = fopen(REPORT, "re");
	size_t n = 0;
	bool read;

	memset(r, 0, sizeof(*r));
	read = f && fscanf(f, "%lu %lu\n", &r->count, &r->left) == 2;
	if (read)
		n = fread(r->blocks, 1, sizeof(r->blocks) - 1, f);
	r->blocks[n] = 0;
	if (f)
		fclose(f);
	return read;
}

/* Fails allocation `nth`, and all behind it if `onwards`. */
static void fail(struct campaign *c, const struct report *plain, unsigned long nth, bool onwards)
{
	const struct fault none = {.act = FAULT_NONE};
	const struct fault lack = {.act = FAULT_ERROR,
				   .value = ENOMEM,
				   .label = "allocation",
				   .nth = (unsigned)nth,
				   .onwards = onwards};
	char environment[120];
	struct report r;

	snprintf(environment, sizeof(environment), "PENUMBRA_FAULTS_ALLOCATIONS=%lu%s%s,%s", nth,
		 c->command->own ? "!" : "", onwards ? "+" : "", REPORT);
	c->program.environment = environment;
	unlink(REPORT);
	if (!campaign_run(c, &none, c->run))
		return;
	strcpy(c->run->label, lack.label);
	campaign_judge(c, &lack);
	/* One that was killed has said so already. */
	if (c->run->status >= 1000)
		return;
	if (!read_report(&r))
		complain(c->complaints, "%s: %s: no report\n", c->command->name, environment);
	else if (r.left > plain->left)
		complain(c->complaints, "%s: %s: %lu blocks are left, not %lu:\n%s",
			 c->command->name, environment, r.left, plain->left, r.blocks);
}

void campaign_allocations(const struct command *command, struct complaints *complaints)
{
	const struct effort *e = &efforts[campaign_is_set("PENUMBRA_RIG")];
	const bool every = campaign_is_set("PENUMBRA_FAULTS_EVERY");
	struct report plain = {0};
	struct campaign c;

	if (setenv("PENUMBRA_FAULTS_ALLOCATIONS", command->own ? "0!," REPORT : "0," REPORT, 1) ==
		    0 &&
	    campaign_begin(&c, command, complaints)) {
		if (!read_report(&plain) || !plain.count)
			complain(complaints, "%s: no report without a fault\n", command->name);
		/* The name service's libraries stay. */
		if (plain.left && !command->own)
			complain(complaints, "%s: %lu blocks are left without a fault:\n%s",
				 command->name, plain.left, plain.blocks);
		for (unsigned long i = 1; i <= plain.count; i++) {
			bool some = i % (plain.count / e->some + 1) == 0;

			if (every || i <= e->first || i + e->last > plain.count || some)
				fail(&c, &plain, i, false);
			if (every || some)
				fail(&c, &plain, i, true);
		}
	}
	unsetenv("PENUMBRA_FAULTS_ALLOCATIONS");
	campaign_end(&c);
	unlink(REPORT);
}
