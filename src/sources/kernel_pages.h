/* SPDX-License-Identifier: MIT */
/*
 * What the processors have written into an instance of tracefs: pages of a ring buffer each
 * (trace_pipe_raw), all opened beforehand.
 */
#ifndef SOURCES_KERNEL_PAGES_H
#define SOURCES_KERNEL_PAGES_H

#include "sources/kernel_instance.h"

#include <kbuffer.h>

struct kernel_pages {
	int *fd; /* one for each processor */
	unsigned count;
	void *page;
	size_t page_size;
	struct kbuffer *buffer;
};

/* One event; of those that one processor wrote, in their order. `time` is in the trace's clock. */
typedef void kernel_event_fn(void *arg, uint64_t time, const void *data, int size);

/* Events that the kernel had no room for: how many, or 1 if it does not know. */
typedef void kernel_missed_fn(void *arg, unsigned count);

/* Opens them; the kernel says what their size is in bytes, or nothing (0). Returns 0, PN_ERR_HOST_LACKS, PN_ERR_NOMEM. */
int kernel_pages_open(struct kernel_pages *p, const struct kernel_instance *instance, int page_size,
		      struct pn_error *err);

/* Takes all that there is. */
void kernel_pages_read(struct kernel_pages *p, kernel_event_fn *event, kernel_missed_fn *missed,
		       void *arg);

/* All zeroes, it does nothing. */
void kernel_pages_close(struct kernel_pages *p);

#endif
