/* SPDX-License-Identifier: MIT */
/* Protection keys of a guest: WRPKRU counts at once, in both modes and over changes between them. */
#include "fixture.h"
#include "groups.h"

#define PAGE "8000000000"

/* Key 1 on a user page; its PKRU bits are 4, no access, and 8, no writes. */
static const char script[] = "pkru 0 map 0 0800000000302004 w8 " PAGE " 1111 "
			     "pkru 8 w8 " PAGE " 2222 r8 " PAGE " "
			     "pkru 4 w8 " PAGE " 3333 r8 " PAGE " "
			     "pkru 30 w8 " PAGE " 4444 r8 " PAGE;

static const struct script_result expected[] = {
	{.value = 0, .trap = SCRIPT_NO_TRAP},
	{.trap = SCRIPT_NO_TRAP},
	{.trap = SCRIPT_NO_TRAP},
	{.value = 8, .trap = SCRIPT_NO_TRAP},
	{.trap = 14, .error = 0x23},
	{.value = 0x1111, .trap = SCRIPT_NO_TRAP},
	{.value = 4, .trap = SCRIPT_NO_TRAP},
	{.trap = 14, .error = 0x23},
	{.trap = 14, .error = 0x21},
	{.value = 0x30, .trap = SCRIPT_NO_TRAP},
	{.trap = SCRIPT_NO_TRAP},
	{.value = 0x4444, .trap = SCRIPT_NO_TRAP},
};

static void wrpkru_counts_at_once(void **state)
{
	static const struct pn_config configs[] = {
		{.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_VTLB},
		{.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_WP},
		{.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_UNSYNC},
		{.mode = PN_MODE_HW},
		{.mode = PN_MODE_HW, .toggle_every = 1},
		{.mode = PN_MODE_SHADOW, .toggle_every = 3},
	};
	struct subject *s = *state;

	for (size_t i = 0; i < COUNT(configs); i++) {
		struct script_result r[COUNT(expected)];
		char what[32];

		subject_pass(s, &configs[i], script);
		subject_results(s, r, COUNT(expected));
		/* In shadow mode, which comes first, CR4 takes no bit that KVM does not offer. */
		if (i == 0 && r[0].trap == 13) {
			print_message("skipped: this host's KVM offers no protection keys\n");
			skip();
		}
		for (size_t k = 0; k < COUNT(expected); k++) {
			snprintf(what, sizeof(what), "machine %zu, word %zu", i, k);
			CHECK_NUMBER(what, "trap", r[k].trap, expected[k].trap);
			CHECK_NUMBER(what, "value", r[k].value, expected[k].value);
			if (r[k].trap == 14)
				CHECK_NUMBER(what, "error", r[k].error, expected[k].error);
		}
		subject_unmake(s);
	}
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(wrpkru_counts_at_once),
};

GROUP_OF(keys, tests);
