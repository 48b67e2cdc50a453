/* SPDX-License-Identifier: MIT */
#include "faults/judge.h"

#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * Calls whose failure may go unnoticed, and why. What is not here must be told of. `label` is the
 * beginning of a label.
 */
static const struct {
	const char *label;
	const char *why;
} unnoticed[] = {
	{"close", "nothing was to be written any more, or the trace's writer has looked"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool may_go_unnoticed(const struct fault *f, const char *label)
{
	/* Half a transfer, or one to be made again, is no failure. */
	if (f->act != FAULT_ERROR || f->value == EINTR)
		return true;
	for (size_t i = 0; i < COUNT(unnoticed); i++)
		if (strncmp(label, unnoticed[i].label, strlen(unnoticed[i].label)) == 0)
			return true;
	return false;
}

/* The same in all that can be seen. */
static bool is_same(const struct command *command, const struct fault_run *a,
		    const struct fault_run *b)
{
	return a->status == b->status &&
	       (command->varies || (a->out_len == b->out_len &&
				    memcmp(a->out, b->out, a->out_len) == 0));
}

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* The last line of a text, without its newline. */
static const char *last_line(const struct fault_run *r, char *line, size_t size)
{
	size_t end = r->err_len;
	size_t from;

	if (end && r->err[end - 1] == '\n')
		end--;
	for (from = end; from && r->err[from - 1] != '\n'; from--)
		;
	snprintf(line, size, "%.*s", (int)(end - from), r->err + from);
	return line;
}

static bool is_clean(const struct fault_run *plain, const struct fault_run *run, char *why,
		     size_t size)
{
	static const char *const reports[] = {"Sanitizer", "runtime error:", "Assertion",
					      "terminated"};

	if (run->late)
		snprintf(why, size, "it did not end");
	else if (run->status >= 1000)
		snprintf(why, size, "ended by signal %d", run->status - 1000);
	else if (*run->left)
		snprintf(why, size, "left: %.300s", run->left);
	else if (run->anonymous > plain->anonymous + 65536)
		snprintf(why, size, "%lu KiB more are mapped at the end than without a fault",
			 (run->anonymous - plain->anonymous) >> 10);
	else
		*why = 0;
	for (size_t i = 0; !*why && i < COUNT(reports); i++)
		if (strstr(run->err, reports[i]))
			snprintf(why, size, "it said: %.300s", run->err);
	return !*why;
}

bool judge(const struct command *command, const struct fault_run *plain, const struct fault *fault,
	   const struct fault_run *run, char *why, size_t size)
{
	char line[600];

	*why = 0;
	if (!is_clean(plain, run, why, size))
		return false;
	if (is_same(command, plain, run) && lines_of(run->err) == lines_of(plain->err)) {
		if (!may_go_unnoticed(fault, run->label))
			snprintf(why, size, "it went unnoticed");
		return !*why;
	}
	last_line(run, line, sizeof(line));
	if (run->status != CLI_FAILED && run->status != CLI_HOST_LACKS &&
	    run->status != command->extra)
		snprintf(why, size, "status %d: %s", run->status, line);
	else if (lines_of(run->err) != lines_of(plain->err) + 1)
		snprintf(why, size, "status %d, and not one line: \"%.400s\"", run->status,
			 run->err);
	else if (!strstr(line, ": "))
		snprintf(why, size, "no object in \"%s\"", line);
	else if (fault->act == FAULT_ERROR && !strstr(line, strerror(fault->value)))
		snprintf(why, size, "no \"%s\" in \"%s\"", strerror(fault->value), line);
	return !*why;
}
