/* SPDX-License-Identifier: MIT */
/*
 * The shadow core (src/memory/shadow) and its mailbox, on the model machine of the unit tests. The
 * input is a guest: u8 strategy and format, u8 frames of the pool, whether the processor has a TLB,
 * and a seed, u8 how many random stores to its tables come first, then the choices of its steps
 * (tests/unit/shadow_steps.h): accesses in each view, stores to tables by its own mappings, by the
 * emulator or let through untracked, INVLPG, loads of CR3, changes of registers, flushes; and here
 * accesses foreseen, and memory slots that come and go.
 *
 * Held true after each step:
 *   - each access has ended as walk() says, or as it said since the flush that would have covered it;
 *   - between two deliveries of mail the host has changed no entry that was not 0;
 *   - mail names entries of the pool, and a full box is never the last;
 *   - the audit: no entry grants more than the guest's own, none leads to the pool or another page,
 *     nobody may write a tracked table that is in step;
 *   - what was foreseen needs no fault, and one that the tables do not allow has changed no memory.
 */
#include "shadow_steps.h"

#include "fuzz.h"

#include <stdlib.h>

#define STEPS 400 /* an audit each: longer inputs are only slow */

static const struct how {
	const struct pt_format *format;
	unsigned levels;
	bool pdptrs;
} how[] = {
	{&pt_format_4level, 4, false}, {&pt_format_2level, 4, false}, {&pt_format_pae, 4, false},
	{&pt_format_pae, 4, true},     {&pt_format_5level, 5, false}, {&pt_format_4level, 5, false},
	{&pt_format_pae, 5, true},     {&pt_format_2level, 5, false},
};

/* The pages that hold the guest's tables. */
#define TABLE_BYTES (TABLES * PAGE_SIZE)

static void step_foresee(struct random_guest *g)
{
	static uint8_t before[TABLE_BYTES];
	struct machine *m = &g->m;
	const struct walk_query q = {.gva = pick_gva(g),
				     .access = (enum walk_access)roll(g, 3),
				     .privilege = (enum walk_privilege)roll(g, 2)};
	struct walk_result r;
	unsigned faults;
	bool allowed;

	memcpy(before, m->ram + FIRST * PAGE_SIZE, sizeof(before));
	allowed = walk(&m->mem, &m->ctx, &q, &r, NULL) == WALK_OK;
	if (!machine_foresee(m, &q)) {
		CHECK_TRUE("not foreseen", allowed || memcmp(before, m->ram + FIRST * PAGE_SIZE,
							     sizeof(before)) == 0);
		return;
	}
	CHECK_TRUE("foreseen", allowed);
	/* The TLB may still hold less: that is a fault, but none of the shadow's. */
	faults = m->faults;
	CHECK_NUMBER("foreseen", "outcome", machine_access(m, q.gva, q.access, q.privilege, &r),
		     SHADOW_FIXED);
	CHECK_NUMBER("foreseen", "faults", m->faults, faults);
}

/* The last slot goes, or comes back. */
static void step_slots(struct random_guest *g)
{
	struct machine *m = &g->m;

	if (gmem_find(&m->mem, HUGE_GPA))
		gmem_remove(&m->mem, m->mem.count - 1);
	else
		assert_int_equal(gmem_add(&m->mem, HUGE_GPA, m->huge, HUGE_SIZE, false, NULL), 0);
	shadow_memory_changed(m->shadow, &m->box);
	machine_flush_all(m);
	forget(g);
}

static void step_one(struct random_guest *g)
{
	switch (roll(g, 16)) {
	case 0: step_foresee(g); break;
	case 1: roll(g, 4) ? step_store(g) : step_slots(g); break;
	case 2:
	case 3:
	case 4: step_store(g); break;
	default: step_any(g); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = {bytes, size};
	unsigned kind = fuzz_u8(&in), pool = fuzz_u8(&in), stores = fuzz_u8(&in);
	const struct how *h = &how[kind / 3 % COUNT(how)];
	struct random_guest *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	g->state = (kind + 256 * pool + 1) * UINT64_C(0x9e3779b97f4a7c15);
	machine_init_on(&g->m, h->levels, (enum shadow_strategy)(kind % 3), h->format,
			pool & 2 ? 80 : SHADOW_FRAMES_MIN);
	g->m.has_tlb = pool & 1;
	step_windows(g);
	g->m.regs.pdptrs_valid = h->pdptrs;
	step_load(g);
	for (unsigned n = 0; n < stores; n++)
		step_store(g);
	g->choices = in.at;
	g->left = in.left;
	for (unsigned n = 0; n < STEPS && g->left; n++) {
		step_one(g);
		machine_audit(&g->m);
	}
	machine_fini(&g->m);
	free(g);
	return 0;
}
