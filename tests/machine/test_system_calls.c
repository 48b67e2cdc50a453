/* SPDX-License-Identifier: MIT */
/*
 * One KVM_RUN for each exit, and no other system call: strace counts them for a short run and for a
 * long one of the same guest in shadow mode.
 */
#include "fixture.h"
#include "groups.h"
#include "process.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define STRACE	  "/usr/bin/strace"
#define PAGING	  "build/guest/paging.elf"
#define NAMES_MAX 128
#define NAME_SIZE 80

/* KVM_RUNs that end no exit of the guest: putting it under the monitor. */
#define START_MAX 4

static struct process process, *const p = &process;

/* How often each system call was made; of ioctl() each request is one. */
struct calls {
	unsigned count;
	struct {
		char name[NAME_SIZE];
		unsigned long times;
	} of[NAMES_MAX];
};

static void add(struct calls *c, const char *name)
{
	unsigned i = 0;

	while (i < c->count && strcmp(c->of[i].name, name) != 0)
		i++;
	assert_true(i < NAMES_MAX);
	if (i == c->count)
		snprintf(c->of[c->count++].name, sizeof(c->of[i].name), "%s", name);
	c->of[i].times++;
}

static unsigned long times(const struct calls *c, const char *name)
{
	for (unsigned i = 0; i < c->count; i++)
		if (strcmp(c->of[i].name, name) == 0)
			return c->of[i].times;
	return 0;
}

/* "1234  ioctl(7, KVM_RUN, 0) = 0": what a line of strace -f -o says was called. */
static void read_calls(struct calls *c, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[4096], name[NAME_SIZE], request[NAME_SIZE - 6];

	assert_non_null(file);
	memset(c, 0, sizeof(*c));
	while (fgets(line, sizeof(line), file)) {
		const char *at = line + strspn(line, "0123456789 ");

		if (sscanf(at, "%63[a-z0-9_](", name) != 1 || !strchr(at, '('))
			continue;
		if (sscanf(at, "ioctl(%*d, %63[A-Z0-9_]", request) == 1)
			snprintf(name, sizeof(name), "ioctl %s", request);
		add(c, name);
	}
	fclose(file);
}

static json_int_t exits_of(const char *path)
{
	json_error_t error;
	json_t *root = json_load_file(path, 0, &error);
	json_int_t exits;

	assert_non_null(root);
	exits = json_integer_value(json_object_get(json_object_get(root, "exits"), "total"));
	json_decref(root);
	return exits;
}

/* Runs the guest under strace; returns the exits of the run. */
static json_int_t trace(struct calls *c, const char *words)
{
	char log[] = "/tmp/penumbra-strace.XXXXXX", stats[] = "/tmp/penumbra-stats.XXXXXX";
	char option[64];
	int log_fd = mkstemp(log), stats_fd = mkstemp(stats);
	json_int_t exits;

	assert_true(log_fd >= 0 && stats_fd >= 0);
	close(log_fd);
	close(stats_fd);
	snprintf(option, sizeof(option), "--stats-file=%s", stats);
	process_run_other(p, STRACE,
			  (const char *const[]){"-f", "-o", log, PENUMBRA, "run", "--mmu=shadow",
						option, PAGING, "--", words, NULL});
	if (p->status != 0)
		fail_msg("%s: status %d: %s", words, p->status, p->err);
	read_calls(c, log);
	exits = exits_of(stats);
	unlink(log);
	unlink(stats);
	return exits;
}

static void skip_without_strace(void)
{
	if (access(STRACE, X_OK)) {
		print_message("skipped: there is no " STRACE "\n");
		skip();
	}
	process_run_other(p, STRACE,
			  (const char *const[]){"-o", "/dev/null", PENUMBRA, "--version", NULL});
	if (p->status != 0) {
		print_message("skipped: strace may not trace here\n");
		skip();
	}
}

static void check_runs(const char *name, json_int_t exits, const struct calls *c)
{
	const unsigned long runs = times(c, "ioctl KVM_RUN");

	if (runs < (unsigned long)exits || runs > (unsigned long)exits + START_MAX)
		fail_msg("%s: %lu KVM_RUN for %lld exits", name, runs, (long long)exits);
}

static void each_exit_is_one_kvm_run_and_nothing_else(void **state)
{
	/* A short run, and a long one: syscalls, page faults, and a bit of everything. */
	static const char *const words[][2] = {
		{"syscall 20", "syscall 300"}, {"demand 4", "demand 128"}, {"fork 4", "fork 64"}};
	static struct calls few, many;

	(void)state;
	skip_without(PAGING);
	skip_without_strace();
	for (size_t i = 0; i < COUNT(words); i++) {
		json_int_t few_exits = trace(&few, words[i][0]);
		json_int_t many_exits = trace(&many, words[i][1]);

		CHECK_TRUE(words[i][1], many_exits > few_exits + 500);
		check_runs(words[i][0], few_exits, &few);
		check_runs(words[i][1], many_exits, &many);
		CHECK_NUMBER(words[i][1], "kinds of system calls", many.count, few.count);
		for (unsigned k = 0; k < many.count; k++)
			if (strcmp(many.of[k].name, "ioctl KVM_RUN") != 0)
				CHECK_NUMBER(words[i][1], many.of[k].name, many.of[k].times,
					     times(&few, many.of[k].name));
	}
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(each_exit_is_one_kvm_run_and_nothing_else),
};

GROUP_OF(system_calls, tests);
