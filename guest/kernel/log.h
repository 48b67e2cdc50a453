/* SPDX-License-Identifier: MIT */
/*
 * The log for the host: what the kernel does with its memory, written into a shared page as it
 * happens, without an exit (penumbra/guest.h). Where no log is wanted each of these is one load and
 * one branch.
 */
#ifndef LOG_H
#define LOG_H

#include "address.h"
#include "fault.h"
#include "regs.h"

#include <penumbra/guest.h>
#include <penumbra/trace.h>
#include <stdbool.h>
#include <stdint.h>

/* What the host wants: bits 1 << enum pn_trace_type; 0: no log. */
extern uint32_t log_types;

/* Looks whether a log is wanted. To be called first, on the host's tables. */
void log_init(const struct pn_boot_info *boot);

/* Bytes of the log's area; 0: there is none. */
uint64_t log_size(void);

/* What the functions below come down to where there is a log: cold, so that the way there is kept out
 * of the callers' code. */
#define LOG_COLD __attribute__((cold))
LOG_COLD void log_put_fault(const struct regs *regs, gva_t cr2);
LOG_COLD void log_put_resolved(gva_t gva, gva_t rip, uint64_t error, enum fault_kind kind);
LOG_COLD void log_put_cr3(gpa_t before, gpa_t after);
LOG_COLD void log_put_flush(enum pn_trace_flush kind, enum pn_trace_cause cause, gva_t gva);
LOG_COLD void log_put_table_write(gpa_t entry, unsigned level, uint64_t before, uint64_t after);

static inline bool log_is_on(void)
{
	return __builtin_expect(log_types != 0, 0);
}

/* A #PF, in its handler; nothing is done about it yet. */
static inline void log_fault(const struct regs *regs, gva_t cr2)
{
	if (log_is_on())
		log_put_fault(regs, cr2);
}

/* It has been dealt with. */
static inline void log_resolved(gva_t gva, gva_t rip, uint64_t error, enum fault_kind kind)
{
	if (log_is_on())
		log_put_resolved(gva, rip, error, kind);
}

/* CR3 has been loaded, and with it one address space's translations flushed. */
static inline void log_cr3(gpa_t before, gpa_t after)
{
	if (log_is_on())
		log_put_cr3(before, after);
}

/* A flush has been made; `gva` for one page. */
static inline void log_flush(enum pn_trace_flush kind, enum pn_trace_cause cause, gva_t gva)
{
	if (log_is_on())
		log_put_flush(kind, cause, gva);
}

/* The entry of `level` at `entry` is about to be changed. */
static inline void log_table_write(gpa_t entry, unsigned level, uint64_t before, uint64_t after)
{
	if (log_is_on())
		log_put_table_write(entry, level, before, after);
}

/* `count` empty entries from `entry` on are about to be filled, each with `step` more. */
static inline void log_table_writes(gpa_t entry, unsigned level, uint64_t value, uint64_t step,
				    uint64_t count)
{
	for (uint64_t i = 0; log_is_on() && i < count; i++)
		log_put_table_write(entry + 8 * i, level, 0, value + i * step);
}

#endif
