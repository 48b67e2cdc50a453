/* SPDX-License-Identifier: MIT */
/* The cost of one exit, measured: see trip.h for what this is and is not. */
#include "bench/trip.h"

#include "bench/bare.h"
#include "clock.h"
#include "error.h"
#include "sandbox/apart.h"

static int measure(struct bench_trip *result, unsigned rounds, unsigned exits, struct pn_machine *m,
		   struct bare *b, struct pn_error *err)
{
	for (unsigned round = 0; round <= rounds; round++) {
		struct pn_result end;
		uint64_t t0, t1, t2;
		double ours, bare;
		int code;

		t0 = clock_ns();
		code = pn_run(m, &end, err);
		t1 = clock_ns();
		if (code)
			return code;
		if (end.end != PN_END_MAX_EXITS)
			return pn_fail(err, PN_ERR_SYSTEM, "the guest stopped: %s", end.reason);
		if (bare_run(b, exits))
			return pn_fail_errno(err, PN_ERR_SYSTEM, "bare KVM_RUN loop");
		t2 = clock_ns();
		ours = (double)(t1 - t0) / exits;
		bare = (double)(t2 - t1) / exits;
		/* The first round is warm-up. */
		if (round == 0)
			continue;
		sample_add(&result->penumbra, ours);
		sample_add(&result->bare, bare);
		sample_add(&result->ratio, ours / bare);
	}
	return PN_OK;
}

struct job {
	struct bench_trip result;
	unsigned rounds, exits;
	const char *guest;
	const struct sandbox_options *sandbox;
};

static int work(void *arg, struct pn_error *err)
{
	/* out %al, $0xe9; jmp to it */
	static const unsigned char code[] = {0xe6, 0xe9, 0xeb, 0xfc};
	struct job *job = arg;
	struct pn_config config = {.max_exits = job->exits};
	struct sandbox sandbox;
	struct pn_machine *m;
	struct bare b;
	int status;

	m = pn_machine_create(&config, err);
	if (!m)
		return err->code;
	status = pn_load_elf(m, job->guest, err);
	if (!status) {
		if (bare_create(&b, code, sizeof(code)))
			status = pn_fail_errno(err, PN_ERR_SYSTEM, "bare VM");
		else {
			status = sandbox_enter(&sandbox, job->sandbox, err);
			if (!status)
				status = measure(&job->result, job->rounds, job->exits, m, &b, err);
			bare_destroy(&b);
		}
	}
	pn_machine_destroy(m);
	return status;
}

int bench_trip(struct bench_trip *result, unsigned rounds, unsigned exits, const char *guest,
	       const struct sandbox_options *sandbox, struct pn_error *err)
{
	struct job job = {.rounds = rounds, .exits = exits, .guest = guest, .sandbox = sandbox};
	int code = sandbox_apart(work, &job, sizeof(job), err);

	*result = job.result;
	return code;
}
