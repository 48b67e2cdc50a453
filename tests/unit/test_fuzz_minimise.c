/* SPDX-License-Identifier: MIT */
/* The minimiser, on faults that are planted in a predicate. */
#include "check.h"
#include "fuzz/generate.h"
#include "fuzz/minimise.h"
#include "memory/format.h"

/* Bad is what has these operations in this order, whatever is between. */
static const uint8_t wanted[] = {FUZZ_COPY, FUZZ_FLUSH, FUZZ_WRITE};

struct planted {
	unsigned asked;
};

static bool has_wanted(void *arg, const struct fuzz_program *p)
{
	struct planted *planted = arg;
	size_t found = 0;

	planted->asked++;
	for (size_t i = 0; i < p->count && found < COUNT(wanted); i++)
		found += p->op[i].kind == wanted[found];
	return found == COUNT(wanted);
}

static void only_what_matters_is_left(void **state)
{
	struct fuzz_model *model = fuzz_model_new();

	(void)state;
	for (uint64_t n = 0; n < 20; n++) {
		struct planted planted = {0};
		struct fuzz_program p = {0};

		assert_true(fuzz_generate(model, 2, n, FUZZ_PROGRAM_STEPS, &p));
		if (!has_wanted(&planted, &p)) {
			fuzz_program_free(&p);
			continue;
		}
		fuzz_reduce(&p, has_wanted, &planted);
		assert_int_equal(p.count, COUNT(wanted));
		for (size_t i = 0; i < COUNT(wanted); i++)
			assert_int_equal(p.op[i].kind, wanted[i]);
		/* Not one by one from a thousand. */
		assert_true(planted.asked < 400);
		fuzz_program_free(&p);
	}
	fuzz_model_free(model);
}

/* Bad is an entry that is present and not writable. */
static bool has_read_only(void *arg, const struct fuzz_program *p)
{
	(void)arg;
	for (size_t i = 0; i < p->count; i++)
		if (p->op[i].kind == FUZZ_SET &&
		    (p->op[i].value & (PTE_PRESENT | PTE_WRITE)) == PTE_PRESENT)
			return true;
	return false;
}

static void bits_that_do_not_matter_go(void **state)
{
	struct fuzz_program p = {.levels = 4};
	const struct fuzz_op op = {.kind = FUZZ_SET,
				   .value = PTE_PRESENT | PTE_USER | PTE_NX | PTE_GLOBAL |
					    PTE_ACCESSED | PTE_DIRTY | PTE_PKEY};

	(void)state;
	assert_true(fuzz_program_add(&p, &op));
	fuzz_reduce(&p, has_read_only, NULL);
	assert_int_equal(p.count, 1);
	assert_int_equal(p.op[0].value, PTE_PRESENT | PTE_USER);
	fuzz_program_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_matters_is_left),
		cmocka_unit_test(bits_that_do_not_matter_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
