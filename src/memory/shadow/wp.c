/* SPDX-License-Identifier: MIT */
/*
 * Strategy wp: guest tables in use are write-protected, every store to one is emulated and updates
 * its shadows at once. There is nothing left to do when the guest flushes, but to tell the TLB.
 */
#include "memory/shadow/private.h"

static void flush(struct shadow *s, bool global)
{
	(void)s;
	(void)global;
}

static void flush_page(struct shadow *s, const struct shadow_root *root, gva_t gva)
{
	(void)s;
	(void)root;
	(void)gva;
}

static bool let_go(struct shadow *s, uint32_t table)
{
	(void)s;
	(void)table;
	return false;
}

const struct shadow_ops shadow_wp = {
	.name = "wp",
	.tracks = true,
	.flush = flush,
	.flush_page = flush_page,
	.let_go = let_go,
};
