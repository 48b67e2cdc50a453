/* SPDX-License-Identifier: MIT */
/*
 * walk(): what x86 paging means, said once. It takes the registers that govern paging, a GVA, and
 * the kind of access; it gives the translation, or the exact #PF error code and the reason.
 * Everything that must know what a guest's tables say asks here.
 *
 * Intel SDM vol. 3, ch. 4; AMD APM vol. 2, ch. 5. Left out, because no guest is offered them:
 * protection keys for supervisor pages (PKS), shadow stacks (CET), LAM, CR4.PCIDE's effects on
 * TLBs (a walk has no TLB).
 */
#ifndef MEMORY_WALK_H
#define MEMORY_WALK_H

#include "memory/format.h"
#include "memory/gmem.h"

#include <penumbra/penumbra.h>
#include <stdbool.h>
#include <stdint.h>

enum walk_access {
	WALK_READ,
	WALK_WRITE,
	WALK_FETCH,
};

/* On whose behalf (SDM 4.6). An implicit access is one the processor makes by itself to a
 * descriptor table, a TSS or an interrupt frame: supervisor at any CPL, and SMAP ignores AC. */
enum walk_privilege {
	WALK_USER,
	WALK_SUPERVISOR,
	WALK_IMPLICIT,
};

enum walk_outcome {
	WALK_OK,
	WALK_FAULT,	   /* #PF */
	WALK_NONCANONICAL, /* #GP, or #SS if the access went through SS; no table was read */
	WALK_NO_MEMORY,	   /* the GPA of an entry is in no memory slot */
};

/* Why a #PF. If an access is wrong in several ways, the first of this list is given. */
enum walk_cause {
	WALK_CAUSE_NONE,
	WALK_CAUSE_NOT_PRESENT,
	WALK_CAUSE_RESERVED_BIT,
	WALK_CAUSE_SUPERVISOR_PAGE, /* reached by a user access */
	WALK_CAUSE_SMEP,
	WALK_CAUSE_SMAP,
	WALK_CAUSE_READ_ONLY,
	WALK_CAUSE_NO_EXECUTE,
	WALK_CAUSE_PKEY,
};

#define WALK_CAUSES (WALK_CAUSE_PKEY + 1)

/* The same in words, for output: "write to a read-only page", "user", ... */
const char *walk_outcome_name(enum walk_outcome outcome);
const char *walk_cause_name(enum walk_cause cause);
const char *walk_access_name(enum walk_access access);
const char *walk_privilege_name(enum walk_privilege privilege);

/* The registers that govern paging, and what CPUID says about it. */
struct walk_regs {
	uint64_t cr0, cr3, cr4, efer, rflags;
	uint32_t pkru;	    /* counts under CR4.PKE only */
	uint8_t maxphyaddr; /* bits, 32 to 52 */
	bool has_1g;	    /* 1 GiB pages exist (CPUID 0x80000001 EDX[26]) */
	bool amd;	    /* bit 8 of a PML4E or PML5E is reserved (APM vol. 2, 5.3.3) */
	bool pdptrs_valid;  /* PAE: use pdptr[], as Intel does; else read the table at CR3, as AMD
				does */
	uint64_t pdptr[4];
};

/*
 * What walk() needs of the registers, worked out once: formats' rules turned into masks. Everyone
 * may read `format` and `serial`; the rest is walk()'s own. Valid as long as none of the registers changes.
 */
struct walk_context {
	const struct pt_format *format; /* NULL: paging is off */
	/* For whoever remembers what came of a context: a number that its owner gives it, another
	 * with each change of the rest; 0: none, and nothing is remembered. */
	uint64_t serial;
	gpa_t root;	  /* GPA of the top table */
	uint64_t address; /* of an entry: where the next table lies */
	gva_t gva_mask;	  /* outside long mode, a GVA wraps at 4 GiB */
	gva_t canonical_bias, canonical_mask;
	uint64_t global; /* PTE_GLOBAL if it counts */
	uint64_t pkey;	 /* PTE_PKEY if it counts */
	uint32_t pkru;	 /* 0 if it does not count */
	bool pdptrs_valid;
	uint64_t pdptr[4];

	/* One level of the tables. */
	struct walk_level {
		uint64_t leaf;	      /* an entry with one of these bits maps a page */
		uint64_t reserved[2]; /* [1]: if it maps a page */
		uint64_t implied;     /* as in struct pt_level */
		uint64_t page;	      /* address bits of an entry that maps a page */
		uint64_t pse36;	      /* as in struct pt_level */
		uint64_t offset_mask; /* (GVA >> offset_shift) & offset_mask is the entry's */
		uint8_t offset_shift; /* offset in its table, in bytes */
		uint8_t shift;
	} level[PT_LEVEL_MAX + 1];

	/* What one kind of access asks of a translation. */
	struct walk_demand {
		uint64_t must;	     /* PTE_WRITE, PTE_USER; PTE_NX: must be executable */
		uint64_t must_not;   /* PTE_USER under SMEP and SMAP */
		uint32_t error_code; /* of a fault with a translation */
		uint8_t pkey;	     /* PKRU bits of a key that forbid it: 1 AD, 2 WD */
	} demand[WALK_IMPLICIT + 1][WALK_FETCH + 1];
};

/* Fills *ctx from *regs. Never fails: bits of the registers that no processor would accept are
 * ignored. */
void walk_context_init(struct walk_context *ctx, const struct walk_regs *regs);

struct walk_query {
	gva_t gva;
	enum walk_access access;
	enum walk_privilege privilege;
	bool set_ad; /* set the accessed and dirty flags, as a real access would */
};

/*
 * What a walk found. `cause`, `error_code` and `reserved` belong to WALK_FAULT; `gpa` and all below
 * it to WALK_OK.
 */
struct walk_result {
	enum walk_outcome outcome;
	enum walk_cause cause;
	uint32_t error_code; /* PF_ERR_... */
	uint64_t reserved;   /* the bits that are set and should not be */
	uint8_t level;	     /* where the walk ended: the level that failed or maps the page; 0 if
				there was none (paging off, not canonical) */
	gpa_t entry;	     /* GPA of that level's entry; in no slot for WALK_NO_MEMORY */

	gpa_t gpa;
	uint8_t shift; /* the page has 1 << shift bytes; 12 if paging is off */
	/* What all levels together grant, apart from CR0.WP, SMEP, SMAP and PKRU. */
	bool writable;
	bool user;
	bool nx;
	bool global;  /* and CR4.PGE is set */
	bool dirty;   /* further writes need no walk: D is set, or this walk was to set it (and
			  could not if the leaf is in a read-only slot) */
	uint8_t pkey; /* 0 if keys are off */
	uint8_t pat;  /* the entry's PAT, PCD, PWT as an index into the PAT, 0 to 7 (SDM 4.9) */
};

/* One entry that a walk read. */
struct walk_step {
	gpa_t gpa;	/* of the entry; where it was loaded from if in_register */
	uint64_t entry; /* as read, plus the A and D flags this walk has set */
	uint16_t index; /* in its table */
	uint8_t level;
	bool in_register; /* a PDPTE that the processor holds */
};

/* The entries in the order they were read, the top table's first. */
struct walk_path {
	unsigned count; /* steps taken */
	struct walk_step step[PT_LEVEL_MAX];
};

/*
 * Translates. Fills *result, returns its outcome, and records the path if `path` is not NULL (a
 * step is missing for an entry that could not be read). Reads each entry in one atomic load.
 *
 * With set_ad, an access that succeeds has set A in every entry it used, and D in the leaf if it
 * is a write, by compare-and-swap: if another CPU changed an entry since it was read, the walk
 * starts again. An access that fails sets nothing (but A may stay set in upper entries when such a
 * change makes it fail). Real processors may set A earlier and oftener, for speculation and for
 * accesses that fault (SDM 4.8); guests cannot count on either. An entry in a read-only slot
 * stays as it is.
 *
 * The caller holds mem->lock, or knows that no other thread maps or unmaps.
 */
enum walk_outcome walk(const struct gmem *mem, const struct walk_context *ctx,
		       const struct walk_query *query, struct walk_result *result,
		       struct walk_path *path);

#endif
