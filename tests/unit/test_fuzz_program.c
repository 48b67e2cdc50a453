/* SPDX-License-Identifier: MIT */
/* Programs of penumbra fuzz: their text, and the generator. */
#include "check.h"
#include "fuzz/generate.h"

#include <stdlib.h>

static char *text_of(const struct fuzz_program *p)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	fuzz_program_print(p, "a comment", file);
	assert_int_equal(fclose(file), 0);
	return text;
}

static int read_text(struct fuzz_program *p, const char *text, struct pn_error *err)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	int code;

	assert_non_null(file);
	code = fuzz_program_read(p, file, "text", err);
	fclose(file);
	return code;
}

static void generate(uint64_t seed, uint64_t number, struct fuzz_program *p)
{
	struct fuzz_model *model = fuzz_model_new();

	assert_non_null(model);
	*p = (struct fuzz_program){0};
	assert_true(fuzz_generate(model, seed, number, FUZZ_PROGRAM_STEPS, p));
	fuzz_model_free(model);
}

static void same_program(const struct fuzz_program *a, const struct fuzz_program *b)
{
	assert_int_equal(a->levels, b->levels);
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct fuzz_op *x = &a->op[i], *y = &b->op[i];
		char what[32];

		snprintf(what, sizeof(what), "operation %zu", i);
		CHECK_NUMBER(what, "kind", y->kind, x->kind);
		CHECK_NUMBER(what, "who", y->who, x->who);
		CHECK_NUMBER(what, "frame", y->frame, x->frame);
		CHECK_NUMBER(what, "other", y->other, x->other);
		CHECK_NUMBER(what, "gva", y->gva, x->gva);
		CHECK_NUMBER(what, "value", y->value, x->value);
	}
}

static void a_program_read_back_is_the_same(void **state)
{
	(void)state;
	for (uint64_t n = 0; n < 40; n++) {
		struct fuzz_program p, back;
		struct pn_error err;
		char *text;

		generate(3, n, &p);
		text = text_of(&p);
		assert_int_equal(read_text(&back, text, &err), 0);
		same_program(&p, &back);
		free(text);
		fuzz_program_free(&p);
		fuzz_program_free(&back);
	}
}

static void the_same_seed_and_number_give_the_same_program(void **state)
{
	struct fuzz_program a, b;

	(void)state;
	generate(7, 5, &a);
	/* The model has been used for another one in between. */
	struct fuzz_model *model = fuzz_model_new();
	struct fuzz_program other = {0};

	b = (struct fuzz_program){0};
	assert_true(fuzz_generate(model, 7, 4, FUZZ_PROGRAM_STEPS, &other));
	assert_true(fuzz_generate(model, 7, 5, FUZZ_PROGRAM_STEPS, &b));
	same_program(&a, &b);
	assert_false(a.count == other.count &&
		     memcmp(a.op, other.op, a.count * sizeof(*a.op)) == 0);
	fuzz_model_free(model);
	fuzz_program_free(&a);
	fuzz_program_free(&b);
	fuzz_program_free(&other);
}

/* What the issue lists is there, in a few programs. */
static void programs_have_every_kind_of_operation(void **state)
{
	unsigned seen[FUZZ_KINDS] = {0}, who[FUZZ_WHOS] = {0}, levels[6] = {0};

	(void)state;
	for (uint64_t n = 0; n < 40; n++) {
		struct fuzz_program p;

		generate(1, n, &p);
		levels[p.levels]++;
		for (size_t i = 0; i < p.count; i++) {
			seen[p.op[i].kind]++;
			who[p.op[i].who] += fuzz_is_access(&p.op[i]);
		}
		fuzz_program_free(&p);
	}
	for (unsigned k = 0; k < FUZZ_KINDS; k++)
		CHECK_TRUE(fuzz_kind_name((enum fuzz_kind)k), seen[k] > 10);
	for (unsigned k = 0; k < FUZZ_WHOS; k++)
		assert_true(who[k] > 10);
	assert_true(levels[4] && levels[5]);
}

/* Complete programs, of which there are three in four, have no access whose outcome is open. */
static void most_programs_leave_nothing_open(void **state)
{
	const struct fuzz_facts facts = {
		.levels = 4, .maxphyaddr = 46, .has_1g = true, .offered = FUZZ_HAS_ALL};
	struct fuzz_model *model = fuzz_model_new();
	unsigned complete = 0, left = 0;

	(void)state;
	for (uint64_t n = 0; n < 40; n++) {
		struct fuzz_program p;
		bool open = false;

		generate(9, n, &p);
		if (p.levels == 4) {
			fuzz_model_reset(model, &facts);
			for (size_t i = 0; i < p.count && !open; i++) {
				struct fuzz_outcome must;

				open = fuzz_do(model, &p.op[i], &must) == FUZZ_OPEN;
			}
			complete += !open;
			left += open;
		}
		fuzz_program_free(&p);
	}
	assert_true(complete > 18 && left > 3);
	fuzz_model_free(model);
}

#define HEAD "penumbra-fuzz 1\nlevels 4\n"

static void what_is_no_program_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "line 0"},
		{"penumbra-fuzz 2\nlevels 4\n", "line 1"},
		{"penumbra-fuzz 1\n", "line 1"},
		{"penumbra-fuzz 1\nlevels 3\n", "line 2"},
		{HEAD "sett t0 1 0x1\n", "line 3"},
		{HEAD "set t0 1\n", "line 3"},
		{HEAD "set t0 1 0x1 0x2\n", "line 3"},
		{HEAD "set t0 2 0x1\n", "line 3"}, /* no index of the world's */
		{HEAD "set t32 1 0x1\n", "line 3"},
		{HEAD "set d30 1 0x1\n", "line 3"},
		{HEAD "set x0 1 0x1\n", "line 3"},
		{HEAD "set t0 1 -1\n", "line 3"},
		{HEAD "set t0 1 0x1ffffffffffffffff\n", "line 3"},
		{HEAD "cr3 t4\n", "line 3"}, /* no root */
		{HEAD "wp 2\n", "line 3"},
		{HEAD "invpcid 4 0x8040201008\n", "line 3"},
		{HEAD "read nobody 0x8040201008\n", "line 3"},
		{HEAD "read user 0x1000\n", "line 3"},		   /* the guest's home */
		{HEAD "read user 0x8040201000\n", "line 3"},	   /* no word */
		{HEAD "read user 0x800000000008\n", "line 3"},	   /* not canonical */
		{HEAD "read user 0xffff804020101008\n", "line 3"}, /* the hypervisor's half */
		{HEAD "read user 0x8040201008", "line 3"},	   /* no end of line */
		{HEAD "sync\n\n# fine\nsink\n", "line 6"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fuzz_program p;
		struct pn_error err;

		CHECK_CODE(cases[i].text, read_text(&p, cases[i].text, &err), PN_ERR_ARGUMENT);
		CHECK_CONTAINS(cases[i].text, err.text, cases[i].says);
		assert_null(p.op);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_read_back_is_the_same),
		cmocka_unit_test(the_same_seed_and_number_give_the_same_program),
		cmocka_unit_test(programs_have_every_kind_of_operation),
		cmocka_unit_test(most_programs_leave_nothing_open),
		cmocka_unit_test(what_is_no_program_is_refused_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
