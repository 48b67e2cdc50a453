/* SPDX-License-Identifier: MIT */
/* penumbra fuzz on this host: the modes agree, and what was once found stays right. */
#include "fixture.h"
#include "fuzz/campaign.h"
#include "groups.h"
#include "json_result.h"

#include <dirent.h>

#define CASES "build/tests/guests/cases"

static void no_mode_differs_from_the_walker(void **state)
{
	static struct process p;
	char steps[32];
	const char *mode;
	json_t *result, *counts;

	(void)state;
	snprintf(steps, sizeof(steps), "--steps=%u", repeats(2000, 300));
	RUN(&p, "fuzz", "--seed=1", "--json", steps);
	result = result_of(&p, 0);
	assert_int_equal(json_object_size(json_object_get(result, "modes")), FUZZ_MODES);
	json_object_foreach(json_object_get(result, "modes"), mode, counts)
	{
		const json_t *done = json_object_get(counts, "operations");

		/* Something was done, in both rings, and some of it went through. */
		CHECK_TRUE(mode, number(counts, "steps") > 100);
		CHECK_TRUE(mode, number(counts, "faults") > 20);
		CHECK_TRUE(mode, number(counts, "faults") + 20 < number(done, "read") +
									 number(done, "write") +
									 number(done, "fetch"));
		CHECK_TRUE(mode,
			   (strncmp(mode, "toggle", 6) == 0) == (number(counts, "toggles") > 0));
	}
	json_decref(result);
}

static void what_was_found_once_stays_right(void **state)
{
	DIR *d = opendir(CASES);
	struct dirent *e;
	unsigned cases = 0;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d))) {
		static struct process p;
		char path[300];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), CASES "/%s", e->d_name);
		RUN(&p, "fuzz", "replay", path);
		if (p.status != 0)
			fail_msg("%s%s", p.out, p.err);
		CHECK_CONTAINS(path, p.out, "shadow:vtlb: as it must be\n");
		CHECK_CONTAINS(path, p.out, "toggle:unsync: as it must be\n");
		cases++;
	}
	closedir(d);
	assert_true(cases >= 4);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(no_mode_differs_from_the_walker),
	cmocka_unit_test(what_was_found_once_stays_right),
};

GROUP_OF(fuzz, tests);
