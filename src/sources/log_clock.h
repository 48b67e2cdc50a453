/* SPDX-License-Identifier: MIT */
/*
 * The guest's TSC put onto CLOCK_MONOTONIC. Guest and host read the same counter, but for an offset
 * that KVM tells; how fast it runs needs no knowing, as each record is placed between two looks at
 * both clocks, a poll apart. So it is right to within what such a look takes (under a microsecond;
 * docs/trace-format.md), however long the run.
 */
#ifndef SOURCES_LOG_CLOCK_H
#define SOURCES_LOG_CLOCK_H

#include <stdint.h>

/* Both clocks at one moment: ticks of the host's TSC, nanoseconds of CLOCK_MONOTONIC. */
struct log_moment {
	uint64_t tsc, ns;
};

struct log_clock {
	uint64_t offset;	    /* the guest's TSC less the host's */
	struct log_moment from, to; /* what is placed now lies between these */
};

/* `vcpu`: descriptor of a vCPU that does not run. */
void log_clock_init(struct log_clock *c, int vcpu);

struct log_moment log_clock_now(void);

/* Nanoseconds of CLOCK_MONOTONIC at a TSC of the guest's; never outside c->from and c->to. */
uint64_t log_clock_ns(const struct log_clock *c, uint64_t guest_tsc);

#endif
