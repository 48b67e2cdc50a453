/* SPDX-License-Identifier: MIT */
/* The pages of a tracefs instance, one processor after the other. */
#include "sources/kernel_pages.h"

#include "error.h"
#include "memory/gmem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Processors are numbered from 0 on, those that are off among them; a gap is passed over. */
static int open_all(struct kernel_pages *p, const struct kernel_instance *instance)
{
	long processors = sysconf(_SC_NPROCESSORS_CONF);
	char file[64];

	p->fd = calloc(processors > 0 ? (size_t)processors : 1, sizeof(p->fd[0]));
	for (long i = 0; p->fd && i < processors; i++) {
		snprintf(file, sizeof(file), "per_cpu/cpu%ld/trace_pipe_raw", i);
		p->fd[p->count] = kernel_instance_open(instance, file, O_RDONLY | O_NONBLOCK);
		if (p->fd[p->count] >= 0)
			p->count++;
	}
	return p->count ? 0 : -1;
}

int kernel_pages_open(struct kernel_pages *p, const struct kernel_instance *instance, int page_size,
		      struct pn_error *err)
{
	*p = (struct kernel_pages){.page_size = page_size > 0 ? (size_t)page_size : PAGE_SIZE};
	if (open_all(p, instance))
		return pn_fail_errno(err, PN_ERR_HOST_LACKS, "trace_pipe_raw of tracefs");
	p->page = malloc(p->page_size);
	p->buffer = kbuffer_alloc(KBUFFER_LSIZE_8, KBUFFER_ENDIAN_LITTLE);
	return p->page && p->buffer ? PN_OK : pn_fail(err, PN_ERR_NOMEM, "out of memory");
}

static void read_page(struct kernel_pages *p, kernel_event_fn *event, kernel_missed_fn *missed,
		      void *arg)
{
	unsigned long long time;
	int lost;
	void *data;

	kbuffer_load_subbuffer(p->buffer, p->page);
	lost = kbuffer_missed_events(p->buffer);
	if (lost)
		missed(arg, lost < 0 ? 1 : (unsigned)lost);
	for (data = kbuffer_read_event(p->buffer, &time); data;
	     data = kbuffer_next_event(p->buffer, &time))
		event(arg, time, data, kbuffer_event_size(p->buffer));
}

void kernel_pages_read(struct kernel_pages *p, kernel_event_fn *event, kernel_missed_fn *missed,
		       void *arg)
{
	for (unsigned i = 0; i < p->count; i++)
		while (read(p->fd[i], p->page, p->page_size) == (ssize_t)p->page_size)
			read_page(p, event, missed, arg);
}

void kernel_pages_close(struct kernel_pages *p)
{
	for (unsigned i = 0; i < p->count; i++)
		close(p->fd[i]);
	free(p->fd);
	free(p->page);
	if (p->buffer)
		kbuffer_free(p->buffer);
	*p = (struct kernel_pages){.fd = NULL};
}
