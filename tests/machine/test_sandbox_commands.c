/* SPDX-License-Identifier: MIT */
/*
 * Which guests run in the sandbox: strace tells, of each process of a command, whether KVM_RUN comes
 * after the filter; or, of commands that are made of very many, whether who made a guest's RAM has a
 * filter. Only our own probes of the host, and the bare yardstick, run without.
 */
#include "fixture.h"
#include "groups.h"
#include "process.h"
#include "sandbox/sandbox.h"

#include <stdlib.h>
#include <unistd.h>

#define STRACE	      "/usr/bin/strace"
#define PROCESSES_MAX 256

static struct process process, *const p = &process;

/* Processes, or their threads. */
struct runs {
	unsigned count;
	struct {
		int id;
		bool filtered;	    /* so far */
		bool before, after; /* it has run a guest before its filter, after it */
		bool has_ram;	    /* it has made one */
	} of[PROCESSES_MAX];
};

static unsigned find(struct runs *r, int id)
{
	unsigned i = 0;

	while (i < r->count && r->of[i].id != id)
		i++;
	assert_true(i < PROCESSES_MAX);
	if (i == r->count) {
		memset(&r->of[i], 0, sizeof(r->of[i]));
		r->of[i].id = id;
		r->count++;
	}
	return i;
}

/* "1234  ioctl(7, KVM_RUN, 0) = 0": a line of strace -f -o. */
static void take_line(struct runs *r, const char *line)
{
	unsigned i;
	int id;

	if (sscanf(line, "%d ", &id) != 1)
		return;
	i = find(r, id);
	/* libseccomp asks first what the kernel knows, with no filter. */
	if (strstr(line, "seccomp(SECCOMP_SET_MODE_FILTER") && strstr(line, "len="))
		r->of[i].filtered = true;
	if (strstr(line, "KVM_RUN"))
		*(r->of[i].filtered ? &r->of[i].after : &r->of[i].before) = true;
	if (strstr(line, "penumbra-ram"))
		r->of[i].has_ram = true;
}

static void trace(struct runs *r, const char *calls, const char *const *command)
{
	char log[] = "/tmp/penumbra-strace.XXXXXX", line[512];
	const char *arguments[16] = {"-f", "--seccomp-bpf", "-e", calls, "-o", log, PENUMBRA};
	int fd = mkstemp(log);
	FILE *file = fdopen(fd, "r");

	assert_non_null(file);
	for (unsigned i = 0; command[i]; i++)
		arguments[7 + i] = command[i];
	process_run_other(p, STRACE, arguments);
	unlink(log);
	if (p->status != 0)
		fail_msg("%s: status %d: %s", command[0], p->status, p->err);
	r->count = 0;
	while (fgets(line, sizeof(line), file))
		take_line(r, line);
	fclose(file);
}

static void skip_without_strace(void)
{
	const char *why = NULL;

	if (!sandbox_has_seccomp())
		why = "this kernel has no seccomp filters";
	else if (access(STRACE, X_OK))
		why = "there is no " STRACE;
	else
		process_run_other(
			p, STRACE,
			(const char *const[]){"-o", "/dev/null", PENUMBRA, "--version", NULL});
	if (!why && p->status != 0)
		why = "strace may not trace here";
	if (!why)
		return;
	print_message("skipped: %s\n", why);
	skip();
}

/* Processes that run guests behind the filter and without one. */
struct command {
	const char *words[6];
	unsigned confined, open;
};

static const struct command by_run[] = {
	{{"run", SCRIPT}, 1, 0},
	{{"run", "--no-sandbox", SCRIPT}, 0, 1},
	{{"explain", "--gva=start", SCRIPT}, 1, 0},
};

static const struct command by_ram[] = {
	{{"run", "--no-sandbox", SCRIPT}, 0, 1},
	/* Eight workloads in three ways, and two looks inside. */
	{{"demo"}, 26, 0},
	/* hw three times, each strategy twice. */
	{{"bench", "shadow", "--json", "syscall"}, 9, 0},
	/* A round of warm-up and one that counts, of three workloads with and without. */
	{{"bench", "trace", "--json", "--rounds=1"}, 12, 0},
	/* Two runs in each of two rounds, and the round trip. */
	{{"bench", "startup", "--json", "--rounds=1"}, 5, 0},
};

static void a_guest_runs_behind_the_filter(void **state)
{
	static struct runs runs;

	(void)state;
	skip_without_strace();
	for (const struct command *c = by_run; c < by_run + COUNT(by_run); c++) {
		unsigned confined = 0, open = 0;

		trace(&runs, "trace=seccomp,ioctl", c->words);
		for (unsigned i = 0; i < runs.count; i++) {
			confined += runs.of[i].after;
			open += runs.of[i].before;
		}
		CHECK_NUMBER(c->words[0], "in the sandbox", confined, c->confined);
		CHECK_NUMBER(c->words[0], "without", open, c->open);
	}
}

static void who_has_guest_ram_has_a_filter(void **state)
{
	static struct runs runs;

	(void)state;
	skip_without_strace();
	skip_without("build/guest/pagelab.elf");
	for (const struct command *c = by_ram; c < by_ram + COUNT(by_ram); c++) {
		unsigned confined = 0, open = 0;

		trace(&runs, "trace=seccomp,memfd_create", c->words);
		for (unsigned i = 0; i < runs.count; i++) {
			confined += runs.of[i].has_ram && runs.of[i].filtered;
			open += runs.of[i].has_ram && !runs.of[i].filtered;
		}
		CHECK_NUMBER(c->words[0], "in the sandbox", confined, c->confined);
		CHECK_NUMBER(c->words[0], "without", open, c->open);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_guest_runs_behind_the_filter),
	cmocka_unit_test(who_has_guest_ram_has_a_filter),
};

GROUP_OF(sandbox_commands, tests);
