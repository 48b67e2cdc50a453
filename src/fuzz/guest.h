/* SPDX-License-Identifier: MIT */
/*
 * The machine that a program runs on, and its guest: what the host lays out for it (layout.h), and how
 * an operation becomes a slot.
 */
#ifndef FUZZ_GUEST_H
#define FUZZ_GUEST_H

#include "fuzz/layout.h"
#include "fuzz/model.h"
#include "machine.h"

/* How programs are run. */
struct fuzz_mode {
	const char *name;
	enum pn_mode start;
	enum pn_strategy strategy;
	bool toggles; /* it changes at FUZZ_TOGGLE */
};

#define FUZZ_MODES 7
extern const struct fuzz_mode fuzz_modes[FUZZ_MODES];

/* The guest's routines, in the order of their names in guest.c. */
#define FUZZ_ROUTINES 24

struct fuzz_guest {
	struct pn_machine *m;
	const struct fuzz_mode *mode;
	struct fuzz_facts facts;
	unsigned deviations;		 /* that are in force: bits 1 << index in fuzz_deviations */
	volatile struct fuzz_slot *slot; /* FUZZ_BATCH of them, in the guest's memory */
	uint64_t *live[FUZZ_WORDS];
	gva_t routine[FUZZ_ROUTINES];
	gva_t user_read, user_write;
	uint64_t cr0, cr4, efer; /* as at boot */
};

/* How far a machine is to be looked at. */
struct fuzz_options {
	const char *guest;    /* path of fuzz.elf */
	uint64_t audit_every; /* exits between audits of the shadow; 0: none */
	uint64_t toggle_ns;   /* in modes that toggle: after so long as well; 0: no */
	unsigned lost;	      /* bits 1 << enum fuzz_kind: operations that the guest never hears of.
				 How a test plants a fault */
};

/*
 * Makes a machine with the guest in it, up to the point where pn_run() does the first OUT. Returns
 * 0 or an error of pn_machine_create() and pn_load_elf(); PN_ERR_HOST_LACKS where the host has not
 * the levels.
 */
int fuzz_guest_make(struct fuzz_guest *g, const struct fuzz_mode *mode, unsigned levels,
		    const struct fuzz_options *options, struct pn_error *err);
void fuzz_guest_free(struct fuzz_guest *g);

/* Fills slot `n` with an operation; `regs` are the model's after it. `to`: the mode, for a toggle. */
void fuzz_guest_ask(struct fuzz_guest *g, unsigned n, const struct fuzz_op *op,
		    const struct fuzz_registers *regs, enum pn_mode to);

/* The OUT behind the last operation. */
void fuzz_guest_end(struct fuzz_guest *g, unsigned n);

/* What slot `n` has come to. */
struct fuzz_outcome fuzz_guest_outcome(const struct fuzz_guest *g, unsigned n);

#endif
