/* SPDX-License-Identifier: MIT */
/* What diffs are made with: records put in order, and two lists aligned. */
#include "trace_fixture.h"

#include "trace/diff/align.h"
#include "trace/sorter.h"

#include <stdlib.h>

/* --- The sorter --- */

static void records_a_little_late_are_put_in_order(void **state)
{
	struct pn_trace_record r = {0}, out;
	uint64_t last = 0, given = 0;
	struct sorter s;

	(void)state;
	assert_true(sorter_init(&s));
	for (uint64_t i = 0; i < 5 * SORTER_ROOM; i++) {
		/* Blocks of a hundred, each from its end to its begin; number: what came first. */
		r.time = i / 100 * 100 + 99 - i % 100;
		r.number = (uint32_t)i;
		if (!sorter_put(&s, &r, &out))
			continue;
		assert_true(out.time >= last);
		last = out.time;
		given++;
	}
	for (; sorter_take(&s, &out); given++) {
		assert_true(out.time >= last);
		last = out.time;
	}
	assert_int_equal(given, 5 * SORTER_ROOM);
	/* One that is later than all that is held comes out at once, and nothing is lost. */
	for (uint64_t i = 0; i < SORTER_ROOM; i++) {
		r.time = 1000 + i;
		assert_false(sorter_put(&s, &r, &out));
	}
	r.time = 5;
	assert_true(sorter_put(&s, &r, &out));
	assert_int_equal(out.time, 5);
	sorter_fini(&s);
}

static void records_of_one_time_stay_as_they_came(void **state)
{
	struct pn_trace_record r = {.time = 7}, out;
	struct sorter s;
	uint32_t want = 0;

	(void)state;
	assert_true(sorter_init(&s));
	for (uint32_t i = 0; i < 1000; i++) {
		r.number = i;
		assert_false(sorter_put(&s, &r, &out));
	}
	while (sorter_take(&s, &out))
		assert_int_equal(out.number, want++);
	assert_int_equal(want, 1000);
	sorter_fini(&s);
}

/* --- Alignment --- */

struct lists {
	const char *text[2]; /* an event a character */
	size_t at[2], same, only[2];
	size_t repeat; /* the texts come so often */
	char out[256]; /* same: the character; different: [a|b] */
};

static bool next(void *arg, unsigned side, struct align_event *event)
{
	struct lists *l = arg;
	size_t len = strlen(l->text[side]);

	if (l->at[side] == len * l->repeat)
		return false;
	*event = (struct align_event){.key = (unsigned char)l->text[side][l->at[side] % len],
				      .number = l->at[side]};
	l->at[side]++;
	return true;
}

static void add(struct lists *l, const char *text, size_t n)
{
	size_t len = strlen(l->out);

	if (len + n < sizeof(l->out))
		memcpy(l->out + len, text, n);
}

static void same(void *arg, const struct align_event *a, const struct align_event *b)
{
	struct lists *l = arg;

	assert_int_equal(a->key, b->key);
	l->same++;
	add(l, (const char[]){(char)a->key}, 1);
}

static void differ(void *arg, const struct align_event *a, size_t a_count,
		   const struct align_event *b, size_t b_count)
{
	struct lists *l = arg;

	assert_true(a_count + b_count > 0);
	l->only[0] += a_count;
	l->only[1] += b_count;
	add(l, "[", 1);
	for (size_t i = 0; i < a_count; i++)
		add(l, (const char[]){(char)a[i].key}, 1);
	add(l, "|", 1);
	for (size_t i = 0; i < b_count; i++)
		add(l, (const char[]){(char)b[i].key}, 1);
	add(l, "]", 1);
}

static void run(struct lists *l)
{
	const struct align_handler handler = {next, same, differ, l};

	assert_true(align(&handler));
	assert_int_equal(l->same + l->only[0], strlen(l->text[0]) * l->repeat);
	assert_int_equal(l->same + l->only[1], strlen(l->text[1]) * l->repeat);
}

static const struct {
	const char *a, *b, *want;
} pairs[] = {
	{"", "", ""},
	{"abc", "abc", "abc"},
	{"abc", "", "[abc|]"},
	{"", "abc", "[|abc]"},
	{"abcdefgh", "abXcdefgh", "ab[|X]cdefgh"},
	{"abXYcdefgh", "abcdefgh", "ab[XY|]cdefgh"},
	{"abXcdefgh", "abYcdefgh", "ab[X|Y]cdefgh"},
	{"abcd", "wxyz", "[abcd|wxyz]"},
	{"abcdX", "abcd", "abcd[X|]"},
	{"aaaaaaaa", "aaaaaa", "aaaaaa[aa|]"},
	/* One in common by chance is not where they meet again, but it is in common. */
	{"abQRSTcdefgh", "abcRdefghi", "ab[QRST|]c[|R]defgh[|i]"},
	{"abcdfXfXfXefgh", "abcdXXXefgh", "abcd[f|]X[f|]X[f|]Xefgh"},
	{"abcdXXXefgh", "abcdXgXgXgefgh", "abcdX[|g]X[|g]X[|g]efgh"},
};

static void lists_meet_again_where_they_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct lists l = {.text = {pairs[i].a, pairs[i].b}, .repeat = 1};

		run(&l);
		if (strcmp(l.out, pairs[i].want) != 0)
			fail_msg("%s, %s: %s, and not %s", pairs[i].a, pairs[i].b, l.out,
				 pairs[i].want);
	}
}

/* Lists much longer than what is in view, with nothing in common, or all. */
static void lists_of_any_length_are_aligned(void **state)
{
	struct lists l = {.text = {"abcdefghij", "abcdefghij"}, .repeat = 20000};

	(void)state;
	run(&l);
	assert_int_equal(l.same, 200000);
	l = (struct lists){.text = {"abcde", "vwxyz"}, .repeat = 2000};
	run(&l);
	assert_int_equal(l.same, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_a_little_late_are_put_in_order),
		cmocka_unit_test(records_of_one_time_stay_as_they_came),
		cmocka_unit_test(lists_meet_again_where_they_agree),
		cmocka_unit_test(lists_of_any_length_are_aligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
