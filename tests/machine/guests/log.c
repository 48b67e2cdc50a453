/* SPDX-License-Identifier: MIT */
/*
 * The log guest: it has a log for the host and keeps to no rule (penumbra/guest.h). Its command line
 * says which: "garbage" writes anything anywhere, "drops" claims drops and nothing else, "full"
 * writes more than there is room for without asking. It ends with status 0; without a log, with 3.
 */
#include <penumbra/guest.h>
#include <penumbra/trace.h>
#include <stdbool.h>

#define WORDS_A_ROUND 2048
#define ROUNDS	      24
#define PATIENCE      100000 /* exits */

void log_guest(const struct pn_boot_info *boot);

static _Noreturn void end(uint32_t status)
{
	for (;;)
		__asm__ volatile("outl %0, %1" : : "a"(status), "d"((uint16_t)PN_PORT_EXIT));
}

/* Marsaglia's xorshift: the same numbers in each run. */
static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static volatile uint64_t *at(uint64_t gpa)
{
	return (volatile uint64_t *)gpa; /* NOLINT(performance-no-int-to-ptr) */
}

/* Time for the host to look: an exit. */
static void pause_here(void)
{
	uint32_t result = PN_CALL_MARK;

	__asm__ volatile("inl %%dx, %%eax"
			 : "+a"(result)
			 : "d"((uint16_t)PN_PORT_CALL), "D"(0), "S"(0)
			 : "memory");
}

/* Nothing that was agreed on: the records, the host's words, the counters. */
static void scribble(uint64_t gpa, uint64_t size, uint64_t *x)
{
	uint64_t from = next(x) % (size / 8 - WORDS_A_ROUND);

	for (unsigned i = 0; i < WORDS_A_ROUND; i++)
		at(gpa)[from + i] = next(x);
	for (unsigned i = 0; i < sizeof(struct pn_guest_log) / 8; i++)
		at(gpa)[i] = next(x);
}

static void garbage(volatile struct pn_guest_log *log, uint64_t gpa, uint64_t size)
{
	uint64_t x = 0x9e3779b97f4a7c15;

	for (unsigned round = 0; round < ROUNDS; round++) {
		scribble(gpa, size, &x);
		pause_here();
	}
	/* A head that the host can follow, from where it is; and what is there is garbage. */
	log->head = 0;
	for (unsigned i = 0; log->tail != 0 && i < PATIENCE; i++)
		pause_here();
	for (unsigned i = 0; i < WORDS_A_ROUND; i++)
		at(gpa + PN_LOG_RECORDS)[i] = next(&x);
	/* Every second one is nearly right: type, cpl, level, kind and cause are small. */
	for (unsigned i = 6; i < WORDS_A_ROUND; i += 16)
		at(gpa + PN_LOG_RECORDS)[i] &= 0x0f0f070307;
	log->head = WORDS_A_ROUND * 8 / sizeof(struct pn_log_record);
}

static void full(volatile struct pn_guest_log *log, uint64_t gpa)
{
	struct pn_log_record *record = (struct pn_log_record *)(uintptr_t)(gpa + PN_LOG_RECORDS);

	for (unsigned i = 0; i < 16; i++)
		record[i] = (struct pn_log_record){
			.type = PN_TRACE_FLUSH, .kind = PN_FLUSH_PAGE, .address = i};
	log->head = UINT64_C(1) << 40;
}

static bool says(const char *text, char first)
{
	return text[0] == first;
}

void log_guest(const struct pn_boot_info *boot)
{
	volatile struct pn_guest_log *log = (volatile struct pn_guest_log *)(uintptr_t)boot->log;

	if (!boot->log || log->magic != PN_LOG_MAGIC || log->version != PN_LOG_VERSION)
		end(3);
	if (says(boot->cmdline, 'g'))
		garbage(log, boot->log, log->size);
	if (says(boot->cmdline, 'd'))
		log->dropped = 5;
	if (says(boot->cmdline, 'f'))
		full(log, boot->log);
	end(0);
}
