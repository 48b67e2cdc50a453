/* SPDX-License-Identifier: MIT */
/*
 * The shadow core's own state. The parts, from the outside in:
 *
 *   shadow.c         the calls of shadow.h
 *   fault.c   one fault: walk, make the path of tables, install the entry
 *   again.c   the short way, next to the last fault
 *   fill.c    fill-around, and entries made anew from the guest's
 *   sync.c    guest writes to tables, tables out of step, flushes
 *   vtlb.c, wp.c, unsync.c   what the strategies do differently
 *   page.c    what one guest entry means, and the shadow entry that grants as much
 *   roots.c   guest roots with their views, and the registers they were made under
 *   tables.c  which guest pages are tracked as tables
 *   frames.c  table frames: links between them, allocation, reclaim
 *   mail.c    the one place that changes an entry
 *   audit.c   the proof
 *
 * A shadow tree has the real tables' four or five levels. The frame for a guest table is known by
 * what its entries depend on: the guest table, the GVA it translates, the view, the rights that
 * the levels above grant, and the mode (registers). Two address spaces with the same kernel half
 * come to the same key and so share frames. Entries that point to frames grant everything; leaves
 * hold the rights of the whole way. So a leaf depends on its frame and one guest entry alone.
 */
#ifndef MEMORY_SHADOW_PRIVATE_H
#define MEMORY_SHADOW_PRIVATE_H

#include "memory/shadow/rmap.h"
#include "memory/shadow/shadow.h"

#define ENTRIES 512u
#define NONE	RMAP_NONE

/* Rights as walk.c sums them up: PTE_NX turned over, so that 1 grants. */
#define RIGHTS (PTE_WRITE | PTE_USER | PTE_NX)

/* Of a shadow leaf, in a bit that the processor ignores: the guest's entry is global. */
#define SPTE_GLOBAL  (UINT64_C(1) << 9)
#define SPTE_ADDRESS PTE_BITS(51, 12)
#define SPTE_LINK    (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)

/* A guest page of any size, or a part of one, and what its table entries together grant. */
struct guest_page {
	gpa_t gpa;
	uint64_t rights;
	uint8_t shift, pkey, pat;
	bool dirty, global;
};

enum frame_kind {
	FRAME_FREE,
	FRAME_TABLE, /* shadows the guest table at `table` */
	FRAME_PASS,  /* a level that the guest's format does not have in memory */
	FRAME_TLB,   /* vtlb: bound to a GVA alone */
	FRAME_SPLIT, /* parts of the large guest page `page` */
};

struct frame {
	enum frame_kind kind;
	uint8_t level, view, mode;
	bool fresh;	 /* not yet filled around */
	uint16_t used;	 /* entries that are not 0 */
	uint32_t root;	 /* whose top table it is, or NONE */
	gva_t gva;	 /* first it translates, within the real tables' reach */
	gpa_t table;	 /* FRAME_TABLE; page aligned but for a PDPT of PAE */
	uint64_t rights; /* of the levels above */
	struct guest_page page;
	uint64_t stamp;			     /* of last use */
	uint32_t parents;		     /* entries that point here */
	uint32_t next;			     /* in its list: free ones, or a hash chain */
	uint32_t tracked;		     /* in shadow.tables, or NONE */
	uint32_t sibling_next, sibling_prev; /* frames of the same guest table */
	bool queued;			     /* in the list of frames with entries to mail */
	uint32_t queue_next;
	uint64_t dirty[ENTRIES / 64]; /* entries to mail */
};

/* A guest page in use as a table. */
struct table {
	gfn_t gfn;
	uint32_t frames; /* its shadows */
	uint32_t next;	 /* in a hash chain or the free list */
	uint32_t step_next, step_prev;
	bool out_of_step; /* the guest may write it until the next flush */
	uint8_t writes;	  /* since it was last used as a table */
};

/* After so many writes between two uses, a table is taken for data. */
#define TABLE_FLOOD 8

/* A 2 MiB or 1 GiB range that holds tracked tables. */
struct region {
	uint64_t key;
	uint32_t count, next;
};

/* The registers that entries depend on, beyond CR3. */
struct shadow_mode {
	bool used;
	struct walk_context ctx; /* its root and its AC mean nothing */
	bool wp, smep, smap;
};

#define MODES_MAX 16

struct shadow_root {
	bool used;
	uint8_t mode;
	uint64_t stamp;
	struct walk_context ctx;
	uint32_t frame[SHADOW_VIEWS];
};

struct shadow_ops {
	const char *name;
	bool tracks; /* guest tables are write-protected; roots are kept */
	/* A flush of everything but global pages, or of those too. */
	void (*flush)(struct shadow *s, bool global);
	/* INVLPG. */
	void (*flush_page)(struct shadow *s, const struct shadow_root *root, gva_t gva);
	/* Whether a table may get out of step instead of having this write emulated. */
	bool (*let_go)(struct shadow *s, uint32_t table);
};

extern const struct shadow_ops shadow_vtlb, shadow_wp, shadow_unsync;

#define INVLPG_MAX 16

/*
 * The way of the last fault, for the next one in the same 2 MiB (again.c). It came to the frame of a
 * leaf table, and does so again while all is as it was: the registers (serial), the view, the links
 * of the shadow (shape), the memory slots, and the guest's entries above the leaf table, which are read
 * anew. What one leaf has come to, another comes to that differs from it in the address only.
 */
struct shadow_way {
	uint64_t shape;		       /* s->shape at its end; 0: there is none */
	uint64_t slots;		       /* gmem.changes at its end */
	uint64_t serial;	       /* of the context */
	enum walk_privilege privilege; /* which, with the context, is the view */
	gva_t gva;
	gpa_t table;			     /* the guest's leaf table */
	uint64_t rights;		     /* of the entries above it */
	uint32_t frame[PT_LEVEL_MAX + 1];    /* by level; of the fault under way, too */
	struct frame *passed[PT_LEVEL_MAX];  /* the same frames, */
	uint8_t *writes[PT_LEVEL_MAX];	     /* and where the writes of their tables are counted */
	uint8_t nowhere;		     /* for those without a table */
	unsigned uppers;		     /* entries above the leaf table: */
	const uint64_t *upper[PT_LEVEL_MAX]; /* where they are (HVA) */
	uint64_t held[PT_LEVEL_MAX];	     /* and what they held */
	uint64_t *leaves; /* HVA of the leaf table; NULL: it is not to be written */
	uint64_t asked,
		given; /* beside the address: a guest's leaf, and ours for it, unless the page
				  is a tracked table */
};

struct shadow {
	struct shadow_config config;
	const struct shadow_ops *ops;
	struct shadow_stats stats;
	uint64_t now;	/* frames stamped with it are in use by the call under way */
	uint64_t shape; /* counts links and frames that have gone, from 1 */
	struct shadow_way way;

	uint64_t *want; /* the pool as it will be when all mail is done */
	struct frame *frame;
	uint32_t free_frames, free_tops; /* lists; tops are kept apart, see frames.c */
	uint32_t free_count, tops;
	uint32_t *hash; /* FRAME_TABLE frames by key */
	unsigned hash_bits;
	struct rmap rmap;

	uint32_t queue; /* frames with entries to mail */
	bool flush_all;
	unsigned invlpg_count;
	gva_t invlpg[INVLPG_MAX];
	bool tlb_behind; /* the TLB may hold what an entry was; all is well again after a flush */
	bool tlb_stale;	 /* and that entry was writable */

	struct table *table;
	uint32_t *table_hash;
	uint32_t free_tables, out_of_step;
	struct region *region;
	uint32_t *region_hash;
	uint32_t free_regions;

	struct shadow_mode mode[MODES_MAX];
	struct shadow_root *root;
	unsigned root_limit;
	uint32_t current; /* root */
	/* What shadow_root() has answered last: true of the same registers and view as long as no
	 * frame has gone (shape). */
	struct {
		uint64_t serial, shape;
		enum shadow_view view;
		gpa_t gpa;
	} entered;
};

static inline unsigned shift_of(unsigned level)
{
	return PAGE_SHIFT + 9 * (level - 1);
}

static inline unsigned index_of(gva_t gva, unsigned level)
{
	return (unsigned)(gva >> shift_of(level)) % ENTRIES;
}

static inline uint64_t reach_mask(const struct shadow *s)
{
	return (UINT64_C(1) << shift_of(s->config.levels + 1)) - 1;
}

static inline uint64_t want(const struct shadow *s, uint32_t f, unsigned i)
{
	return s->want[f * ENTRIES + i];
}

static inline gpa_t frame_gpa(const struct shadow *s, uint32_t f)
{
	return s->config.pool_gpa + (gpa_t)f * PAGE_SIZE;
}

static inline uint32_t frame_of(const struct shadow *s, uint64_t entry)
{
	return (uint32_t)(((entry & SPTE_ADDRESS) - s->config.pool_gpa) >> PAGE_SHIFT);
}

static inline bool is_leaf(uint64_t entry, unsigned level)
{
	return entry && (level == 1 || entry & PTE_PS);
}

/* Where a present leaf points; bit 12 of a large one is its PAT bit. */
static inline gpa_t leaf_gpa(uint64_t entry, unsigned level)
{
	return entry & SPTE_ADDRESS & UINT64_MAX << shift_of(level);
}

/* The canonical GVA that an entry translates the first byte of. */
static inline gva_t entry_gva(const struct shadow *s, uint32_t f, unsigned i)
{
	unsigned spare = 64 - shift_of(s->config.levels + 1);
	uint64_t gva = s->frame[f].gva | (uint64_t)i << shift_of(s->frame[f].level);

	return (gva_t)((int64_t)(gva << spare) >> spare);
}

/* Whether a guest of this mode can have the address at all. */
static inline bool gva_exists(const struct walk_context *ctx, gva_t gva)
{
	return !(gva & ~ctx->gva_mask) &&
	       (!ctx->format || gva + ctx->canonical_bias <= ctx->canonical_mask);
}

/* mail.c */
/* Gives an entry its value. Says nothing to the lists it is in, nor to the TLB. */
void mail_set(struct shadow *s, uint32_t f, unsigned i, uint64_t value);
void mail_invlpg(struct shadow *s, gva_t gva);
void mail_flush_all(struct shadow *s);
/* Moves as much as there is room for into the box. */
void mail_post_waiting(struct shadow *s, struct mailbox *box);

static inline bool mail_waits(const struct shadow *s)
{
	return s->queue != NONE || s->flush_all || s->invlpg_count;
}

/* Most calls have changed nothing that the monitor must do. */
static inline void mail_post(struct shadow *s, struct mailbox *box)
{
	if (mail_waits(s))
		mail_post_waiting(s, box);
}

/* frames.c */
/* A fault passes this frame: it is in use, and so is the guest's table as a table. */
static inline void frame_pass(struct shadow *s, uint32_t f)
{
	struct frame *frame = &s->frame[f];

	frame->stamp = s->now;
	if (frame->tracked != NONE)
		s->table[frame->tracked].writes = 0;
}

bool frames_init(struct shadow *s);
void frames_fini(struct shadow *s);
/* A frame with this key, found or new; `top`: for use as a root's top table. */
uint32_t frame_get(struct shadow *s, const struct frame *key, bool top);
uint32_t frame_find(const struct shadow *s, const struct frame *key);
/* Whether a frame is what one with this key would be. */
bool frame_is(const struct frame *f, const struct frame *key);
bool same_page(const struct guest_page *a, const struct guest_page *b);
/* Takes a frame out of every table that points to it, and all that only it pointed to. */
void frame_drop(struct shadow *s, uint32_t f);
void entry_clear(struct shadow *s, uint32_t f, unsigned i);
void entry_leaf(struct shadow *s, uint32_t f, unsigned i, uint64_t value);
void entry_link(struct shadow *s, uint32_t f, unsigned i, uint32_t child);

/* tables.c */
bool tables_init(struct shadow *s);
void tables_fini(struct shadow *s);
uint32_t table_find(const struct shadow *s, gfn_t gfn);
/* Counts a frame among the shadows of its guest table, which is tracked from the first one on. */
void table_attach(struct shadow *s, uint32_t f);
void table_detach(struct shadow *s, uint32_t f);
/* Whether the page at `gpa` is a table that the guest may not write without being seen. */
bool table_is_in_step(const struct shadow *s, gpa_t gpa);
/* Takes every writable mapping of a page away. */
void table_protect(struct shadow *s, gfn_t gfn);
void table_set_step(struct shadow *s, uint32_t t, bool out_of_step);
/* Stops tracking a table: its shadows go. False, and nothing done, if the last fault passed it. */
bool table_give_up(struct shadow *s, uint32_t t);
/* How many tracked tables the page of this level's size at `gpa` holds. */
uint32_t tables_within(const struct shadow *s, gpa_t gpa, unsigned level);

/* roots.c */
/* The root these registers select, with the view's top table made if `view` is a view. */
struct shadow_root *root_get(struct shadow *s, const struct walk_context *ctx);
struct shadow_root *root_find(struct shadow *s, const struct walk_context *ctx);
uint32_t root_frame(struct shadow *s, struct shadow_root *root, enum shadow_view view);
void root_drop(struct shadow *s, struct shadow_root *root);
/* Drops the root unused for longest, not the current one. False if there is none. */
bool root_drop_oldest(struct shadow *s);
void roots_drop_all(struct shadow *s);

/* again.c */
/* Remembers the way of a fault that has come down to a leaf table: s->way.frame is filled in. */
void again_remember(struct shadow *s, const struct shadow_root *root,
		    const struct walk_query *query, const struct walk_path *path);
/* Resolves a hidden fault on the way of the last one; where it led, in *reached. False, and nothing done: go the long way. */
bool again_fault(struct shadow *s, const struct walk_context *ctx, const struct walk_query *query,
		 gpa_t *reached);

/* page.c */
enum guest_entry {
	GUEST_ABSENT, /* also: malformed, or A is clear */
	GUEST_PAGE,
	GUEST_TABLE,
};

/* Reads the guest entry at `gpa`. False if it is in no slot. */
bool guest_entry_read(const struct shadow *s, const struct walk_context *ctx, gpa_t gpa,
		      uint64_t *entry);
enum guest_entry guest_entry_decode(const struct walk_context *ctx, unsigned level, uint64_t entry,
				    uint64_t rights, struct guest_page *page);
uint64_t guest_rights(const struct walk_context *ctx, unsigned level, uint64_t entry);
/* The shadow entry at `level` for the part of a guest page at `gpa`; 0 if there can be none. */
uint64_t page_entry(const struct shadow *s, unsigned mode, unsigned view,
		    const struct guest_page *page, gpa_t gpa, unsigned level);

/* fill.c */
/* Where the guest entry lies that shadow entry i of a FRAME_TABLE depends on. */
gpa_t guest_entry_gpa(const struct shadow *s, uint32_t f, unsigned i);
/* The key of the frame that shadows the table which the guest entry behind entry i points to. */
struct frame table_key(const struct shadow *s, uint32_t f, unsigned i, uint64_t entry);
/* Installs what is free in [from, to): leaves whose guest entry has A, links to frames that
 * exist. For a FRAME_TLB, `table` and `rights` are the guest's leaf table and what leads to it. */
void fill_around(struct shadow *s, uint32_t f, unsigned from, unsigned to, gpa_t table,
		 uint64_t rights);
/* Whether there is anything to fill next to entry i of a frame, which is about to come in for the
 * guest entry at `gpa`: a look at one cache line of either table. */
bool fill_is_due(const struct shadow *s, uint32_t f, unsigned i, gpa_t gpa);
/* Makes an entry of a FRAME_TABLE anew from the guest's. */
void entry_renew(struct shadow *s, uint32_t f, unsigned i);

/* sync.c */
void sync_table(struct shadow *s, uint32_t t);
void sync_all(struct shadow *s);
void sync_page(struct shadow *s, const struct shadow_root *root, gva_t gva);
void sync_write(struct shadow *s, gpa_t gpa, unsigned len);
/* A walk has set A in the entries of this path, which may be PDPTEs as well, where A is reserved. */
void sync_walk(struct shadow *s, const struct walk_path *path);

#endif
