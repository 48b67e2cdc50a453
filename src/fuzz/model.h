/* SPDX-License-Identifier: MIT */
/*
 * What a program of the fuzzer must come to: the words of its world and the registers in memory of
 * the model's own, walk() on them, and what a processor may still remember.
 *
 * A processor may go on with what an entry was until it is told to forget (SDM vol. 3, 4.10.2 to
 * 4.10.5; APM vol. 2, 5.5). So each word keeps what it was, and since when. A *chain* is one value
 * for each level of a walk; it may be what the processor goes by if there are times, none of a
 * level before that of the level above, at which each of those values was there, and no flush since
 * that would have covered it:
 *
 *   - INVLPG forgets the page's translation, and all upper entries whatever the page (4.10.4.1);
 *   - so does MOV to CR3 for all pages but global ones, which go on under another root;
 *   - a change of CR4.PGE forgets everything; a change of EFER.NXE here is followed by two of them;
 *   - a page fault forgets the page that it was about (4.10.4.1; AMD's manual does not say so);
 *   - an entry that is not present, has a reserved bit set, or was never used (A is clear) is not
 *     remembered.
 *
 * CR0.WP, CR4.SMEP, SMAP, PKE, PKRU and AC are not remembered: they count at once. One chain: the
 * access has one outcome. Several: it is *open*, each chain's outcome is allowed, and nothing else.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "fuzz/program.h"
#include "fuzz/world.h"
#include "memory/walk.h"

#include <stddef.h>

/* Of the processor that the program runs on. */
struct fuzz_facts {
	unsigned levels;
	unsigned maxphyaddr; /* bits */
	bool has_1g, amd;
	bool fault_forgets; /* a page fault makes it forget the page, as Intel says and AMD does not */
	unsigned offered; /* FUZZ_HAS_... */
	/* Deviations (deviations.h): an access that faults may set A; a reserved bit's fault has no P,
	 * or, where modes change, has it or not; bit 8 above level 3 means nothing sure; SMAP may not
	 * count for a read-only page that the kernel has written to under CR0.WP clear. */
	bool faults_access, reserved_without_p, mixed, no_high_global, smap_lapses;
};

#define FUZZ_HAS_SMEP	 1u
#define FUZZ_HAS_SMAP	 2u
#define FUZZ_HAS_PKE	 4u
#define FUZZ_HAS_INVPCID 8u
#define FUZZ_HAS_NXE_OFF 16u
#define FUZZ_HAS_ALL	 31u

#define FUZZ_OLD	 8		     /* former values that a word keeps */
#define FUZZ_LOADS	 16		     /* of CR3 */
#define FUZZ_EPOCHS	 64		     /* flushes of upper entries */
#define FUZZ_DROPS	 64		     /* flushes of single pages */
#define FUZZ_SCRATCH	 (UINT64_C(1) << 38) /* GPA of tables that a chain is tried in */
#define FUZZ_CHAINS	 64

/* A value that a word had in [from, to). */
struct fuzz_old {
	uint64_t value;
	uint32_t from, to;
};

struct fuzz_word {
	uint32_t since; /* when it got its value */
	uint32_t lost;	/* when the last was that is no longer kept; 0: none */
	uint8_t count;
	bool written; /* by the kernel, through this leaf, though it does not let it */
	struct fuzz_old old[FUZZ_OLD];
};

/* One way that an access may go. */
struct fuzz_chain {
	struct walk_result result;
	unsigned count; /* words on it, the root's first */
	unsigned word[PT_LEVEL_MAX];
	uint64_t value[PT_LEVEL_MAX];
	bool is_now; /* all values are the present ones */
};

struct fuzz_registers {
	bool wp, nxe, pge, smep, smap, pke;
	uint32_t pkru;
	unsigned root;
};

struct fuzz_model {
	struct fuzz_facts facts;
	struct gmem mem; /* the world */
	uint8_t *pages;	 /* behind it */
	uint64_t *at[FUZZ_WORDS];
	struct fuzz_word word[FUZZ_WORDS];
	struct fuzz_registers regs;
	struct walk_context ctx[2]; /* AC clear, AC set */
	bool fresh;		    /* ctx is of regs */

	/* Time is a count of operations. */
	uint32_t now, flushed; /* of everything */
	bool globals;	       /* there has been a global entry since then */
	bool lost;	       /* there were more loads of CR3 than are kept */
	unsigned loads, epochs, drops;
	struct {
		uint32_t from;
		unsigned root;
	} load[FUZZ_LOADS];
	uint32_t epoch[FUZZ_EPOCHS];
	struct {
		gva_t gva;
		uint32_t when;
		bool local; /* not of global pages */
	} drop[FUZZ_DROPS];

	/* For chains: a table a level, the root's first, of one entry that matters. */
	struct gmem scratch;
	uint64_t *scratch_pages;
	struct walk_context scratch_ctx[2];

	/* The access whose outcome is open. */
	struct fuzz_op open;
	unsigned chains;
	struct fuzz_chain chain[FUZZ_CHAINS];
	/* Flags that may have appeared in words, beyond what is sure. */
	uint64_t loose[FUZZ_WORDS];
};

enum fuzz_verdict {
	FUZZ_SKIPPED, /* cannot be asked: it has not happened */
	FUZZ_SURE,
	FUZZ_OPEN, /* fuzz_settle() must follow */
};

/* What an operation has come to, or must. Of a read and a write, `value` is what was read. */
struct fuzz_outcome {
	uint8_t vector; /* FUZZ_NO_TRAP: none */
	uint32_t error;
	gva_t cr2;
	uint64_t value;
};

/* Makes one, to be reset before use; NULL if there is no memory. */
struct fuzz_model *fuzz_model_new(void);
void fuzz_model_free(struct fuzz_model *m);

/* Starts anew: an empty world, registers as at boot. */
void fuzz_model_reset(struct fuzz_model *m, const struct fuzz_facts *facts);

/*
 * Does an operation. Fills *must for FUZZ_SURE. FUZZ_SKIPPED: a frame outside the world, code that
 * cannot be read, a register's bit that is not there, more that may be remembered than is kept.
 */
enum fuzz_verdict fuzz_do(struct fuzz_model *m, const struct fuzz_op *op,
			  struct fuzz_outcome *must);

/* Whether an access has one outcome, if it were done now; FUZZ_SKIPPED if it cannot be asked. Does
 * nothing. */
enum fuzz_verdict fuzz_look(struct fuzz_model *m, const struct fuzz_op *op);

/*
 * The open access has come to `got`, and the words of the world to *live[]. False if that is none of
 * what is allowed, with one line in `why`. Else the model goes on with it; *fresh tells whether it is
 * what no memory would have given.
 */
bool fuzz_settle(struct fuzz_model *m, const struct fuzz_outcome *got, uint64_t *const live[],
		 bool *fresh, char *why, size_t size);

/* Holds an outcome against what it must be, and the words against the model's. */
bool fuzz_same_outcome(const struct fuzz_model *m, const struct fuzz_op *op,
		       const struct fuzz_outcome *must, const struct fuzz_outcome *got, char *why,
		       size_t size);
bool fuzz_same_words(struct fuzz_model *m, uint64_t *const live[], char *why, size_t size);

/* --- Between the files of the model --------------------------------------------------------- */

/* The query of an access. */
struct walk_query fuzz_query(const struct fuzz_op *op);

/* The walk contexts, made anew where registers have changed. */
void fuzz_contexts(struct fuzz_model *m);

/* A word becomes a value, and keeps what it was. */
void fuzz_store(struct fuzz_model *m, unsigned word, uint64_t value);

/* A write through a leaf entry has come to `r`. */
void fuzz_wrote(struct fuzz_model *m, const struct fuzz_op *op, const struct walk_result *r,
		unsigned leaf);

/* A page fault at a GVA. */
void fuzz_faulted(struct fuzz_model *m, gva_t gva);

/* Gathers the chains of an access into m->chain. False if it cannot be asked (chains.c). */
bool fuzz_chains(struct fuzz_model *m, const struct fuzz_op *op);

#endif
