/* SPDX-License-Identifier: MIT */
/*
 * The trace format: what a trace file holds, byte by byte (docs/trace-format.md). Little endian.
 *
 *   struct pn_trace_header    once
 *   symbols                   header.symbols_size bytes, one struct pn_trace_symbol after the other
 *   struct pn_trace_record    until the end of the file; a last one that is cut off is no record
 *
 * A reader takes files of the version it knows, and passes over record types that it does not.
 */
#ifndef PENUMBRA_TRACE_H
#define PENUMBRA_TRACE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PN_TRACE_MAGIC	 "PNTRACE" /* and its NUL: 8 bytes */
#define PN_TRACE_VERSION 1

struct pn_trace_header {
	char magic[8];
	uint32_t version;
	uint32_t header_size;	/* bytes of this structure */
	uint32_t record_size;	/* bytes of struct pn_trace_record */
	uint32_t vcpus;		/* vCPUs that may have left records */
	uint64_t start_ns;	/* CLOCK_MONOTONIC at time 0 */
	uint64_t start_wall_ns; /* CLOCK_REALTIME at time 0 */
	uint64_t symbols_size;	/* bytes of symbols behind this header */
	char host[64];		/* the host's paging in words; NUL-terminated, as the next two */
	char guest[256];	/* file name of the guest */
	char cmdline[256];	/* the guest's command line, cut if need be */
};

/* A symbol of the guest: this, then `length` bytes of its name, without a NUL. Sorted by GVA. */
struct pn_trace_symbol {
	uint64_t gva, size; /* bytes */
	uint32_t length;
	uint32_t reserved;
};

/*
 * What happened. `address`, `value`, `error`, `count`, `level`, `kind` and `cause` of a record mean,
 * by type (what is not named is 0):
 *
 *   GUEST_FAULT    address: CR2; error: the #PF's error code; kind: enum pn_trace_fault; level and
 *                  value[0]: of the entry that the walk failed at
 *   HIDDEN_FAULT   address: CR2; error: the access, as a #PF's error code; count: entries filled
 *                  beyond the one that was missing; value[0]: GPA of the page
 *   TABLE_WRITE    address: GPA of the guest's table entry; value: before, after; level: of the table
 *   CR3            value: before, after
 *   FLUSH          kind: enum pn_trace_flush; cause: enum pn_trace_cause; address: GVA of a page;
 *                  count: shadow entries dropped
 *   SECOND_FAULT   address: GPA; error: bit 1 write. Source UFFD: address: of the host page's first
 *                  byte; value[0]: bytes of it; cost: until it was resolved. Source KERNEL: error: as
 *                  KVM has it
 *   INJECT         kind: the vector; error: its error code; address: CR2
 *   HALT
 *   MODE           value: before, after (enum pn_mode)
 *   MARK           value: number and value that the guest gave
 *   EXIT           kind: KVM_EXIT_...; address: port or GPA; value[0]: what was written
 *   DROP           count: records lost just before this one, because the ring was full
 *   FORESEEN       address: CR2 of the guest fault that the guest has handled: it returns to the
 *                  instruction, and finds the shadow's entry installed, without a hidden fault
 *   COUNTER        kind: enum pn_trace_counter; value: at the last sample that told of it, and now
 *   KERNEL         kind: enum pn_trace_tracepoint; the other members are the tracepoint's own fields
 *                  (docs/trace-format.md has the table)
 *   RESOLVED       the guest has dealt with a fault. address: its CR2; error: its error code; kind:
 *                  enum pn_trace_resolution, the guest's word
 */
enum pn_trace_type {
	PN_TRACE_NONE,
	PN_TRACE_GUEST_FAULT,
	PN_TRACE_HIDDEN_FAULT,
	PN_TRACE_TABLE_WRITE,
	PN_TRACE_CR3,
	PN_TRACE_FLUSH,
	PN_TRACE_SECOND_FAULT,
	PN_TRACE_INJECT,
	PN_TRACE_HALT,
	PN_TRACE_MODE,
	PN_TRACE_MARK,
	PN_TRACE_EXIT,
	PN_TRACE_DROP,
	PN_TRACE_FORESEEN,
	PN_TRACE_COUNTER,
	PN_TRACE_KERNEL,
	PN_TRACE_RESOLVED,
	PN_TRACE_TYPES
};

/* What a guest fault was about, as the walk shows. */
enum pn_trace_fault {
	PN_FAULT_NOT_PRESENT,
	PN_FAULT_WRITE,	   /* to a page that may not be written */
	PN_FAULT_EXECUTE,  /* of a page without code */
	PN_FAULT_USER,	   /* to a supervisor page */
	PN_FAULT_SMEP,	   /* kernel, code of a user page */
	PN_FAULT_SMAP,	   /* kernel, data of a user page */
	PN_FAULT_RESERVED, /* reserved bits */
	PN_FAULT_KEY,	   /* protection key */
	PN_FAULTS
};

/* What a guest fault was to the guest's kernel. */
enum pn_trace_resolution {
	PN_RESOLVED_DEMAND_ZERO,   /* the first use of a page that starts as zeroes */
	PN_RESOLVED_FILE,	   /* the first use of a page that has its contents elsewhere */
	PN_RESOLVED_COPY_ON_WRITE, /* a write to a page that others have too: copied */
	PN_RESOLVED_LAST_OWNER,	   /* the others are gone: made writable */
	PN_RESOLVED_SPURIOUS,	   /* the entry allows the access by now */
	PN_RESOLVED_REFUSED,	   /* the access is not allowed: a signal, or an error */
	PN_RESOLUTIONS
};

enum pn_trace_flush {
	PN_FLUSH_ALL,
	PN_FLUSH_CONTEXT,
	PN_FLUSH_RANGE,
	PN_FLUSH_PAGE,
	PN_FLUSH_PCID,
	PN_FLUSHES
};

enum pn_trace_cause {
	PN_CAUSE_CR3,
	PN_CAUSE_INVLPG,
	PN_CAUSE_INVPCID,
	PN_CAUSE_CR4,
	PN_CAUSE_CR0,
	PN_CAUSE_EFER,
	PN_CAUSE_CALL,
	PN_CAUSE_MODE,
	PN_CAUSES
};

/* Statistics of KVM's, by the kernel's names for them; those of the VM from REMOTE_TLB_FLUSH on. */
enum pn_trace_counter {
	PN_COUNTER_EXITS,
	PN_COUNTER_PF_TAKEN,
	PN_COUNTER_PF_FIXED,
	PN_COUNTER_PF_EMULATE,
	PN_COUNTER_PF_SPURIOUS,
	PN_COUNTER_PF_FAST,
	PN_COUNTER_PF_MMIO_SPTE_CREATED,
	PN_COUNTER_PF_GUEST,
	PN_COUNTER_TLB_FLUSH,
	PN_COUNTER_INVLPG,
	PN_COUNTER_INSN_EMULATION,
	PN_COUNTER_REMOTE_TLB_FLUSH,
	PN_COUNTER_REMOTE_TLB_FLUSH_REQUESTS,
	PN_COUNTER_MMU_SHADOW_ZAPPED,
	PN_COUNTER_MMU_PTE_WRITE,
	PN_COUNTER_MMU_PDE_ZAPPED,
	PN_COUNTER_MMU_FLOODED,
	PN_COUNTER_MMU_RECYCLED,
	PN_COUNTER_MMU_CACHE_MISS,
	PN_COUNTER_MMU_UNSYNC,
	PN_COUNTER_PAGES_4K,
	PN_COUNTER_PAGES_2M,
	PN_COUNTER_PAGES_1G,
	PN_COUNTER_NX_LPAGE_SPLITS,
	PN_COUNTERS
};

/* Tracepoints of the host's kernel, by its names for them. */
enum pn_trace_tracepoint {
	PN_TP_KVM_EXIT,
	PN_TP_KVM_ENTRY,
	PN_TP_KVM_USERSPACE_EXIT,
	PN_TP_KVM_PAGE_FAULT,
	PN_TP_KVM_INJ_EXCEPTION,
	PN_TP_KVM_CR,
	PN_TP_KVM_MMIO,
	PN_TP_KVM_UNMAP_HVA_RANGE,
	PN_TP_FAST_PAGE_FAULT,
	PN_TP_KVM_MMU_PAGETABLE_WALK,
	PN_TP_KVM_MMU_PAGING_ELEMENT,
	PN_TP_KVM_MMU_WALKER_ERROR,
	PN_TP_KVM_MMU_SET_ACCESSED_BIT,
	PN_TP_KVM_MMU_SET_DIRTY_BIT,
	PN_TP_KVM_MMU_GET_PAGE,
	PN_TP_KVM_MMU_SYNC_PAGE,
	PN_TP_KVM_MMU_UNSYNC_PAGE,
	PN_TP_KVM_MMU_PREPARE_ZAP_PAGE,
	PN_TP_KVM_MMU_ZAP_ALL_FAST,
	PN_TP_KVM_MMU_SPTE_REQUESTED,
	PN_TP_KVM_MMU_SET_SPTE,
	PN_TP_KVM_TDP_MMU_SPTE_CHANGED,
	PN_TP_KVM_MMU_SPLIT_HUGE_PAGE,
	PN_TP_MARK_MMIO_SPTE,
	PN_TP_HANDLE_MMIO_PAGE_FAULT,
	PN_TP_CHECK_MMIO_SPTE,
	PN_TRACEPOINTS
};

/* Who saw it. */
enum pn_trace_source {
	PN_SOURCE_SHADOW, /* shadow mode: nothing happens without a trap */
	PN_SOURCE_EXIT,	  /* an exit to userspace, in either mode */
	PN_SOURCE_GUEST,  /* the guest's own log */
	PN_SOURCE_BREAK,  /* a breakpoint from outside */
	PN_SOURCE_UFFD,	  /* userfaultfd */
	PN_SOURCE_STATS,  /* KVM_GET_STATS_FD */
	PN_SOURCE_KERNEL, /* a tracepoint of the host's kernel */
	PN_SOURCES
};

struct pn_trace_record {
	uint64_t time; /* ns since header.start_ns */
	uint64_t rip;  /* GVA, the guest's */
	uint64_t address;
	uint64_t value[2];
	uint32_t cost; /* ns that the host spent on it in userspace; UINT32_MAX: that or more */
	uint32_t error;
	uint32_t count;
	uint32_t number; /* of the vCPU's records, from 0; a gap is a drop */
	uint8_t type;	 /* enum pn_trace_type */
	uint8_t source;	 /* enum pn_trace_source */
	uint8_t mode;	 /* enum pn_mode */
	uint8_t vcpu;
	uint8_t cpl; /* the guest's own */
	uint8_t level;
	uint8_t kind;
	uint8_t cause;
};

#ifdef __cplusplus
}
#endif
#endif
