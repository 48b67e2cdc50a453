/* SPDX-License-Identifier: MIT */
/*
 * What a processor may remember: small stories out of the manual, and how the access at the end of
 * each may come out.
 */
#include "check.h"
#include "fuzz/layout.h"
#include "fuzz/model.h"

/* A page d0 for GVA 0x8040201008, by t0, t4, t5 and t6, all that is needed having been used. */
#define WAY                   \
	"set t0 1 0x604027\n" \
	"set t4 1 0x605027\n" \
	"set t5 1 0x606027\n" \
	"set t6 1 0x620067\n" \
	"read user 0x8040201008\n"
#define READ   "read user 0x8040201008\n"
#define WRITE  "write user 0x8040201008 0x10\n"
#define PAGE   " 0x8040201008\n"
#define OTHER  " 0x8040203008\n" /* under the same tables but the page */
#define TO_D1  "set t6 1 0x621067\n"
#define GLOBAL "set t6 1 0x620167\n"
#define TO_T7  "set t5 1 0x607027\n" /* t7 is empty */

enum { SURE = FUZZ_SURE, OPEN = FUZZ_OPEN, LEFT_OUT = FUZZ_SKIPPED };

static const struct {
	const char *name, *story;
	int verdict;	 /* of the last access */
	unsigned chains; /* it may go so many ways */
} cases[] = {
	{"a page that stays", WAY READ, SURE, 1},
	{"another page, no flush", WAY TO_D1 READ, OPEN, 2},
	{"INVLPG of the page", WAY TO_D1 "invlpg" PAGE READ, SURE, 1},
	{"INVLPG of another page", WAY TO_D1 "invlpg" OTHER READ, OPEN, 2},
	{"MOV to CR3", WAY TO_D1 "cr3 t0\n" READ, SURE, 1},
	{"CR4.PGE", WAY TO_D1 "flush\n" READ, SURE, 1},
	{"INVPCID of one page", WAY TO_D1 "invpcid 0" PAGE READ, SURE, 1},
	{"INVPCID of all", WAY TO_D1 "invpcid 2" PAGE READ, SURE, 1},
	{"the flush comes first", WAY "flush\n" TO_D1 READ, OPEN, 2},
	{"twice another page", WAY TO_D1 "set t6 1 0x622067\n" READ, OPEN, 3},
	{"there and back", WAY TO_D1 "set t6 1 0x620067\n" READ, OPEN, 2},
	{"the same once more", WAY "set t6 1 0x620067\n" READ, SURE, 1},

	{"a global page, MOV to CR3", WAY GLOBAL "flush\n" READ TO_D1 "cr3 t0\n" READ, OPEN, 2},
	{"a global page, INVLPG", WAY GLOBAL "flush\n" READ TO_D1 "invlpg" PAGE READ, SURE, 1},
	{"a global page, INVPCID of it", WAY GLOBAL "flush\n" READ TO_D1 "invpcid 0" PAGE READ,
	 OPEN, 2},
	{"a global page, INVPCID of the context",
	 WAY GLOBAL "flush\n" READ TO_D1 "invpcid 1" PAGE READ, OPEN, 2},
	{"a global page, CR4.PGE", WAY GLOBAL "flush\n" READ TO_D1 "flush\n" READ, SURE, 1},
	{"no CR4.PGE, no global page", "pge 0\n" WAY GLOBAL READ TO_D1 "cr3 t0\n" READ, SURE, 1},
	{"a global page under another root", WAY GLOBAL "flush\n" READ "cr3 t1\n" READ, OPEN, 2},
	{"any other page under another root", WAY "cr3 t1\n" READ, SURE, 1},

	{"an upper entry, no flush", WAY TO_T7 READ, OPEN, 2},
	{"an upper entry, INVLPG of the page", WAY TO_T7 "invlpg" PAGE READ, SURE, 1},
	/* Upper entries go with any INVLPG, translations of other pages do not. */
	{"an upper entry, INVLPG of another page", WAY TO_T7 "invlpg" OTHER READ, OPEN, 2},
	{"an upper entry, another page that was never used", WAY TO_T7 "read user" OTHER, OPEN, 2},
	{"an upper entry, INVLPG, another page that was never used",
	 WAY TO_T7 "invlpg" PAGE "read user" OTHER, SURE, 1},
	/* Whoever goes by t6 now cannot have seen what it was before t5 led to it again. */
	{"a leaf that is newer than its way",
	 WAY "set t5 1 0x607007\ninvlpg" PAGE "set t6 1 0x622067\nset t5 1 0x606027\n" READ, SURE,
	 1},
	{"a leaf that is as old as its way",
	 WAY "set t5 1 0x607007\ninvlpg" PAGE "set t5 1 0x606027\nset t6 1 0x622067\n" READ, OPEN,
	 2},

	{"a page that was not there",
	 "set t0 1 0x604027\nset t4 1 0x605027\n"
	 "set t5 1 0x606027\n" READ "set t6 1 0x620067\n" READ,
	 SURE, 1},
	{"rights are given", WAY "set t6 1 0x620025\ninvlpg" PAGE "set t6 1 0x620027\n" WRITE, OPEN,
	 2},
	{"rights are taken", WAY "set t6 1 0x620065\n" WRITE, OPEN, 2},
	{"a page with a reserved bit", WAY "invlpg" PAGE "set t6 1 0x8000000620067\n" TO_D1 READ,
	 OPEN, 2},
	/* Before it was changed it was never used: A is clear. */
	{"a page that was never used",
	 WAY "set t6 1 0x621007\ninvlpg" PAGE "set t6 1 0x622007\n" READ, SURE, 1},
	{"A is cleared", WAY "set t6 1 0x620047\n" READ, OPEN, 2},
	{"A is cleared, and INVLPG", WAY "set t6 1 0x620047\ninvlpg" PAGE READ, SURE, 1},

	{"a page fault forgets",
	 WAY "set t6 1 0x621065\nset t6 1 0\ninvlpg" PAGE "set t6 1 0x620063\n" READ
	     "set t6 1 0x621067\n" READ,
	 OPEN, 2},
	{"CR0.WP counts at once",
	 WAY "set t6 1 0x620065\ninvlpg" PAGE "wp 0\nwrite kernel 0x8040201008 0x10\n", SURE, 1},
	{"EFER.NXE is followed by a flush", WAY TO_D1 "nxe 0\n" READ, SURE, 1},

	{"a page of 2 MiB, INVLPG anywhere in it",
	 WAY "set t5 1 0x2000e7\nflush\n" READ "set t5 1 0x8000e7\ninvlpg" OTHER READ, SURE, 1},
	{"2 MiB instead of 4 KiB", WAY "set t5 1 0x2000e7\n" READ, OPEN, 2},
	{"a page outside the world", WAY "set t6 1 0xa00067\ninvlpg" PAGE READ, LEFT_OUT, 1},
	{"code that cannot be read", WAY "smap 1\nset t6 1 0x620067\nfetch kernel 0x8040201008\n",
	 LEFT_OUT, 0},
	{"more values than are kept",
	 WAY "set t6 1 0x621067\nset t6 1 0x622067\nset t6 1 0x623067\nset t6 1 0x624067\n"
	     "set t6 1 0x625067\nset t6 1 0x626067\nset t6 1 0x627067\nset t6 1 0x628067\n"
	     "set t6 1 0x629067\nset t6 1 0x62a067\n" READ,
	 LEFT_OUT, 0},
};

static enum fuzz_verdict tell_on(struct fuzz_model *m, bool lapses, const char *name,
				 const char *story)
{
	const struct fuzz_facts facts = {.levels = 4,
					 .maxphyaddr = 40,
					 .has_1g = true,
					 .fault_forgets = true,
					 .smap_lapses = lapses,
					 .offered = FUZZ_HAS_ALL};
	char text[2048];
	struct fuzz_outcome must;
	struct fuzz_program p;
	struct pn_error err;
	enum fuzz_verdict verdict = FUZZ_SURE;
	FILE *file;

	snprintf(text, sizeof(text), "penumbra-fuzz 1\nlevels 4\n%s", story);
	file = fmemopen(text, strlen(text), "r");
	assert_non_null(file);
	if (fuzz_program_read(&p, file, name, &err))
		fail_msg("%s", err.text);
	fclose(file);
	fuzz_model_reset(m, &facts);
	for (size_t i = 0; i < p.count; i++)
		verdict = fuzz_do(m, &p.op[i], &must);
	fuzz_program_free(&p);
	return verdict;
}

static enum fuzz_verdict tell(struct fuzz_model *m, const char *name, const char *story)
{
	return tell_on(m, false, name, story);
}

/* Where it may lapse, SMAP lapses for one page, and for reads and writes under CR0.WP clear only. */
static void smap_lapses_where_the_kernel_has_written(void **state)
{
	static const struct {
		const char *name, *end;
		int verdict;
		unsigned chains;
	} ends[] = {
		{"a read", "read kernel" PAGE, OPEN, 2},
		{"a write", "write kernel 0x8040201008 0x11\n", OPEN, 2},
		{"of ring 3", READ, SURE, 1},
		{"with AC", "read kernel-ac" PAGE, SURE, 1},
		{"under CR0.WP", "wp 1\nread kernel" PAGE, SURE, 1},
		{"another page", "read kernel" OTHER, SURE, 1},
	};
	static const struct {
		const char *leaf, *who;
		bool lapses;
	} ways[] = {
		{"0x620065", "kernel-ac", true}, {"0x620067", "kernel-ac", false}, /* it lets it */
	};
	struct fuzz_model *m = fuzz_model_new();
	char story[512];

	(void)state;
	assert_non_null(m);
	for (size_t w = 0; w < COUNT(ways); w++)
		for (size_t i = 0; i < COUNT(ends); i++) {
			snprintf(story, sizeof(story),
				 WAY "set t6 3 0x621065\nread user" OTHER
				     "set t6 1 %s\nflush\nsmap 1\nwp 0\n"
				     "write %s 0x8040201008 0x10\n%s",
				 ways[w].leaf, ways[w].who, ends[i].end);
			CHECK_NUMBER(ends[i].name, "verdict", tell_on(m, true, ends[i].name, story),
				     ways[w].lapses ? ends[i].verdict : SURE);
			CHECK_NUMBER(ends[i].name, "number of ways", m->chains,
				     ways[w].lapses ? ends[i].chains : 1);
		}
	fuzz_model_free(m);
}

static void stories_end_as_the_manual_has_it(void **state)
{
	struct fuzz_model *m = fuzz_model_new();

	(void)state;
	assert_non_null(m);
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum fuzz_verdict verdict = tell(m, cases[i].name, cases[i].story);

		CHECK_NUMBER(cases[i].name, "verdict", verdict, cases[i].verdict);
		if (verdict != FUZZ_SKIPPED)
			CHECK_NUMBER(cases[i].name, "number of ways", m->chains, cases[i].chains);
	}
	fuzz_model_free(m);
}

/* The words as a guest has left them. */
static void take_words(struct fuzz_model *m, uint64_t words[FUZZ_WORDS], uint64_t *live[FUZZ_WORDS])
{
	for (unsigned w = 0; w < FUZZ_WORDS; w++) {
		words[w] = *m->at[w];
		live[w] = &words[w];
	}
}

static void an_open_read_is_either_page_s_and_no_other(void **state)
{
	static uint64_t words[FUZZ_WORDS];
	uint64_t *live[FUZZ_WORDS];
	struct fuzz_model *m = fuzz_model_new();
	static const struct {
		uint64_t value;
		bool allowed, fresh;
	} got[] = {{0x100, true, false}, {0x110, true, true}, {0x120, false, false}};

	(void)state;
	for (size_t i = 0; i < COUNT(got); i++) {
		struct fuzz_outcome o = {.vector = FUZZ_UD, .value = got[i].value};
		bool fresh = !got[i].fresh;
		char why[200];

		assert_int_equal(
			tell(m, "read",
			     "set d0 1 0x100\nset d1 1 0x110\nset d2 1 0x120\n" WAY TO_D1 READ),
			FUZZ_OPEN);
		take_words(m, words, live);
		assert_int_equal(fuzz_settle(m, &o, live, &fresh, why, sizeof(why)),
				 got[i].allowed);
		if (got[i].allowed)
			assert_int_equal(fresh, got[i].fresh);
		else
			CHECK_CONTAINS("read", why, "none of 2 allowed");
	}
	fuzz_model_free(m);
}

static void an_open_write_is_found_where_it_went(void **state)
{
	static uint64_t words[FUZZ_WORDS];
	uint64_t *live[FUZZ_WORDS];
	struct fuzz_model *m = fuzz_model_new();
	static const struct {
		unsigned frame;
		bool allowed;
	} went[] = {{0, true}, {1, true}, {2, false}};

	(void)state;
	for (size_t i = 0; i < COUNT(went); i++) {
		const struct fuzz_outcome o = {.vector = FUZZ_UD};
		unsigned word = fuzz_word(FUZZ_TABLES + went[i].frame, 0);
		char why[200];
		bool fresh;

		assert_int_equal(tell(m, "write", WAY TO_D1 WRITE), FUZZ_OPEN);
		take_words(m, words, live);
		words[word] = 0x10;
		assert_int_equal(fuzz_settle(m, &o, live, &fresh, why, sizeof(why)),
				 went[i].allowed);
		if (went[i].allowed)
			assert_int_equal(*m->at[word], 0x10);
	}
	/* Not done at all is no way either. */
	assert_int_equal(tell(m, "write", WAY TO_D1 WRITE), FUZZ_OPEN);
	take_words(m, words, live);
	{
		const struct fuzz_outcome o = {.vector = FUZZ_UD};
		char why[200];
		bool fresh;

		assert_false(fuzz_settle(m, &o, live, &fresh, why, sizeof(why)));
	}
	fuzz_model_free(m);
}

static void a_flag_that_nobody_set_is_told(void **state)
{
	static uint64_t words[FUZZ_WORDS];
	uint64_t *live[FUZZ_WORDS];
	struct fuzz_model *m = fuzz_model_new();
	char why[200];

	(void)state;
	tell(m, "flags", WAY);
	take_words(m, words, live);
	assert_true(fuzz_same_words(m, live, why, sizeof(why)));
	words[fuzz_word(6, 1)] |= 0x20;
	assert_false(fuzz_same_words(m, live, why, sizeof(why)));
	CHECK_CONTAINS("flags", why, "t6[3] is 0x20, and not 0x0");
	fuzz_model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stories_end_as_the_manual_has_it),
		cmocka_unit_test(smap_lapses_where_the_kernel_has_written),
		cmocka_unit_test(an_open_read_is_either_page_s_and_no_other),
		cmocka_unit_test(an_open_write_is_found_where_it_went),
		cmocka_unit_test(a_flag_that_nobody_set_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
