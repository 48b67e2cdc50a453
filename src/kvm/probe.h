/* SPDX-License-Identifier: MIT */
/*
 * The host probe: what this KVM is and can do, found by behaviour. Each probe runs a few
 * instructions in a throw-away VM and looks at what happened.
 */
#ifndef KVM_PROBE_H
#define KVM_PROBE_H

#include "kvm/kvm.h"

#include <penumbra/penumbra.h>
#include <stdbool.h>

/*
 * What really translates the second dimension: a VM takes page faults and runs INVLPG, and
 * KVM_GET_STATS_FD tells whether the kernel saw them (it shadows) or not (two-dimensional paging).
 * Which hardware it is comes from the vendor module, or from CPUID's vendor where /sys is closed.
 * Where KVM keeps no such statistics (before Linux 5.14) the vendor module's parameters are taken.
 * Returns 0 or the error of the call that failed (PN_ERR_NO_KVM, PN_ERR_SYSTEM, PN_ERR_NOMEM;
 * PN_ERR_HOST_LACKS where neither tells).
 */
int probe_paging(enum pn_paging *paging, struct pn_error *err);

/* What all probes start from. */
struct probe {
	struct kvm_host host;
	union kvm_cpuid_list *cpuid; /* all that this KVM offers, and every probe's vCPU gets */
};

/* Opens /dev/kvm. Returns 0, PN_ERR_NO_KVM, PN_ERR_NOMEM or PN_ERR_SYSTEM; nothing is left behind then. */
int probe_open(struct probe *p, struct pn_error *err);
void probe_close(struct probe *p);

/* The answer of probe_paging, with what speaks for it. */
struct probe_evidence {
	enum pn_paging paging;
	enum pn_paging module; /* what the vendor module's parameters say, if anything */
	bool by_behaviour;     /* false: `paging` is `module`, and `reason` says why */
	char reason[160];
	/* What the guest did, and what KVM counted of it. */
	uint64_t faults, invlpgs;
	uint64_t pf_guest, invlpg;
};

/*
 * probe_paging's work. Returns 0 (also where nothing tells: `paging` is PN_PAGING_UNKNOWN then) or
 * the error of the call that failed.
 */
int probe_evidence(struct probe *p, struct probe_evidence *e, struct pn_error *err);

/* The answer of a probe of one question. */
struct probe_answer {
	bool yes;
	char seen[96]; /* what was seen, in words */
};

/*
 * Each returns 0 with *answer filled, or the error of the call that failed, which leaves the
 * question open.
 */
typedef int probe_fn(struct probe *p, struct probe_answer *answer, struct pn_error *err);

/* Five-level paging: offered in CPUID, and a vCPU under CR4.LA57 reaches a GVA that only it has. */
probe_fn probe_la57;

/* 1 GiB pages: offered in CPUID, and a load through one gives what is there. */
probe_fn probe_page_1g;

/* IOPL: at CPL 3 with IOPL = 3 CLI and STI run, and PUSHF shows IF follow. */
probe_fn probe_iopl;

/* KVM_SET_GUEST_DEBUG at CPL 0: INT3, a debug register, RFLAGS.TF; each gives KVM_EXIT_DEBUG and
 * the guest goes on after it. */
probe_fn probe_debug_software;
probe_fn probe_debug_hardware;
probe_fn probe_debug_step;

/* After a triple fault KVM_GET_REGS gives the registers as they were. */
probe_fn probe_triple_fault;

/* Writes what was seen into *answer; for the probes themselves. */
void probe_say(struct probe_answer *answer, bool yes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
