/* SPDX-License-Identifier: MIT */
/* Progress on a terminal. */
#include "cli/progress.h"

#include "clock.h"

#include <stdio.h>
#include <unistd.h>

#define FIRST_NS 500000000
#define AGAIN_NS 100000000

void progress_begin(struct progress *p, const char *what, uint64_t all, bool quiet)
{
	*p = (struct progress){.what = what, .all = all};
	p->on = all && !quiet && isatty(STDERR_FILENO);
	if (p->on)
		p->next_ns = clock_ns() + FIRST_NS;
}

void progress_show(struct progress *p, uint64_t done)
{
	uint64_t now;

	if (!p->on)
		return;
	now = clock_ns();
	if (now < p->next_ns)
		return;
	p->next_ns = now + AGAIN_NS;
	p->shown = true;
	/* A file may grow while it is read. */
	fprintf(stderr, "\r%.50s: %3u%% of %.1f MB\033[K", p->what,
		done < p->all ? (unsigned)(done * 100 / p->all) : 100, (double)p->all / 1e6);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->on = p->shown = false;
}
