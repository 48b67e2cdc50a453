/* SPDX-License-Identifier: MIT */
/*
 * A guest for the emulator's tests: a few pages of flat memory with permissions, descriptor tables,
 * a TSS, ports that remember, and a kernel at CPL 0 or a program at CPL 3. Instructions are written
 * as text, and the assembler makes bytes of them.
 */
#ifndef TEST_EMULATE_FIXTURE_H
#define TEST_EMULATE_FIXTURE_H

#include "check.h"

#include "vcpu/emulate/emulate.h"
#include "x86.h"

/* Where things lie; one page each unless told otherwise. */
enum {
	CODE_PAGE = 0x10000, /* two pages, executable by both */
	GDT_PAGE = 0x14000,
	IDT_PAGE = 0x15000,
	TSS_PAGE = 0x16000, /* two pages */
	LDT_PAGE = 0x18000,
	STACK_TOP = 0x1b000, /* of two pages */
	RSP0_TOP = 0x1d000,  /* of two pages */
	IST_TOP = 0x1e000,
	USER_STACK_TOP = 0x1f000,
	DATA_PAGE = 0x20000, /* two pages, supervisor */
	USER_PAGE = 0x22000, /* two pages */
	HANDLER = 0x12000,   /* nothing is fetched there */
	WORLD_FIRST = 0x10000,
	WORLD_PAGES = 0x18,
};

/* Selectors of the GDT. */
enum {
	SEL_CODE = 0x08,
	SEL_DATA = 0x10,
	SEL_USER_DATA = 0x18,
	SEL_USER_CODE = 0x20,
	SEL_USER_CODE32 = 0x28,
	SEL_TSS = 0x30,
	SEL_LDT = 0x40,
	SEL_CODE_ABSENT = 0x50,
	SEL_DATA_ABSENT = 0x58,
	SEL_DATA_READONLY = 0x60,
	SEL_CODE_CONFORMING = 0x68,
	SEL_CODE_LD = 0x70,
	SEL_GATE = 0x78,
	SEL_TSS_BUSY = 0x88,
	SEL_CODE_UNREADABLE = 0x98,
	SEL_TSS_ABSENT = 0xa0,
	SEL_CODE_FRESH = 0xb0, /* its accessed bit is clear */
	SEL_DATA_FRESH = 0xb8,
	SEL_LDT_ABSENT = 0xc0,
	SEL_USER_CONFORMING = 0xd0,
	SEL_USER_DATA_ABSENT = 0xd8,
	SEL_TSS_BASE = 0xe0,  /* its base is not canonical */
	SEL_TSS_TYPED = 0xf0, /* bits in its last word */
	SEL_TSS_CUT = 0x100,  /* its second half is past the limit */
	GDT_LIMIT = 0x107,
	LDT_DATA = 0x04, /* in the LDT, once it is loaded */
	SEL_BEYOND = 0x200,
};

enum { PAGE_P = 1, PAGE_W = 2, PAGE_U = 4, PAGE_X = 8 };

struct port_log {
	uint16_t port;
	uint8_t size;
	bool in;
	uint32_t value;
};

struct world {
	struct virtual_cpu cpu;
	struct kvm_regs regs;
	struct emulate e;
	uint8_t memory[WORLD_PAGES * 4096];
	uint8_t page[WORLD_PAGES]; /* PAGE_... */

	struct port_log log[4096];
	unsigned ports;
	uint32_t next_in;    /* what IN reads, counting up */
	unsigned stop_after; /* the run ends with this port access; 0: never */

	uint32_t leaf1_ecx, leaf1_edx, leaf7_ebx, leaf7_ecx, ext_edx;
	uint32_t last_leaf; /* of the basic ones */
	bool amd;
	uint64_t tsc;

	unsigned exchanges;	 /* calls of ops->exchange */
	unsigned exchange_fails; /* so many fail, having added one to the memory */
	unsigned implicit_reads;

	/* As it was before the last instruction. */
	struct virtual_cpu old_cpu;
	struct kvm_regs old_regs;
};

/* A kernel at CPL 0 with IF set, on its stack. */
struct world *world_create(void);
void world_destroy(struct world *w);

/* Makes it a program at CPL 3, IOPL 0, on the user stack. */
void world_enter_user(struct world *w);

/* With an exchange in ops, or without. */
void world_use_exchange(struct world *w, bool use);

/* Memory without permissions. */
void *world_at(struct world *w, gva_t gva);
uint64_t world_u64(struct world *w, gva_t gva);
void world_put64(struct world *w, gva_t gva, uint64_t value);
void world_set_page(struct world *w, gva_t gva, unsigned bits);

/* A gate of the IDT. */
void world_gate(struct world *w, unsigned vector, unsigned type, unsigned dpl, unsigned ist,
		uint16_t selector, uint64_t offset);

/* Sets a descriptor's first 8 bytes. */
void world_descriptor(struct world *w, uint16_t selector, uint64_t low);

/* An instruction: its text and what the assembler made of it. */
struct code {
	const char *text;
	const uint8_t *bytes;
	size_t len;
};

/* Intel syntax. */
#define CODE(text)                                                                    \
	__extension__({                                                               \
		const uint8_t *from_, *to_;                                           \
		__asm__(".pushsection .rodata\n\t.intel_syntax noprefix\n771:\t" text \
			"\n772:\n\t.att_syntax prefix\n\t.popsection\n\t"             \
			"lea 771b(%%rip), %0\n\tlea 772b(%%rip), %1"                  \
			: "=r"(from_), "=r"(to_));                                    \
		(struct code){text, from_, (size_t)(to_ - from_)};                    \
	})

/* Puts the instruction at CODE_PAGE + 0x100, RIP on it, and emulates it. */
enum emulate_end world_run(struct world *w, const struct code *code);

/* The same, and it must come out as told. An exception must have left all registers alone. */
void check_done(struct world *w, struct code code);
void check_exception(struct world *w, struct code code, unsigned vector, long error);

/* For an exception without an error code. */
#define NO_ERROR (-1L)

/* Delivers an exception, which must not end in a triple fault. */
void deliver(struct world *w, struct exception x, bool software);

/* The handler of `vector` runs, with these words on its stack from RSP on. */
void check_frame(struct world *w, unsigned vector, const uint64_t *frame, unsigned words);

/* One line of a table: registers in, an exception or its absence out. */
struct row {
	struct code code;
	uint64_t rax, rcx, rdx;
	unsigned effects; /* of EMULATE_DONE */
	int vector;	  /* 0: none */
	long error;
};

#define FINE	       .vector = 0
#define FAULT(v, code) .vector = (v), .error = (code)

/* Runs each row in a world of its own, at CPL 0 or 3, prepared by `prepare` (may be NULL). */
void check_rows(const struct row *rows, size_t count, unsigned cpl,
		void (*prepare)(struct world *w));

#define RIP_START (CODE_PAGE + 0x100)

#endif
