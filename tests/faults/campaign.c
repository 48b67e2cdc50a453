/* SPDX-License-Identifier: MIT */
#include "faults/campaign.h"

#include "cli/cli.h"
#include "faults/calls.h"
#include "faults/judge.h"
#include "faults/private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How much is tried in the short form; in a rig, where each run takes so much longer, less. */
static const struct effort {
	unsigned first;	 /* of each label so many from the first on, and the last */
	unsigned again;	 /* of labels that other commands have had, one in so many */
	unsigned signal; /* a signal at one call in so many */
	unsigned label;	 /* of labels but those of ioctls, which are the host's, one in so many */
} efforts[] = {{2, 6, 5, 1}, {1, 60, 40, 12}};

/* Labels told apart. */
#define SEEN 600

static const struct effort *effort(void)
{
	return &efforts[campaign_is_set("PENUMBRA_RIG")];
}

void complain(struct complaints *c, const char *format, ...)
{
	size_t used = strlen(c->text);
	va_list args;

	c->count++;
	va_start(args, format);
	vsnprintf(c->text + used, sizeof(c->text) - used, format, args);
	va_end(args);
}

bool campaign_is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value && strcmp(value, "0") != 0;
}

/* The fault as the options of `faults` that give it again. */
static const char *words(const struct fault *f, const char *label, char *text, size_t size)
{
	char what[40] = "--short";

	if (f->act == FAULT_ERROR)
		snprintf(what, sizeof(what), "--error=%s", calls_error_name(f->value));
	else if (f->act == FAULT_SIGNAL)
		snprintf(what, sizeof(what), "--signal=%d", f->value);
	if (f->label)
		snprintf(text, size, "%s --call='%s' --nth=%u", what, f->label, f->nth);
	else
		snprintf(text, size, "%s --nth=%u (%s)", what, f->nth, label);
	return text;
}

/* Runs the command with a fault; false if it cannot be, or the fault was not reached. */
bool campaign_run(struct campaign *c, const struct fault *f, struct fault_run *r)
{
	int code;

	if (c->command->file)
		unlink(c->command->file);
	code = fault_run(r, &c->program, f);
	if (code) {
		complain(c->complaints, "%s: cannot be traced: %s\n", c->command->name,
			 strerror(code));
		return false;
	}
	c->complaints->runs++;

	return f->act == FAULT_NONE || r->hit;
}

static void tell(const struct campaign *c, const struct fault *f, const char *why)
{
	char text[400];

	words(f, c->run->label, text, sizeof(text));
	if (campaign_is_set("PENUMBRA_FAULTS_VERBOSE"))
		printf("%s: %s -> %d %s%s%s\n", c->command->name, text, c->run->status, c->run->err,
		       *why ? "WRONG: " : "", why);
	fflush(stdout);
	if (*why)
		complain(c->complaints, "%s: %s: %s\n", c->command->name, text, why);
}

/* A sum over the bytes of a file; 0: there is none. */
static unsigned long sum_of(const char *path)
{
	FILE *f = path ? fopen(path, "re") : NULL;
	unsigned long sum = 5381;
	int c;

	if (!f)
		return 0;
	while ((c = fgetc(f)) != EOF)
		sum = sum * 33 + (unsigned)c;
	fclose(f);
	return sum;
}

/* What the command writes beside. */
static void check_file(const struct campaign *c, char *why, size_t size)
{
	const struct command *command = c->command;

	if (!command->file || *why)
		return;
	if (command->file_is_right)
		command->file_is_right(command->file, c->run->status, why, size);
	else if (c->run->status != c->plain->status && access(command->file, F_OK) == 0)
		snprintf(why, size, "%s was left half made", command->file);
	else if (c->run->status == c->plain->status && !judge_may_show(c->run->label) &&
		 sum_of(command->file) != c->plain_file)
		snprintf(why, size, "%s is not what it is without a fault", command->file);
}

void campaign_judge(struct campaign *c, const struct fault *f)
{
	char why[1000];

	judge(c->command, c->plain, f, c->run, why, sizeof(why));
	check_file(c, why, sizeof(why));
	tell(c, f, why);
}

void campaign_try(struct campaign *c, const struct fault *f)
{
	if (campaign_run(c, f, c->run))
		campaign_judge(c, f);
}

/* Whether a command is only about some labels, and this is none of them. */
static bool is_left_out(const struct command *command, const char *label)
{
	const char *const *only = command->only;

	if (campaign_is_set("PENUMBRA_FAULTS_EVERY"))
		return false;
	for (unsigned i = 0; only[i]; i++)
		if (strncmp(label, only[i], strlen(only[i])) == 0)
			return false;
	return *only != NULL;
}

/* Labels of commands before this one. */
static struct {
	char label[FAULT_LABEL];
	unsigned commands;
} seen[SEEN];
static unsigned seen_count;

/* How many commands before this one have had a label. */
static unsigned seen_before(const char *label)
{
	for (unsigned i = 0; i < seen_count; i++)
		if (strcmp(seen[i].label, label) == 0)
			return seen[i].commands++;
	if (seen_count < SEEN)
		strcpy(seen[seen_count++].label, label);
	return 0;
}

/* Whether the call is tried; a label that other commands have had is tried now and then. */
static bool is_wanted(const struct command *command, const char *label, unsigned nth,
		      unsigned count, unsigned before)
{
	if (command->slow)
		return nth == 1;
	if (campaign_is_set("PENUMBRA_FAULTS_EVERY"))
		return true;
	if (*command->only)
		return nth == 1;
	if (strncmp(label, "ioctl ", 6) != 0 && seen_count % effort()->label)
		return false;
	if (before)
		return nth == 1 + before % count &&
		       before % effort()->again == nth % effort()->again;
	return nth <= effort()->first || nth == count;
}

/* Calls that may be the address sanitizer's, which lives through no failure. */
static bool is_sanitizers(const char *label)
{
#ifdef __SANITIZE_ADDRESS__
	return strcmp(label, "mmap anonymous") == 0 || strcmp(label, "mprotect") == 0 ||
	       strcmp(label, "sched_getaffinity") == 0 || strncmp(label, "prctl", 5) == 0;
#else
	(void)label;
	return false;
#endif
}

/* Calls that cannot fail as they are made, beside those that are not counted. */
static bool is_sure(const char *label)
{
	if (is_sanitizers(label))
		return true;
	/* One is added to nothing. */
	return strcmp(label, "write anon_inode:[eventfd]") == 0;
}

static void try_label(struct campaign *c, const struct fault_calls *calls)
{
	struct fault f = {.label = calls->label};
	bool transfer = strncmp(calls->label, "read ", 5) == 0 ||
			strncmp(calls->label, "pread ", 6) == 0 ||
			strncmp(calls->label, "write ", 6) == 0;

	unsigned before = seen_before(calls->label);

	if (is_sure(calls->label) || is_left_out(c->command, calls->label))
		return;
	for (f.nth = 1; f.nth <= calls->count; f.nth++) {
		if (!is_wanted(c->command, calls->label, f.nth, calls->count, before))
			continue;
		f.act = FAULT_ERROR;
		f.value = calls->error;
		campaign_try(c, &f);
		if (!transfer)
			continue;
		f.value = EINTR;
		campaign_try(c, &f);
		f.act = FAULT_SHORT;
		campaign_try(c, &f);
	}
}

bool campaign_begin(struct campaign *c, const struct command *command,
		    struct complaints *complaints)
{
	const char *only = getenv("PENUMBRA_FAULTS_COMMAND");
	const struct fault none = {.act = FAULT_NONE};

	*c = (struct campaign){
		.command = command,
		.program = {.argv = command->argv, .seconds = getenv("PENUMBRA_RIG") ? 120 : 20},
		.complaints = complaints,
		.plain = malloc(sizeof(*c->plain)),
		.run = malloc(sizeof(*c->run)),
	};
	if (!c->plain || !c->run) {
		complain(complaints, "out of memory\n");
		return false;
	}
	if ((only && strcmp(only, command->name) != 0) || !campaign_run(c, &none, c->plain))
		return false;
	if (c->plain->status >= 1000) {
		complain(complaints, "%s: without a fault: ended by signal %d: %.300s\n",
			 command->name, c->plain->status - 1000, c->plain->err);
		return false;
	}
	c->plain_file = sum_of(command->file);
	return (c->plain->status != CLI_HOST_LACKS || command->refused_too);
}

void campaign_end(struct campaign *c)
{
	if (c->command->file)
		unlink(c->command->file);
	free(c->plain);
	free(c->run);
}

void campaign_calls(const struct command *command, struct complaints *complaints)
{
	struct campaign c;

	if (command->slow && !campaign_is_set("PENUMBRA_FAULTS_EVERY"))
		return;
	if (campaign_begin(&c, command, complaints)) {
		if (*c.plain->left)
			complain(complaints, "%s: left without any fault: %s", command->name,
				 c.plain->left);
		for (unsigned i = 0; i < c.plain->labels; i++)
			try_label(&c, &c.plain->label_calls[i]);
	}
	campaign_end(&c);
}

/* What is wrong with a run that a signal came to. */
static void judge_signal(const struct campaign *c, const struct signal_rule *rule, char *why,
			 size_t size)
{
	const struct fault_run *r = c->run;

	*why = 0;
	if (r->late)
		snprintf(why, size, "it did not end");
	else if (r->status == rule->status && r->status != c->plain->status) {
		if (rule->says && !strstr(r->err, rule->says))
			snprintf(why, size, "it does not say \"%s\": \"%.300s\"", rule->says,
				 r->err);
	} else if (r->status != c->plain->status && (r->status != 1000 + rule->signal ||
						     (!rule->may_kill && !is_sanitizers(r->label))))
		snprintf(why, size, "status %d: %.300s", r->status, r->err);
	else if (r->status == c->plain->status && !c->command->varies &&
		 strcmp(r->out, c->plain->out) != 0)
		snprintf(why, size, "its output is another: \"%.200s\"", r->out);
	if (!*why && r->status < 1000 && *r->left)
		snprintf(why, size, "left: %.300s", r->left);
}

void campaign_signal(const struct command *command, const struct signal_rule *rule,
		     struct complaints *complaints)
{
	const unsigned step = campaign_is_set("PENUMBRA_FAULTS_EVERY") ? 1 : effort()->signal;
	struct fault f = {.act = FAULT_SIGNAL, .value = rule->signal};
	struct campaign c;
	char why[600];

	if (campaign_begin(&c, command, complaints)) {
		for (f.nth = 1 + (unsigned)rule->signal % step; f.nth <= c.plain->calls;
		     f.nth += step) {
			if (!campaign_run(&c, &f, c.run))
				continue;
			judge_signal(&c, rule, why, sizeof(why));
			if (command->file_is_right)
				check_file(&c, why, sizeof(why));
			tell(&c, &f, why);
		}
	}
	campaign_end(&c);
}
