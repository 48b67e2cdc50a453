/* SPDX-License-Identifier: MIT */
/* The command line, the marks, the end. */
#include "paging.h"

#include <penumbra/guest.h>

_Noreturn void paging_main(const struct pn_boot_info *boot);

static void out_long(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "d"(port));
}

_Noreturn void finish(unsigned status)
{
	for (;;)
		out_long(PN_PORT_EXIT, status);
}

void expect(bool holds)
{
	if (!holds)
		finish(1);
}

static void mark(void)
{
	__asm__ volatile("outb %%al, %0" : : "i"(PN_PORT_CONSOLE), "a"('|') : "memory");
}

/* Whether `text` begins with the word `name`; if so, *rest is what follows the space. */
static bool begins_with(const char *text, const char *name, const char **rest)
{
	while (*name && *text == *name)
		text++, name++;
	*rest = text + 1;
	return !*name && *text == ' ';
}

static uint64_t number(const char *text)
{
	uint64_t n = 0;

	while (*text >= '0' && *text <= '9')
		n = n * 10 + (uint64_t)(*text++ - '0');
	return n;
}

static void round_of(const struct operation *op, uint64_t n)
{
	if (op->prepare)
		op->prepare(n);
	mark();
	op->run(n);
	mark();
}

static uint64_t ticks(void)
{
	uint32_t low, high;

	/* What is measured is done, and nothing of it has begun (SDM vol. 2, RDTSC). */
	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

_Noreturn static void serve(const struct operation *op)
{
	for (;;) {
		uint64_t n, begin;

		mark();
		n = lab.count;
		if (!n)
			finish(0);
		if (op->prepare)
			op->prepare(n);
		mark();
		begin = ticks();
		op->run(n);
		lab.ticks = ticks() - begin;
	}
}

/* The operation that `text` names, and what follows; ends the guest if there is none. */
static const struct operation *find(const struct operation *op, const char *text, const char **rest)
{
	while (op->name && !begins_with(text, op->name, rest))
		op++;
	if (!op->name)
		finish(2);
	return op;
}

_Noreturn void paging_main(const struct pn_boot_info *boot)
{
	const struct operation *op;
	const char *rest;

	cpu_init();
	memory_init(boot->image_end);
	if (begins_with(boot->cmdline, "lab", &rest)) {
		op = find(lab_workloads, rest, &rest);
		lab.size = number(rest);
		serve(op);
	}
	op = find(operations, boot->cmdline, &rest);
	if (!number(rest))
		finish(2);
	round_of(op, number(rest));
	round_of(op, number(rest));
	round_of(op, 2 * number(rest));
	finish(0);
}
