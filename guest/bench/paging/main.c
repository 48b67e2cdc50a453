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

_Noreturn void paging_main(const struct pn_boot_info *boot)
{
	const struct operation *op = operations;
	const char *count = "";

	cpu_init();
	memory_init(boot->image_end);
	while (op->name && !begins_with(boot->cmdline, op->name, &count))
		op++;
	if (!op->name || !number(count))
		finish(2);
	round_of(op, number(count));
	round_of(op, number(count));
	round_of(op, 2 * number(count));
	finish(0);
}
