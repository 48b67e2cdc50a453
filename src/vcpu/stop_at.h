/* SPDX-License-Identifier: MIT */
/*
 * Running a guest up to a point: its n-th mark, its n-th page fault (shadow mode), or the first
 * instruction at an address. Nothing is polled: the places where such a thing comes by anyway ask
 * here, and the run ends with PN_END_STOPPED. It can be run on.
 *
 * For an address, HLT stands in for the first byte of the instruction, and the byte is put back when
 * it is reached. HLT is what traps on every host: at CPL 0 in hw mode as an exit of its own, in
 * shadow mode, at CPL 3, as #GP to the monitor. In hw mode a HLT at CPL 3 is the guest's own #GP:
 * code of ring 3 cannot be stopped at there.
 */
#ifndef VCPU_STOP_AT_H
#define VCPU_STOP_AT_H

#include "memory/walk.h"

#include <stdbool.h>

struct vcpu;
struct exception;

enum stop_kind { STOP_NEVER, STOP_MARK, STOP_FAULT, STOP_ADDRESS };

struct stop_at {
	enum stop_kind kind;
	uint64_t left; /* marks or faults to come, the one to stop at included */
	gva_t gva;     /* STOP_ADDRESS */
	gpa_t gpa;     /* ... where it was at the start */
	uint8_t byte;  /* ... and what is there */
	bool reached;
	struct walk_query fault; /* STOP_FAULT, when reached: the access that faults */
};

/* Stops at the n-th mark or fault from now on; n is at least 1. */
void stop_at_mark(struct vcpu *v, uint64_t n);
void stop_at_fault(struct vcpu *v, uint64_t n);

/*
 * Stops before the instruction at `gva`, which lies at `gpa`. Returns 0, or PN_ERR_NOT_MAPPED if no
 * byte can be written there.
 */
int stop_at_address(struct vcpu *v, gva_t gva, gpa_t gpa);

/* --- For those whom such things come by --- */

/* A mark has been left. */
void stop_see_mark(struct vcpu *v);

/* An exception is about to be delivered in shadow mode. True if it is not to be: the guest stops
 * before the instruction, which will do it again if it runs on. */
bool stop_see_exception(struct vcpu *v, const struct exception *x);

/* The guest has come to a HLT at `rip`, with the paging registers of ctx (NULL: the vCPU's own).
 * True if that is the point; the instruction is whole again, and has not been done. */
bool stop_see_halt(struct vcpu *v, gva_t rip, const struct walk_context *ctx);

#endif
