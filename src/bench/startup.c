/* SPDX-License-Identifier: MIT */
/* Start-up, measured: see startup.h for what this is and is not. */
#include "bench/startup.h"

#include "bench/bare.h"
#include "clock.h"
#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

const char *const startup_phase_names[PHASES] = {
	[PHASE_SPAWN] = "spawn",
	[PHASE_KVM] = "kvm",
	[PHASE_VM] = "vm",
	[PHASE_MEMORY] = "memory",
	[PHASE_VCPU] = "vcpu",
	[PHASE_LOAD] = "load",
	[PHASE_FIRST_EXIT] = "first_exit",
	[PHASE_TO_FIRST_EXIT] = "to first exit",
	[PHASE_TO_END] = "to end of process",
};

/* One life of a child: when it was made and when it was gone, CLOCK_MONOTONIC ns. */
struct life {
	uint64_t spawned, ended;
};

/* Runs a program to its end, its output into `out`; `quiet`: what it has to say is known. */
static int live(char *const argv[], int out, bool quiet, struct life *life, struct pn_error *err)
{
	posix_spawn_file_actions_t actions;
	int code, status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (quiet)
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	life->spawned = clock_ns();
	code = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code) {
		errno = code;
		return pn_fail_errno(err, PN_ERR_SYSTEM, "%s: cannot be run", argv[0]);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return pn_fail_errno(err, PN_ERR_SYSTEM, "waitpid");
	life->ended = clock_ns();
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return pn_fail(err, PN_ERR_SYSTEM, "%s: ended with status %d", argv[0],
			       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return PN_OK;
}

/* A scratch file of a child's output, in memory. */
static int scratch_create(struct pn_error *err)
{
	int fd = memfd_create("penumbra-bench", 0);

	return fd < 0 ? pn_fail_errno(err, PN_ERR_SYSTEM, "memfd_create") : fd;
}

/* Turns moments into phases. */
static void phases_of(double phase[PHASES], const uint64_t at[BARE_MOMENTS],
		      const struct life *life)
{
	uint64_t before = life->spawned;

	for (unsigned i = 0; i < BARE_MOMENTS; i++) {
		phase[PHASE_SPAWN + i] = (double)(at[i] - before);
		before = at[i];
	}
	phase[PHASE_TO_FIRST_EXIT] = (double)(before - life->spawned);
	phase[PHASE_TO_END] = (double)(life->ended - life->spawned);
}

static int run_bare(double phase[PHASES], const char *bare, struct pn_error *err)
{
	char *const argv[] = {(char *)bare, NULL};
	uint64_t at[BARE_MOMENTS] = {0};
	struct life life = {0};
	int fd = scratch_create(err), code;
	FILE *f;

	if (fd < 0)
		return fd;
	code = live(argv, fd, false, &life, err);
	f = fdopen(fd, "r+");
	if (!f) {
		close(fd);
		return pn_fail_errno(err, PN_ERR_SYSTEM, "fdopen");
	}
	rewind(f);
	for (unsigned i = 0; !code && i < BARE_MOMENTS; i++) {
		char line[32];

		if (!fgets(line, sizeof(line), f))
			code = pn_fail(err, PN_ERR_SYSTEM, "%s: prints no moments", bare);
		else
			at[i] = strtoull(line, NULL, 10);
	}
	fclose(f);
	if (!code)
		phases_of(phase, at, &life);
	return code;
}

static uint64_t number(json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

/* The moments out of what --stats-file wrote to `fd`. */
static int read_stats(uint64_t at[BARE_MOMENTS], int fd, struct pn_error *err)
{
	json_error_t why;
	json_t *stats, *phase;

	lseek(fd, 0, SEEK_SET);
	stats = json_loadfd(fd, 0, &why);
	if (!stats)
		return pn_fail(err, PN_ERR_SYSTEM, "statistics of a run: %s", why.text);
	phase = json_object_get(stats, "startup_ns");
	at[BARE_BEGIN] = number(stats, "begin_ns");
	at[BARE_KVM] = at[BARE_BEGIN] + number(phase, "options") + number(phase, "kvm");
	at[BARE_VM] = at[BARE_KVM] + number(phase, "vm");
	at[BARE_MEMORY] = at[BARE_VM] + number(phase, "memory");
	at[BARE_VCPU] = at[BARE_MEMORY] + number(phase, "vcpu");
	at[BARE_LOAD] = at[BARE_VCPU] + number(phase, "load");
	at[BARE_FIRST_EXIT] =
		at[BARE_LOAD] + number(phase, "sandbox") + number(phase, "first_exit");
	json_decref(stats);
	return PN_OK;
}

static int run_penumbra(double phase[PHASES], const char *penumbra, const char *guest,
			const struct sandbox_options *sandbox, struct pn_error *err)
{
	int fd = scratch_create(err), code;
	struct life with_stats = {0}, without = {0};
	uint64_t at[BARE_MOMENTS] = {0};
	/* An option that changes nothing stands for none. */
	char *confined = sandbox->off ? "--no-sandbox" : "--timeout=60", option[64];

	if (fd < 0)
		return fd;
	snprintf(option, sizeof(option), "--stats-file=/proc/%d/fd/%d", (int)getpid(), fd);
	code = live((char *const[]){(char *)penumbra, "run", "--timeout=60", confined,
				    (char *)guest, NULL},
		    fd, sandbox->off, &without, err);
	if (!code)
		code = live((char *const[]){(char *)penumbra, "run", "--timeout=60", confined,
					    option, (char *)guest, NULL},
			    STDOUT_FILENO, sandbox->off, &with_stats, err);
	if (!code)
		code = read_stats(at, fd, err);
	if (!code) {
		phases_of(phase, at, &with_stats);
		phase[PHASE_TO_END] = (double)(without.ended - without.spawned);
	}
	close(fd);
	return code;
}

int bench_startup(struct bench_startup *result, unsigned rounds, const char *penumbra,
		  const char *bare, const char *guest, const struct sandbox_options *sandbox,
		  struct pn_error *err)
{
	memset(result, 0, sizeof(*result));
	for (unsigned round = 0; round <= rounds; round++) {
		double a[PHASES] = {0}, b[PHASES] = {0};
		int code = run_penumbra(a, penumbra, guest, sandbox, err);

		if (!code)
			code = run_bare(b, bare, err);
		if (code)
			return code;
		/* The first round warms the page cache. */
		for (unsigned i = 0; round && i < PHASES; i++) {
			sample_add(&result->penumbra[i], a[i]);
			sample_add(&result->bare[i], b[i]);
			sample_add(&result->ratio[i], a[i] / b[i]);
		}
	}
	return PN_OK;
}
