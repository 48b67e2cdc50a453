/* SPDX-License-Identifier: MIT */
/* The way to the host: the ports and pages of penumbra/guest.h. */
#ifndef HOST_H
#define HOST_H

#include <penumbra/guest.h>
#include <stddef.h>
#include <stdint.h>

/* What the guest ends with. */
enum status {
	STATUS_OK = 0,
	STATUS_CHECK_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_PANIC = 3,
};

/* Ends the guest. `status` is at most PN_STATUS_MAX. */
_Noreturn void host_exit(unsigned status);

/* Writes `bytes` (at most PN_CONSOLE_MAX) to the console, in one exit. */
void host_console(const char *text, size_t bytes);

/* Leaves a mark in the record of the run. */
void host_mark(uint32_t mark, uint64_t value);

/* The page of counters that the host reads when the run has ended. */
static inline volatile struct pn_guest_report *host_report(void)
{
	return (volatile struct pn_guest_report *)PN_REPORT_GPA;
}

#endif
