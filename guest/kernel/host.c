/* SPDX-License-Identifier: MIT */
/* The way to the host: each of these is one exit. */
#include "host.h"

static void out_byte(uint16_t port, char byte)
{
	__asm__ volatile("outb %0, %1" : : "a"(byte), "d"(port));
}

static uint32_t call(uint32_t number, uint64_t first, uint64_t second)
{
	uint32_t result = number;

	__asm__ volatile("inl %%dx, %%eax"
			 : "+a"(result)
			 : "d"((uint16_t)PN_PORT_CALL), "D"(first), "S"(second)
			 : "memory");
	return result;
}

_Noreturn void host_exit(unsigned status)
{
	for (;;)
		__asm__ volatile("outl %0, %1" : : "a"(status), "d"((uint16_t)PN_PORT_EXIT));
}

void host_console(const char *text, size_t bytes)
{
	if (call(PN_CALL_CONSOLE, (uintptr_t)text, bytes) == bytes)
		return;
	/* A host without the call still has the port. */
	for (size_t i = 0; i < bytes; i++)
		out_byte(PN_PORT_CONSOLE, text[i]);
}

void host_mark(uint32_t mark, uint64_t value)
{
	call(PN_CALL_MARK, mark, value);
}
