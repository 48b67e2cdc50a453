/* SPDX-License-Identifier: MIT */
/* Protection keys of a guest: WRPKRU counts at once, in both modes and over changes between them. */
#include "fixture.h"
#include "groups.h"

#define PAGE "8000000000"

/* Key 1 on a user page; its PKRU bits are 4, no access, and 8, no writes. Three words may
 * change the mode. */
#define KEYS(first, second, third)                        \
	"pkru 0 map 0 0800000000302004 w8 " PAGE " 1111 " \
	"pkru 8 " first "w8 " PAGE " 2222 r8 " PAGE " "   \
	"pkru 4 " second "w8 " PAGE " 3333 r8 " PAGE " "  \
	"pkru 30 " third "w8 " PAGE " 4444 r8 " PAGE

static const struct script_result expected[] = {
	{.value = 0, .trap = SCRIPT_NO_TRAP},
	{.trap = SCRIPT_NO_TRAP},
	{.trap = SCRIPT_NO_TRAP},
	{.value = 8, .trap = SCRIPT_NO_TRAP},
	{.trap = SCRIPT_NO_TRAP}, /* whatever mode was left */
	{.trap = 14, .error = 0x23},
	{.value = 0x1111, .trap = SCRIPT_NO_TRAP},
	{.value = 4, .trap = SCRIPT_NO_TRAP},
	{.trap = SCRIPT_NO_TRAP},
	{.trap = 14, .error = 0x23},
	{.trap = 14, .error = 0x21},
	{.value = 0x30, .trap = SCRIPT_NO_TRAP},
	{.trap = SCRIPT_NO_TRAP},
	{.trap = SCRIPT_NO_TRAP},
	{.value = 0x4444, .trap = SCRIPT_NO_TRAP},
};

#define STAY	  "outs 1 "
#define TO_HW	  "call 4 0 0 "
#define TO_SHADOW "call 4 1 0 "

static const struct {
	struct pn_config config;
	const char *script;
} machines[] = {
	{{.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_VTLB}, KEYS(STAY, STAY, STAY)},
	{{.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_WP}, KEYS(STAY, STAY, STAY)},
	{{.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_UNSYNC}, KEYS(STAY, STAY, STAY)},
	{{.mode = PN_MODE_HW}, KEYS(STAY, STAY, STAY)},
	{{.mode = PN_MODE_HW}, KEYS(TO_SHADOW, TO_HW, TO_SHADOW)},
	{{.mode = PN_MODE_SHADOW}, KEYS(TO_HW, TO_SHADOW, TO_HW)},
};

static void wrpkru_counts_at_once_and_in_the_other_mode(void **state)
{
	struct subject *s = *state;

	for (size_t i = 0; i < COUNT(machines); i++) {
		struct script_result r[COUNT(expected)];
		char what[32];

		subject_pass(s, &machines[i].config, machines[i].script);
		subject_results(s, r, COUNT(expected));
		/* In shadow mode, which comes first, CR4 takes no bit that KVM does not offer. */
		if (i == 0 && r[0].trap == 13) {
			print_message("skipped: this host's KVM offers no protection keys\n");
			skip();
		}
		for (size_t k = 0; k < COUNT(expected); k++) {
			snprintf(what, sizeof(what), "machine %zu, word %zu", i, k);
			CHECK_NUMBER(what, "trap", r[k].trap, expected[k].trap);
			if (k != 4 && k != 8 && k != 12)
				CHECK_NUMBER(what, "value", r[k].value, expected[k].value);
			if (r[k].trap == 14)
				CHECK_NUMBER(what, "error", r[k].error, expected[k].error);
		}
		subject_unmake(s);
	}
}

static const struct CMUnitTest tests[] = {
	SUBJECT_TEST(wrpkru_counts_at_once_and_in_the_other_mode),
};

GROUP_OF(keys, tests);
