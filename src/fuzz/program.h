/* SPDX-License-Identifier: MIT */
/*
 * A program of the differential fuzzer: what the guest is to do, operation by operation, and its
 * text, which is also how a case is kept. One operation a line; what follows a # is for people.
 *
 *     penumbra-fuzz 1
 *     levels 4
 *     set t0 1 0x605027        # the entry at index 1 of t0: a table or a page, t5, P W U A
 *     write user 0x8040201008 0x1234
 *
 * Any text that can be read is a program that can be run: an operation that asks for what the model
 * (model.h) cannot tell is left out by whoever runs it.
 */
#ifndef FUZZ_PROGRAM_H
#define FUZZ_PROGRAM_H

#include <penumbra/penumbra.h>
#include <stdio.h>

enum fuzz_kind {
	FUZZ_SET,   /* a word becomes `value` */
	FUZZ_COPY,  /* a fork: `frame` becomes read-only, and `other` the same as it */
	FUZZ_READ,  /* of 8 bytes */
	FUZZ_WRITE, /* of `value` */
	FUZZ_FETCH, /* of an instruction in the page of `gva` */
	FUZZ_INVLPG,
	FUZZ_INVPCID, /* of type `other` */
	FUZZ_CR3,     /* root `frame` */
	FUZZ_FLUSH,   /* CR4.PGE turned over and back */
	FUZZ_WP,      /* CR0.WP, EFER.NXE, CR4's becomes `value`, 0 or 1 */
	FUZZ_NXE,
	FUZZ_SMEP,
	FUZZ_SMAP,
	FUZZ_PKE,
	FUZZ_PGE,
	FUZZ_PKRU,
	FUZZ_TOGGLE, /* the mode, where that is wanted */
	FUZZ_SYNC,   /* the host compares */
	FUZZ_KINDS
};

enum fuzz_who { FUZZ_USER, FUZZ_KERNEL, FUZZ_KERNEL_AC, FUZZ_WHOS };

/* What an operation does not need is 0. */
struct fuzz_op {
	uint8_t kind;  /* enum fuzz_kind */
	uint8_t who;   /* enum fuzz_who, of an access */
	uint8_t frame; /* world.h */
	uint8_t other; /* FUZZ_SET: the word's place in fuzz_indices */
	gva_t gva;
	uint64_t value;
};

struct fuzz_program {
	unsigned levels; /* of paging: 4 or 5 */
	size_t count, room;
	struct fuzz_op *op;
};

/* "write", "user", ... */
const char *fuzz_kind_name(enum fuzz_kind kind);

static inline bool fuzz_is_access(const struct fuzz_op *op)
{
	return op->kind >= FUZZ_READ && op->kind <= FUZZ_FETCH;
}

/* Adds an operation. False if there is no memory. */
bool fuzz_program_add(struct fuzz_program *p, const struct fuzz_op *op);
void fuzz_program_free(struct fuzz_program *p);

/* Writes an operation as text, with its comment, without a newline. */
#define FUZZ_OP_TEXT 128
void fuzz_op_print(const struct fuzz_op *op, char text[FUZZ_OP_TEXT]);

/* Writes a program; `comment`, if not NULL, is a line at its head. */
void fuzz_program_print(const struct fuzz_program *p, const char *comment, FILE *to);

/*
 * Reads a program into *p, to be freed. Returns 0, PN_ERR_NOMEM, PN_ERR_SYSTEM (it cannot be read)
 * or PN_ERR_ARGUMENT with the line that is wrong in *err; *p is empty then.
 */
int fuzz_program_read(struct fuzz_program *p, FILE *from, const char *name, struct pn_error *err);

#endif
