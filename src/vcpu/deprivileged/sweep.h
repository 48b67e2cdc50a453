/* SPDX-License-Identifier: MIT */
/*
 * What in a guest's text shadow mode cannot do right: instructions that at CPL 3 do not trap, and do
 * not do what they do at CPL 0 either. Found before the guest runs, by reading its code from end to
 * end. Data among the code reads as code, and user code looks like kernel code: what is found
 * *may* go wrong. docs/guest-rules.md has the same list, and what to write instead.
 */
#ifndef VCPU_DEPRIVILEGED_SWEEP_H
#define VCPU_DEPRIVILEGED_SWEEP_H

#include "symbols.h"

/* Lines of findings at most; one more tells how many were left out. */
#define SWEEP_LINES 16
#define SWEEP_WIDTH 120

struct sweep {
	unsigned count;
	char line[SWEEP_LINES + 1][SWEEP_WIDTH];
};

/* What makes some of the instructions harmless. */
struct sweep_host {
	bool iopl; /* RFLAGS.IOPL is honoured at CPL 3: IF is the guest's own */
	bool umip; /* SGDT, SIDT, SLDT, STR and SMSW trap */
};

/* A piece of code in host memory, and the GVA it runs at. */
struct sweep_text {
	const uint8_t *bytes;
	uint64_t size;
	gva_t gva;
};

/*
 * Reads `count` pieces of 64-bit code, one byte on after what is no instruction, and fills *result:
 * a line for each instruction of the list and symbol it occurs in, in the order found. Takes time
 * in proportion to the bytes (0.02 microseconds for each of usual code, 0.1 at worst) and no memory.
 */
void sweep(struct sweep *result, const struct sweep_text *text, unsigned count,
	   const struct symbols *symbols, const struct sweep_host *host);

#endif
