/* SPDX-License-Identifier: MIT */
/*
 * The VMM area: the monitor's memory inside the VM, and the pool of shadow tables. A memory slot of
 * its own, at the top of what the guest's MAXPHYADDR can address; the guest's RAM map does not name
 * it, guest-physical memory (gmem) does not hold it, and no guest table can lead there.
 */
#ifndef VCPU_MONITOR_AREA_H
#define VCPU_MONITOR_AREA_H

#include "memory/gmem.h"
#include "vcpu/monitor/monitor.h"

#include <linux/kvm.h>

/* KVM's number for the slot: past all that gmem can use. */
#define AREA_SLOT GMEM_SLOTS_MAX

struct area {
	int fd;
	uint8_t *hva;
	uint64_t size; /* bytes */
	gpa_t gpa;
	gva_t base;	 /* where the monitor is: MONITOR_BASE_4 or _5 */
	unsigned levels; /* of the real tables */
	bool cr2_comes;	 /* with every exit: a #PF's stub leaves CR2 where it is */
	int vm;
};

/* The first GPA that is not the guest's any more if an area with a pool of `pool_size` bytes lies
 * below `limit`. */
gpa_t area_floor_for(gpa_t limit, uint64_t pool_size);

/*
 * Makes an area with a pool of `pool_size` bytes (a multiple of 2 MiB) for VM descriptor `vm`, to
 * lie below `limit` (the first GPA past MAXPHYADDR), and writes the monitor into it, for real tables
 * of `levels` (4 or 5). `cr2_comes`: special registers come with every exit. Returns 0 or
 * PN_ERR_SYSTEM.
 */
int area_create(struct area *a, int vm, gpa_t limit, uint64_t pool_size, unsigned levels,
		bool cr2_comes, struct pn_error *err);
void area_destroy(struct area *a);

/*
 * The area is a slot only while the guest is in shadow mode: in hw mode, the guest's own tables
 * could lead there. To hide it makes KVM forget all that it has derived from guest memory, too, as
 * a kernel that shadows guest tables must after the host has stored into them: removing a slot
 * does, and nothing less (KVM API 4.35; docs/hosts.md). Return 0 or PN_ERR_SYSTEM.
 */
int area_show(struct area *a, struct pn_error *err);
int area_hide(struct area *a, struct pn_error *err);

/* What every shadow root holds in entry MONITOR_SLOT. */
uint64_t area_root_entry(const struct area *a);

/* The pool: GPA and HVA of its first frame, and frames. */
gpa_t area_pool_gpa(const struct area *a);
uint64_t *area_pool(const struct area *a);
unsigned area_pool_frames(const struct area *a);

/* Where the monitor finds what lies at a GPA of the area. */
gva_t area_gva(const struct area *a, gpa_t gpa);

struct monitor_mail *area_mail(const struct area *a);

/* The frame of the trap that was handed over with the monitor's stack at `rsp`; NULL if that is on
 * none of its stacks. */
struct monitor_frame *area_frame(const struct area *a, gva_t rsp);

/* The frame that monitor_enter takes, on the monitor's own stack. */
struct monitor_frame *area_entry_frame(const struct area *a);

/* The frame of a trap of the monitor itself, with its stack at `rsp`, while it handles one that came
 * from ring 3; NULL if that is not on its stack. */
const struct monitor_frame *area_inner_frame(const struct area *a, gva_t rsp);

/* Where the monitor looks at the guest's text; and its code that moves CR2 to a general register. */
gva_t area_peek(const struct area *a);
gva_t area_cr2_code(const struct area *a, unsigned reg);

/* Points the real general registers at monitor_enter, with that frame; the rest stay the guest's. */
void area_regs(const struct area *a, struct kvm_regs *regs);

/* Sets the real special registers for the monitor in ring 0; CR0, CR3 and CR4 are the caller's. */
void area_sregs(const struct area *a, struct kvm_sregs *s);

/* What MSR_LSTAR is to hold. */
gva_t area_syscall_entry(const struct area *a);

#endif
