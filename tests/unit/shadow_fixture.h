/* SPDX-License-Identifier: MIT */
/*
 * What the shadow core's tests share: a model machine. Guest memory in a few slots, a pool of table
 * frames, a monitor that carries out mail, and a processor that translates by walking the pool as
 * hardware would; if asked, with a TLB that keeps whatever the mail does not tell it to drop. Around
 * each call into the core it checks the rule of the mailbox: the host has changed no entry that was
 * not 0.
 */
#ifndef TESTS_SHADOW_FIXTURE_H
#define TESTS_SHADOW_FIXTURE_H

#include "check.h"
#include "memory/shadow/shadow.h"
#include "x86.h"

#define RAM_SIZE      (UINT64_C(64) << 20)
#define ROM_GPA	      (UINT64_C(0x10000000))
#define ROM_SIZE      (UINT64_C(16) << 12)
#define HUGE_GPA      (UINT64_C(1) << 30) /* 1 GiB of it */
#define HUGE_SIZE     (UINT64_C(1) << 30)
#define NOWHERE_GPA   (UINT64_C(0x20000000)) /* in no slot */
#define POOL_GPA      (UINT64_C(1) << 40)
#define MONITOR_SLOT  256
#define MONITOR_ENTRY (POOL_GPA - PAGE_SIZE + 3)

#define TABLE	      (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)
#define PAGE	      (TABLE | PTE_DIRTY)

struct machine {
	struct gmem mem;
	uint8_t *ram, *rom, *huge;
	const struct pt_format *format;
	unsigned levels; /* of the real tables */
	struct walk_regs regs;
	struct walk_context ctx;   /* of regs, */
	struct walk_regs ctx_regs; /* as they were then, */
	uint64_t contexts;	   /* numbered */
	struct shadow *shadow;
	enum shadow_strategy strategy;
	unsigned frames;
	uint64_t *pool, *before;
	struct mailbox box;
	unsigned used;	     /* RAM pages taken for tables by machine_map */
	unsigned deliveries; /* boxes that were carried out */
	bool has_tlb;
	gpa_t tlb_root; /* no PCID: another CR3 empties it */
	struct machine_tlb {
		gva_t gva;
		gpa_t gpa;
		unsigned shift; /* 0: free */
		bool write, fetch;
	} tlb[32];
	unsigned faults, table_writes; /* outcomes SHADOW_FIXED and SHADOW_TABLE_WRITE */
};

/* Registers select `format`; CR0.WP, CR4.PSE, CR4.PGE and EFER.NXE are set. */
void machine_init(struct machine *m, enum shadow_strategy strategy, const struct pt_format *format,
		  unsigned frames);
/* The same on real tables of 4 or 5 levels; machine_init has as few as the format needs. */
void machine_init_on(struct machine *m, unsigned levels, enum shadow_strategy strategy,
		     const struct pt_format *format, unsigned frames);
void machine_fini(struct machine *m);

/* The registers have changed: MOV to CR3 or its like. */
void machine_load(struct machine *m);
/* The same with CR3 bit 63 under CR4.PCIDE: the load itself flushes nothing. */
void machine_load_keeping(struct machine *m);
void machine_invlpg(struct machine *m, gva_t gva);
void machine_page_fault(struct machine *m, gva_t gva);
void machine_flush_all(struct machine *m);

/* Puts `leaf` into the guest's entry for `gva` at `level` behind the core's back, with tables above
 * it as needed; their entries get `upper`. */
void machine_map(struct machine *m, gva_t gva, unsigned level, uint64_t leaf, uint64_t upper);
gpa_t machine_entry(const struct machine *m, gva_t gva, unsigned level);
uint64_t machine_read(const struct machine *m, gpa_t gpa);
gpa_t machine_table(struct machine *m); /* a new page of zeroes */

/* The emulator's store of one entry. */
void machine_store(struct machine *m, gpa_t gpa, uint64_t entry);

/* shadow_untrack(), shadow_foresee(). */
bool machine_untrack(struct machine *m, gpa_t gpa);
bool machine_foresee(struct machine *m, const struct walk_query *query);

/* What the pool says of an access by a view. */
bool machine_translate(const struct machine *m, gpa_t root, gva_t gva, enum walk_access access,
		       gpa_t *gpa, unsigned *level);

/* An access by the guest, with as many faults as it takes; SHADOW_FIXED if it comes through, with
 * the GPA it reached in r->gpa. */
enum shadow_outcome machine_access(struct machine *m, gva_t gva, enum walk_access access,
				   enum walk_privilege privilege, struct walk_result *r);

/* The shadow's view that an access with the present registers goes through. */
enum shadow_view machine_view(const struct machine *m, enum walk_privilege privilege);
gpa_t machine_root(struct machine *m, enum shadow_view view);

/* The level at which the pool maps `gva`, 0 if it does not. */
unsigned machine_level(struct machine *m, gva_t gva, enum shadow_view view);

void machine_audit(struct machine *m);

#endif
