/* SPDX-License-Identifier: MIT */
/* penumbra fuzz, the command: it finds what is planted, and its results can be put together. */
#include "fixture.h"
#include "fuzz/campaign.h"
#include "groups.h"
#include "json_result.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define GUEST "build/guest/fuzz.elf"

/* A directory of its own for the files of one test. */
static void make_directory(char *path)
{
	strcpy(path, "/tmp/penumbra-fuzz-XXXXXX");
	assert_non_null(mkdtemp(path));
}

static void remove_directory(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	assert_int_equal(rmdir(path), 0);
}

/* The guest never hears of an INVLPG: the shadow is out of date. */
static void a_planted_fault_is_found_and_cut_down(void **state)
{
	static const struct {
		unsigned mode, lost;
	} cases[] = {
		{1, 1u << FUZZ_INVLPG},
		{3, 1u << FUZZ_INVLPG},
		{1, 1u << FUZZ_CR3},
		{2, 1u << FUZZ_WP},
	};

	(void)state;
	for (size_t i = 0; i < repeats(COUNT(cases), 1); i++) {
		static struct fuzz_campaign c;
		struct pn_error err;
		bool short_one = false;

		c = (struct fuzz_campaign){
			.seed = 1,
			.steps = repeats(4000, 2000),
			.shards = 1,
			.modes = 1u << cases[i].mode,
			.options = {.guest = GUEST, .audit_every = 64, .lost = cases[i].lost},
		};
		if (fuzz_campaign_run(&c, &err))
			fail_msg("%s", err.text);
		for (unsigned k = 0; k < c.founds; k++)
			short_one |= c.found[k].steps <= 8;
		CHECK_TRUE(fuzz_modes[cases[i].mode].name, c.founds > 0);
		CHECK_TRUE(fuzz_modes[cases[i].mode].name, short_one);
		fuzz_campaign_free(&c);
	}
}

static void the_same_seed_does_the_same(void **state)
{
	static struct process p;
	json_t *result[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		RUN(&p, "fuzz", "--seed=5", "--steps=500", "--hosts=shadow:wp", "--json");
		result[i] = result_of(&p, 0);
		json_object_del(result[i], "seconds");
	}
	assert_true(json_equal(result[0], result[1]));
	json_decref(result[0]);
	json_decref(result[1]);
}

static void shards_merged_are_the_whole(void **state)
{
	static struct process p;
	char out[40], option[80], path[3][100];
	json_t *whole, *merged, *host;
	const json_t *modes;
	const char *name;

	(void)state;
	make_directory(out);
	snprintf(option, sizeof(option), "--out=%s", out);
	RUN(&p, "fuzz", "--seed=6", "--steps=2001", "--hosts=shadow:vtlb", "--json");
	whole = result_of(&p, 0);
	for (unsigned i = 0; i < 3; i++) {
		char shard[24];

		snprintf(shard, sizeof(shard), "--shard=%u/3", i);
		snprintf(path[i], sizeof(path[i]), "%s/seed-6-shard-%u-of-3.json", out, i);
		RUN(&p, "fuzz", "--seed=6", "--steps=2001", "--hosts=shadow:vtlb", shard, option);
		assert_int_equal(p.status, 0);
	}
	RUN(&p, "fuzz", "merge", "--json", path[2], path[0], path[1]);
	merged = result_of(&p, 0);
	name = json_string_value(json_object_get(whole, "host"));
	host = json_object_get(merged, name);
	modes = json_object_get(host, "modes");
	assert_true(json_equal(modes, json_object_get(whole, "modes")));
	assert_int_equal(number(host, "done"), 3);
	json_decref(merged);
	json_decref(whole);

	/* One is missing; one is there twice; one is of another campaign; one is no result. */
	RUN(&p, "fuzz", "merge", path[0], path[1]);
	assert_int_equal(p.status, 2);
	CHECK_CONTAINS("merge", p.out, "2 of 3 shards");
	assert_true(fits_80_columns(p.out));
	RUN(&p, "fuzz", "merge", path[0], path[0]);
	expect_failure(&p, "twice", 125, "shard 0 once more");
	RUN(&p, "fuzz", "--seed=7", "--steps=100", "--hosts=hw", option);
	assert_int_equal(p.status, 0);
	snprintf(option, sizeof(option), "%s/seed-7-shard-0-of-1.json", out);
	RUN(&p, "fuzz", "merge", path[0], option);
	expect_failure(&p, "other", 125, "of another campaign: its seed is 7, and not 6");
	RUN(&p, "fuzz", "merge", GUEST);
	expect_failure(&p, "no JSON", 125, "line 1");
	remove_directory(out);
}

/* Results are files like any other: a number past all reason, a count that is none. */
static void a_result_may_be_anyone_s(void **state)
{
	static struct process p;
	char out[40], option[60], path[2][100];
	json_t *result, *merged, *mode, *host;

	(void)state;
	make_directory(out);
	snprintf(option, sizeof(option), "--out=%s", out);
	for (unsigned i = 0; i < 2; i++)
		snprintf(path[i], sizeof(path[i]), "%s/seed-6-shard-%u-of-2.json", out, i);
	RUN(&p, "fuzz", "--seed=6", "--steps=100", "--hosts=hw", "--shard=0/2", option);
	assert_int_equal(p.status, 0);
	result = json_load_file(path[0], 0, NULL);
	assert_non_null(result);
	mode = json_object_get(json_object_get(result, "modes"), "hw");
	assert_true(number(mode, "steps") > 0);
	json_object_set_new(result, "shard", json_integer(1));
	json_object_set_new(mode, "steps", json_integer(INT64_MAX));
	assert_int_equal(json_dump_file(result, path[1], 0), 0);
	RUN(&p, "fuzz", "merge", "--json", path[0], path[1]);
	merged = result_of(&p, 0);
	host = json_object_get(merged, json_string_value(json_object_get(result, "host")));
	mode = json_object_get(json_object_get(host, "modes"), "hw");
	assert_true(number(mode, "steps") == INT64_MAX);
	json_decref(merged);

	mode = json_object_get(json_object_get(result, "modes"), "hw");
	json_object_set_new(json_object_get(mode, "operations"), "read", json_string("many"));
	assert_int_equal(json_dump_file(result, path[1], 0), 0);
	RUN(&p, "fuzz", "merge", path[0], path[1]);
	expect_failure(&p, "operations", 125, "not a result of penumbra fuzz");
	json_decref(result);
	remove_directory(out);
}

static void an_interrupt_leaves_what_was_done(void **state)
{
	static struct process p;
	char out[40], option[60], path[100];
	json_t *result;

	(void)state;
	make_directory(out);
	snprintf(option, sizeof(option), "--out=%s", out);
	process_start(
		&p, NULL,
		(const char *const[]){"fuzz", "--seed=8", "--steps=1000000000", option, NULL});
	usleep(repeats(1, 8) * 700000);
	kill(p.pid, SIGINT);
	process_wait(&p);
	assert_int_equal(p.status, 130);
	CHECK_CONTAINS("interrupted", p.out, "of 1000000 programs");
	assert_true(fits_80_columns(p.out));
	snprintf(path, sizeof(path), "%s/seed-8-shard-0-of-1.json", out);
	result = json_load_file(path, 0, NULL);
	assert_non_null(result);
	assert_true(json_is_true(json_object_get(result, "stopped")));
	json_decref(result);
	remove_directory(out);
}

static void wrong_usage_is_one_line(void **state)
{
	static const struct {
		const char *option, *says;
	} cases[] = {
		{"--seed=x", "--seed=x: give a number"},
		{"--steps=0", "give a number above 0"},
		{"--hosts=hw,", "give names of modes"},
		{"--hosts=shad", "give names of modes"},
		{"--shard=2/2", "I below N"},
		{"--shard=1", "I below N"},
		{"--toggle-every=5", "give 1us to 1000000us"},
		{"--what", "no such option"},
		{"what", "what is it for?"},
	};
	static struct process p;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		RUN(&p, "fuzz", cases[i].option);
		expect_failure(&p, cases[i].option, 125, cases[i].says);
	}
	RUN(&p, "fuzz", "replay");
	expect_failure(&p, "replay", 125, "which case?");
	RUN(&p, "fuzz", "replay", "no.case");
	expect_failure(&p, "replay", 125, "no.case");
	RUN(&p, "fuzz", "merge");
	expect_failure(&p, "merge", 125, "which results?");
	RUN(&p, "fuzz", "--help");
	assert_int_equal(p.status, 0);
	assert_true(fits_80_columns(p.out));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_planted_fault_is_found_and_cut_down),
	cmocka_unit_test(the_same_seed_does_the_same),
	cmocka_unit_test(shards_merged_are_the_whole),
	cmocka_unit_test(a_result_may_be_anyone_s),
	cmocka_unit_test(an_interrupt_leaves_what_was_done),
	cmocka_unit_test(wrong_usage_is_one_line),
};

GROUP_OF(fuzz_command, tests);
