/* SPDX-License-Identifier: MIT */
/*
 * Shadow paging: page tables that Penumbra builds (GVA to GPA of the backing page), kept in step
 * with the guest's tables, which are only data. Knows nothing of KVM: it works on a pool of table
 * frames, and hands out the changes that must be made inside the VM as mail for the monitor.
 *
 * The rule of the mailbox: the host itself stores only 0 -> present. Whatever was ever present is
 * changed or removed by the monitor, inside the VM. A host kernel that shadows our tables learns of
 * changes only that way; why, is in docs/hosts.md.
 */
#ifndef MEMORY_SHADOW_H
#define MEMORY_SHADOW_H

#include "memory/walk.h"

#include <stdio.h>

/* How the shadow is kept in step (design: docs/shadow.md). */
enum shadow_strategy {
	SHADOW_VTLB,   /* the shadow is a TLB: CR3 writes drop all but global entries */
	SHADOW_WP,     /* guest tables in use are write-protected; a write updates the shadow */
	SHADOW_UNSYNC, /* as wp, but a leaf table may be out of step until the next flush */
};

/* Which of a guest root's views: who is looking. */
enum shadow_view {
	SHADOW_KERNEL,	  /* supervisor; with SMAP on, AC clear */
	SHADOW_KERNEL_AC, /* supervisor with SMAP on and AC set */
	SHADOW_USER,	  /* only U/S = 1 pages */
	SHADOW_VIEWS
};

/* One piece of work for the monitor. The GPAs are the pool's, 8-byte aligned. */
enum mail_kind {
	MAIL_STORE,	/* the 8 bytes at pool GPA `where` become `value` */
	MAIL_ZERO,	/* the `value` entries from pool GPA `where` on become 0 */
	MAIL_INVLPG,	/* of GVA `where` */
	MAIL_FLUSH_ALL, /* reload CR3: every entry of the TLB that is not the monitor's own */
};

struct mail {
	enum mail_kind kind;
	uint64_t where, value;
};

#define MAIL_MAX 640 /* a leaf table renewed whole, and some: no second trip for it */

struct mailbox {
	unsigned count;
	struct mail mail[MAIL_MAX];
};

struct shadow; /* shadow_private.h */

/* What a shadow is made of. */
struct shadow_config {
	const struct gmem *mem; /* guest-physical memory; the pool is in none of its slots */
	enum shadow_strategy strategy;
	gpa_t pool_gpa;		/* of the table frames; page aligned */
	uint64_t *pool;		/* their HVA; all zero */
	unsigned pool_frames;	/* SHADOW_FRAMES_MIN to SHADOW_FRAMES_MAX */
	unsigned monitor_slot;	/* index in the top table that is the monitor's, e.g. 256 */
	uint64_t monitor_entry; /* what that entry holds in every root, at all times */
	bool nx;		/* the real EFER.NXE is set */
	bool has_1g;		/* real 1 GiB pages may be used */
	unsigned levels;	/* of the real tables: 4 or 5 */
};

#define SHADOW_FRAMES_MIN 32
#define SHADOW_FRAMES_MAX (1u << 20)

/* "vtlb", "wp", "unsync". */
const char *shadow_strategy_name(enum shadow_strategy strategy);

/*
 * Takes over the pool, and stores the monitor's entry into those of its frames that are to be top
 * tables. NULL if there is no memory: 12 KiB per frame. The pool is not touched by shadow_destroy.
 */
struct shadow *shadow_create(const struct shadow_config *config);
void shadow_destroy(struct shadow *s);

/* What a fault came to. */
enum shadow_outcome {
	SHADOW_FIXED,	    /* a hidden fault: the entry is installed; run on */
	SHADOW_GUEST_FAULT, /* the guest's tables call for it: deliver result->error_code */
	SHADOW_NONCANONICAL,
	SHADOW_BAD_TABLE,   /* a guest table lies outside every slot: result->entry */
	SHADOW_MMIO,	    /* the page is in no slot, or is read-only and this is a write:
			       result->gpa */
	SHADOW_TABLE_WRITE, /* a write to a guest table that is tracked: emulate the instruction and
			       report its store with shadow_guest_pt_write; if that cannot be
			       done, shadow_untrack */
	SHADOW_CANNOT,	    /* the guest's tables allow it, but no entry of ours can: the GVA is in
			       the monitor's slot, or code is to run that may not be read (SMAP
			       without SMEP, a protection key), or the tables are too deep */
};

/*
 * Every function with a box may append mail to it. The mail must be carried out, in order, before
 * the guest runs again; it may be gathered from several calls. If the box is full, the rest waits
 * and shadow_pending() says so: carry out the mail, empty the box, call shadow_continue(), and so
 * on until nothing is left. All calls go with the same box.
 *
 * While the monitor works, CR3 may hold any root of this shadow, even one that has been dropped:
 * the monitor's entry stays where it is.
 */

/*
 * A page fault of the deprivileged guest. `ctx` holds the guest's paging registers, AC included;
 * `query` the access with its *virtual* privilege (its set_ad is not looked at: A and D are set in
 * the guest's entries as the access would). Fills around where that is free. *result is walk()'s,
 * but that of SHADOW_FIXED only its gpa counts.
 */
enum shadow_outcome shadow_fault(struct shadow *s, const struct walk_context *ctx,
				 const struct walk_query *query, struct mailbox *box,
				 struct walk_result *result);

/*
 * The same, if the fault is a hidden one next to the last, which takes a fraction of the
 * instructions. False, and nothing done: call shadow_fault().
 */
bool shadow_again(struct shadow *s, const struct walk_context *ctx, const struct walk_query *query,
		  struct mailbox *box);

/*
 * The same for an access that is known to come next, to save its hidden fault. Returns whether an
 * entry has been installed; nothing has happened to the guest's tables if they do not allow it.
 */
bool shadow_foresee(struct shadow *s, const struct walk_context *ctx,
		    const struct walk_query *query, struct mailbox *box);

/*
 * MOV to CR3, or any change of CR0, CR4, EFER or PKRU that paging depends on: ctx is the new state.
 * `flush`: also drop what a MOV to CR3 drops (false: CR3 bit 63 under CR4.PCIDE). Nothing here is
 * tagged with a PCID, so that another CR3 value flushes in any case. What drops global entries too
 * is followed by shadow_invalidate(SHADOW_FLUSH_ALL).
 */
void shadow_load_root(struct shadow *s, const struct walk_context *ctx, bool flush,
		      struct mailbox *box);

/* The real CR3 for a view of the root that ctx selects. Ask before each entry: the root may have
 * been dropped since. */
gpa_t shadow_root(struct shadow *s, const struct walk_context *ctx, enum shadow_view view,
		  struct mailbox *box);

enum shadow_flush { SHADOW_FLUSH_PAGE, SHADOW_FLUSH_CONTEXT, SHADOW_FLUSH_ALL };

/* INVLPG of `gva`, a flush of the current context (not global entries), or of everything. */
void shadow_invalidate(struct shadow *s, const struct walk_context *ctx, enum shadow_flush kind,
		       gva_t gva, struct mailbox *box);

/*
 * The guest is given a page fault for `gva`. That makes a processor forget the page, in every view
 * (Intel SDM vol. 3, 4.10.4.1), where the strategy lets it remember what no longer is.
 */
void shadow_page_fault(struct shadow *s, const struct walk_context *ctx, gva_t gva,
		       struct mailbox *box);

/*
 * The `len` bytes at `gpa` have been changed by other means than the guest's own stores: by the
 * emulator on its behalf, by a frame pushed for an exception, by a device. Cheap if no table is
 * there, so report every store.
 */
void shadow_guest_pt_write(struct shadow *s, gpa_t gpa, unsigned len, struct mailbox *box);

/*
 * After SHADOW_TABLE_WRITE at `gpa`, when the instruction cannot be emulated: stops tracking the
 * table there, so that the store goes through when the guest tries again. It is tracked anew, and
 * read anew, when next it is used as a table. False if the way to the store itself leads through
 * the table: nothing is changed then, for the next try would track it at once.
 */
bool shadow_untrack(struct shadow *s, gpa_t gpa, struct mailbox *box);

/* The lowest level at which the page at `gpa` is in use as a table, 0 if it is not tracked. */
unsigned shadow_table_level(const struct shadow *s, gpa_t gpa);

/* Guest slots have been added or removed: everything is dropped. */
void shadow_memory_changed(struct shadow *s, struct mailbox *box);

/* Whether mail is still to come; if so, what comes next is appended to the emptied box. */
bool shadow_pending(const struct shadow *s);
void shadow_continue(struct shadow *s, struct mailbox *box);

/*
 * Checks every invariant against the guest's tables: each present entry of every root grants no
 * more than the guest's entries for that view grant (except, until the guest flushes, under vtlb
 * any and under unsync those of a leaf table that is out of step), points at the right page and at
 * no frame of the pool, and lets nobody write a tracked table that is in step. Also that the pool
 * holds what it should, so that all mail must have been carried out. Returns true, or false with
 * one line in `why`.
 */
bool shadow_audit(struct shadow *s, const struct walk_context *ctx, char *why, size_t size);

struct shadow_stats {
	uint64_t hidden_faults, guest_faults;
	uint64_t foreseen; /* hidden faults saved by shadow_foresee */
	uint64_t filled;   /* entries installed beyond the fault's */
	uint64_t dropped;  /* entries taken away again */
	uint64_t table_writes, unsyncs;
	uint64_t roots; /* made so far */
	uint64_t frames_used, frames_peak, reclaimed, splits;
	uint64_t mail_stores, mail_invlpg, mail_flushes;
};

struct shadow_stats shadow_stats(const struct shadow *s);

#endif
