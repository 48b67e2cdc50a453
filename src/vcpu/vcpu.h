/* SPDX-License-Identifier: MIT */
/*
 * One virtual CPU: its KVM descriptor, the loop that runs it, and what is known when it stops.
 * Exits are decided by the table in exits.c.
 */
#ifndef VCPU_VCPU_H
#define VCPU_VCPU_H

#include "device/bus.h"
#include "device/console.h"
#include "device/exit_port.h"
#include "kvm/kvm.h"
#include "memory/gmem.h"
#include "memory/shadow/shadow.h"
#include "memory/walk.h"
#include "symbols.h"
#include "vcpu/cpuid.h"
#include "vcpu/history.h"
#include "vcpu/stop_at.h"
#include "vcpu/tracer.h"
#include "vcpu/watch.h"

#include <stdatomic.h>

/* How a run ended, with one line that says why. */
struct vcpu_end {
	enum pn_end end;
	unsigned status; /* for PN_END_STATUS */
	int failed;	 /* enum pn_code, if the host has failed and not the guest; else 0 */
	char reason[256];
};

/* A mark the guest left (PN_CALL_MARK): only the count and the last are kept. */
struct vcpu_marks {
	uint64_t count;
	uint32_t number;
	uint64_t value;
};

/* General and special registers, as KVM_CAP_SYNC_REGS hands them over. */
struct vcpu_registers {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
};

struct deprivileged;

/* What shadow mode is to be made of, should it be asked for. */
struct shadow_plan {
	int vm;		    /* descriptor */
	uint64_t pool_size; /* bytes */
	enum shadow_strategy strategy;
	unsigned levels;	     /* of the guest's paging */
	bool interpreted;	     /* the host runs ring 0 by interpreting it */
	union kvm_cpuid_list *cpuid; /* the guest's */
};

struct vcpu {
	int fd;
	struct kvm_run *run;
	const struct kvm_host *host;

	/* What the vCPU works on; the machine's. */
	struct gmem *mem;
	struct bus *bus;
	struct console *console;
	struct exit_port *exit_port;
	const struct symbols *symbols;
	struct shadow_plan plan;
	struct deprivileged *deprivileged; /* from the first use of shadow mode on; else NULL */

	/* Changes of mode (mode.h). */
	atomic_int mode;       /* enum pn_mode */
	atomic_int wish;       /* enum mode_wish */
	uint64_t toggle_every; /* exits between changes of mode; 0: none */
	uint64_t toggle_ns;    /* nanoseconds between them; 0: none */
	uint64_t toggles;      /* changes so far */
	uint64_t audit_every;  /* exits between checks of the mode's invariants; 0: none */

	struct cpuid_facts facts; /* of the guest's CPUID */

	struct tracer *tracer; /* NULL: nothing is traced */
	timer_t soon;	       /* for vcpu_kick_soon(), if has_soon */
	bool has_soon;
	struct vcpu_watch *watch; /* those who watch from outside; NULL: nobody */
	struct stop_at stop_at;

	/* KVM_SYNC_X86_...: what exits bring on this host unless a mode wants less, and what the
	 * next one is to bring. What the last one has brought is in run->kvm_valid_regs. */
	uint64_t host_regs, wanted_regs;

	uint64_t max_exits; /* 0: no limit */
	struct history history;
	struct vcpu_registers
		last; /* at boot, then at the last exit that was no shutdown (sregs: where they come with it) */
	struct vcpu_marks marks;
	uint64_t started_ns;	/* CLOCK_MONOTONIC before the first KVM_RUN; 0: never ran */
	uint64_t first_exit_ns; /* ... after it */

	/*
	 * Set by whoever changes memory slots or stores into guest memory from outside: what shadow
	 * mode has derived from guest tables may be wrong, and is dropped at the next trap.
	 */
	atomic_bool memory_changed;

	/* Asking the vCPU to stop, from any thread or signal handler. */
	atomic_bool stop;
	atomic_int thread; /* the kernel's id of the thread in vcpu_run; 0: none */
};

/*
 * Makes vCPU 0 of a VM with the CPUID given. The caller has set the pointers of *v. Returns 0 or
 * PN_ERR_SYSTEM.
 */
int vcpu_create(struct vcpu *v, int vm, union kvm_cpuid_list *cpuid, struct pn_error *err);
void vcpu_destroy(struct vcpu *v);

/*
 * Runs on the calling thread until something ends the run: one KVM_RUN per exit and no other system
 * call. Returns 0 with *end filled, PN_ERR_STATE (it is running on another thread), PN_ERR_SYSTEM.
 */
int vcpu_run(struct vcpu *v, struct vcpu_end *end, struct pn_error *err);

/* Makes the running or next vcpu_run end with PN_END_STOPPED. Async-signal-safe. */
void vcpu_stop(struct vcpu *v);

/* Brings the vCPU's thread, if it is in vcpu_run, to the top of its loop. Async-signal-safe. */
void vcpu_kick(struct vcpu *v);

/* The same, when the guest has had some 50 us to run in. From the vCPU's thread, in vcpu_run. */
void vcpu_kick_soon(struct vcpu *v);

/*
 * The special registers as they are: a system call where they do not come with every exit. All zero
 * if KVM does not tell.
 */
const struct kvm_sregs *vcpu_sregs(const struct vcpu *v);

/*
 * Whether the exit is a triple fault that has left the vCPU freshly reset, in real mode: kvm_amd
 * does that. Where the vCPU was is lost then; v->last is the exit before.
 */
bool vcpu_was_reset(const struct vcpu *v);

/* What an exit handler decides. */
enum vcpu_verdict { VCPU_CONTINUE, VCPU_END };

/* Handles the exit in v->run (exits.c). */
enum vcpu_verdict vcpu_handle_exit(struct vcpu *v, struct vcpu_end *end);

/*
 * Handles a host call (calls.c): the result for EAX. `given`: the guest's paging registers, or NULL
 * for those of the vCPU itself.
 */
uint32_t vcpu_call(struct vcpu *v, const struct kvm_regs *regs, const struct walk_context *given);

/* Writes "RIP 0x401000 (touch+0x12)" into text of `size` bytes; returns text. */
const char *vcpu_place(const struct vcpu *v, gva_t rip, char *text, size_t size);

/* Ends a run with the status in the exit port. */
enum vcpu_verdict vcpu_exit_status(const struct vcpu *v, struct vcpu_end *end);

/* Ends a run with a formatted reason; returns VCPU_END. */
enum vcpu_verdict vcpu_end(struct vcpu_end *end, enum pn_end how, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
