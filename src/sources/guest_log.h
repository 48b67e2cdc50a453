/* SPDX-License-Identifier: MIT */
/* The memory of a guest's log (penumbra/guest.h), which outlives the trace that asked for it. */
#ifndef SOURCES_GUEST_LOG_H
#define SOURCES_GUEST_LOG_H

#include <stdint.h>

/* GPA of the area: in the hole that RAM leaves below 4 GiB, where the boot tables reach. */
#define GUEST_LOG_GPA  UINT64_C(0xd0000000)
#define GUEST_LOG_SIZE (UINT64_C(4) << 20)

struct guest_log_area {
	uint8_t *hva; /* of GUEST_LOG_SIZE bytes; NULL: no log was ever wanted */
};

/* Once the VM is gone. */
void guest_log_area_free(struct guest_log_area *area);

#endif
