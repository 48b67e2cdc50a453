/* SPDX-License-Identifier: MIT */
/*
 * Conformance: a guest does the cases of cases.c, in both modes and with every strategy, and each
 * result is held against walk() (model.c): whether the access faults, the error code, CR2, the
 * accessed and dirty flags of every entry, and the page it reached.
 *
 * Which are done, if not all, is drawn the same way each time (tour.c).
 */
#include "tour.h"

#include "machine/fixture.h"
#include "machine/groups.h"

/* One in so many cases: on a host of its own, in QEMU, and in Bochs, which is the slowest. */
static unsigned one_in(unsigned here, unsigned qemu, unsigned bochs)
{
	return conf_host() & (CONF_ON_BOCHS_EPT1 | CONF_ON_BOCHS_EPT0) ? bochs
								       : repeats(here, qemu);
}

#define TOUR(test, title, here, qemu, bochs, ...)                           \
	static void test(void **state)                                      \
	{                                                                   \
		static struct conf_tour t = {.name = (title), __VA_ARGS__}; \
                                                                            \
		t.every = one_in((here), (qemu), (bochs));                  \
		t.state = *state;                                           \
		if (!t.way)                                                 \
			t.way = &conf_way_machine;                          \
		conf_tour_go(&t);                                           \
	}

#define SHADOW(which) \
	.config = {.mode = PN_MODE_SHADOW, .audit_every = 256, .strategy = PN_STRATEGY_##which}

TOUR(hw_does_as_walk_says, "hw", 7, 17, 31, .config.mode = PN_MODE_HW)
TOUR(vtlb_does_as_walk_says, "shadow, vtlb", 67, 101, 997, SHADOW(VTLB))
TOUR(wp_does_as_walk_says, "shadow, wp", 67, 101, 997, SHADOW(WP))
TOUR(unsync_does_as_walk_says, "shadow, unsync", 67, 101, 997, SHADOW(UNSYNC))
TOUR(changing_modes_does_as_walk_says, "a millisecond in each mode", 67, 101, 997,
     .config.toggle_ns = 1000000)
TOUR(hw_with_five_levels_does_as_walk_says, "hw, five levels", 11, 23, 31, .config.levels = 5)
TOUR(shadow_with_five_levels_does_as_walk_says, "shadow, unsync, five levels", 67, 101, 997,
     SHADOW(UNSYNC), .config.levels = 5)
TOUR(hw_keeps_to_the_guests_maxphyaddr, "hw, MAXPHYADDR 36", 29, 29, 97, .maxphyaddr = 36)
TOUR(shadow_keeps_to_the_guests_maxphyaddr, "shadow, unsync, MAXPHYADDR 36", 97, 97, 397,
     SHADOW(UNSYNC), .maxphyaddr = 36)
TOUR(two_levels_do_as_walk_says, "two levels", 1, 1, 5, .way = &conf_way_vm32, .config.levels = 2)
TOUR(pae_does_as_walk_says, "PAE", 3, 5, 29, .way = &conf_way_vm32, .config.levels = 3)
TOUR(two_levels_keep_to_the_guests_maxphyaddr, "two levels, MAXPHYADDR 36", 1, 1, 23,
     .way = &conf_way_vm32, .config.levels = 2, .maxphyaddr = 36)
TOUR(pae_keeps_to_the_guests_maxphyaddr, "PAE, MAXPHYADDR 36", 11, 11, 97, .way = &conf_way_vm32,
     .config.levels = 3, .maxphyaddr = 36)

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(hw_does_as_walk_says),
	SUBJECT_TEST(vtlb_does_as_walk_says),
	SUBJECT_TEST(wp_does_as_walk_says),
	SUBJECT_TEST(unsync_does_as_walk_says),
	SUBJECT_TEST(changing_modes_does_as_walk_says),
	SUBJECT_TEST(hw_with_five_levels_does_as_walk_says),
	SUBJECT_TEST(shadow_with_five_levels_does_as_walk_says),
	SUBJECT_TEST(hw_keeps_to_the_guests_maxphyaddr),
	SUBJECT_TEST(shadow_keeps_to_the_guests_maxphyaddr),
	SUBJECT_TEST(two_levels_do_as_walk_says),
	SUBJECT_TEST(pae_does_as_walk_says),
	SUBJECT_TEST(two_levels_keep_to_the_guests_maxphyaddr),
	SUBJECT_TEST(pae_keeps_to_the_guests_maxphyaddr),
};

GROUP_OF(conformance, tests);
