/* SPDX-License-Identifier: MIT */
/*
 * One case of the hostile guest, in shadow mode with each strategy, in both modes in turn and in hw
 * mode: the end it must have, the exceptions the guest must have got, and the values it must have
 * seen.
 */
#ifndef TESTS_HOSTILE_CHECK_H
#define TESTS_HOSTILE_CHECK_H

#include "guest.h"
#include "machine/fixture.h"

#define HOSTILE "build/tests/guests/hostile.elf"

/* How the run in hw mode must compare. */
enum hostile_hw {
	HW_SAME,    /* the same exceptions at the same places, the same values */
	HW_END,	    /* the same kind of end */
	HW_NOT_RUN, /* there the architecture leaves it to the host */
};

/* Hosts whose hw mode is not the architecture's in some case (docs/hosts.md); a set. */
enum hostile_host { ON_PVM = 1, ON_QEMU = 2, ON_BOCHS = 4 };

struct hostile_case {
	const char *words; /* of the guest's command line */
	enum pn_end end;
	unsigned status;
	const char *says; /* contained in the reason of the end */
	/* What the guest must have kept. */
	struct {
		unsigned vector;
		uint64_t error;
		gva_t cr2; /* for a #PF; 0: not looked at */
	} trap[HOSTILE_FRAMES];
	unsigned traps; /* how many of them: the guest may get no other */
	uint64_t value[HOSTILE_VALUES];
	unsigned values;
	enum hostile_hw hw;
	unsigned differs; /* enum hostile_host: where hw mode is not compared */
	uint64_t ram;	  /* bytes; 0: enough */
	/* Adds the case's own memory to the machine before it runs; may be NULL. */
	void (*prepare)(struct subject *s);
	/* Looks at the machine after a run in shadow mode; may be NULL. */
	void (*look)(struct subject *s, const char *name);
};

/* For cmocka: *state is the case. */
void hostile_check(void **state);
int hostile_clean(void **state);

/* A row of a table of tests: its promise, and the case. */
#define HOSTILE_TEST(promise, ...)                                                            \
	{                                                                                     \
		.name = #promise, .test_func = hostile_check, .teardown_func = hostile_clean, \
		.initial_state = (void *)&(struct hostile_case){__VA_ARGS__},                 \
	}

/* The GPA of the VMM area of machines like these, and the first past their MAXPHYADDR. In the words
 * of a case AREA and WIDE stand for them, and ENTRY for the GVA where the monitor takes SYSCALL. */
gpa_t hostile_area(void);
gpa_t hostile_wide(void);

#endif
