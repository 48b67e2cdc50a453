/* SPDX-License-Identifier: MIT */
/* The cost of a hidden fault, measured: see fault.h for what this is and is not. */
#include "bench/fault.h"

#include "bench/bare_fault.h"
#include "error.h"
#include "machine.h"
#include "sandbox/apart.h"

#include <stdio.h>
#include <time.h>

/* Its mark: the guest has made everything ready. */
static void on_console(void *arg, const char *bytes, size_t len)
{
	struct pn_machine **m = arg;

	(void)bytes;
	(void)len;
	pn_stop(*m);
}

static int run_to_mark(struct pn_machine *m, struct pn_error *err)
{
	struct pn_result end;
	int code = pn_run(m, &end, err);

	if (code)
		return code;
	if (end.end != PN_END_STOPPED)
		return pn_fail(err, PN_ERR_STATE, "paging.elf endless: %s", end.reason);
	return PN_OK;
}

/* `exits` exits; *faults: how many of them were hidden faults. */
static int run_exits(struct pn_machine *m, unsigned exits, unsigned *faults, struct pn_error *err)
{
	uint64_t before = shadow_stats(m->vcpu.deprivileged->shadow).hidden_faults;
	struct pn_result end;
	int code;

	m->vcpu.max_exits = exits;
	code = pn_run(m, &end, err);
	if (code)
		return code;
	if (end.end != PN_END_MAX_EXITS)
		return pn_fail(err, PN_ERR_STATE, "paging.elf endless: %s", end.reason);
	*faults = (unsigned)(shadow_stats(m->vcpu.deprivileged->shadow).hidden_faults - before);
	return PN_OK;
}

/* Up to the first page of the second leaf table: what comes before is not measured. */
static int warm_up(struct pn_machine *m, struct bare_fault *b, struct pn_error *err)
{
	int code = run_to_mark(m, err);

	for (unsigned done = 0, faults = 0; !code && done < FAULTS_OF_A_ROUND; done += faults)
		code = run_exits(m, 1, &faults, err);
	if (!code && bare_fault_run(b, FAULTS_OF_A_ROUND))
		code = pn_fail_errno(err, PN_ERR_SYSTEM, "bare loop of page faults");
	return code;
}

/* Of this thread, in ns: what others have the processor for does not count. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* One turn each; adds the times to *ours and *bare. */
static int take_turns(struct pn_machine *m, struct bare_fault *b, uint64_t *ours, uint64_t *bare,
		      struct pn_error *err)
{
	uint64_t t0 = cpu_ns(), t1;
	unsigned faults = 0;
	int code = run_exits(m, FAULTS_OF_A_TURN, &faults, err);

	t1 = cpu_ns();
	if (code)
		return code;
	if (faults != FAULTS_OF_A_TURN)
		return pn_fail(err, PN_ERR_STATE, "of %d exits %u were hidden faults",
			       FAULTS_OF_A_TURN, faults);
	if (bare_fault_run(b, FAULTS_OF_A_TURN))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "bare loop of page faults");
	*ours += t1 - t0;
	*bare += cpu_ns() - t1;
	return PN_OK;
}

static int measure(struct bench_fault *result, unsigned rounds, struct pn_machine *m,
		   struct bare_fault *b, struct pn_error *err)
{
	for (unsigned round = 0; round < rounds; round++) {
		uint64_t ours = 0, bare = 0;

		for (unsigned n = 0; n < FAULTS_OF_A_ROUND; n += FAULTS_OF_A_TURN) {
			int code = take_turns(m, b, &ours, &bare, err);

			if (code)
				return code;
		}
		sample_add(&result->penumbra, (double)ours / FAULTS_OF_A_ROUND);
		sample_add(&result->bare, (double)bare / FAULTS_OF_A_ROUND);
		sample_add(&result->ratio, (double)ours / (double)bare);
	}
	return PN_OK;
}

struct job {
	struct bench_fault result;
	unsigned rounds;
	enum pn_strategy strategy;
	const char *guest;
	const struct sandbox_options *sandbox;
};

static int work(void *arg, struct pn_error *err)
{
	struct job *job = arg;
	struct sandbox sandbox;
	struct pn_machine *m;
	struct pn_config config = {
		.mode = PN_MODE_SHADOW,
		.strategy = job->strategy,
		.console = on_console,
		.console_arg = &m,
	};
	struct bare_fault b;
	char words[32];
	int code;

	snprintf(words, sizeof(words), "endless %u", job->rounds + 2);
	config.cmdline = words;
	m = pn_machine_create(&config, err);
	if (!m)
		return err->code;
	code = pn_load_elf(m, job->guest, err);
	if (!code) {
		if (bare_fault_create(&b)) {
			code = pn_fail_errno(err, PN_ERR_SYSTEM, "bare VM");
		} else {
			code = sandbox_enter(&sandbox, job->sandbox, err);
			if (!code)
				code = warm_up(m, &b, err);
			if (!code)
				code = measure(&job->result, job->rounds, m, &b, err);
			bare_fault_destroy(&b);
		}
	}
	pn_machine_destroy(m);
	return code;
}

int bench_fault(struct bench_fault *result, unsigned rounds, enum pn_strategy strategy,
		const char *guest, const struct sandbox_options *sandbox, struct pn_error *err)
{
	struct job job = {
		.rounds = rounds, .strategy = strategy, .guest = guest, .sandbox = sandbox};
	int code = sandbox_apart(work, &job, sizeof(job), err);

	*result = job.result;
	return code;
}
