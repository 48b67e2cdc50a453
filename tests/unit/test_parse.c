/* SPDX-License-Identifier: MIT */
/* Numbers on the command line: what is taken, with its value, and what is refused as a whole. */
#include "check.h"

#include "cli/parse.h"

#define KIB(n) (UINT64_C(n) << 10)
#define MIB(n) (UINT64_C(n) << 20)
#define GIB(n) (UINT64_C(n) << 30)
#define TIB(n) (UINT64_C(n) << 40)
#define NO     false
#define YES    true

struct parse_case {
	const char *text;
	bool taken;
	uint64_t value;
};

static void check(const char *what, bool (*parse)(const char *, uint64_t *),
		  const struct parse_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct parse_case *c = &cases[i];
		uint64_t value = 0;
		bool taken = parse(c->text, &value);

		if (taken != c->taken)
			fail_msg("%s \"%s\" is %s", what, c->text, taken ? "taken" : "refused");
		if (taken && value != c->value)
			fail_msg("%s \"%s\" is %llu, and not %llu", what, c->text,
				 (unsigned long long)value, (unsigned long long)c->value);
	}
}

static const struct parse_case counts[] = {
	{"0", YES, 0},
	{"1", YES, 1},
	{"007", YES, 7},
	{"010", YES, 10}, /* no octal */
	{"0x10", YES, 16},
	{"0XfF", YES, 255},
	{"18446744073709551615", YES, UINT64_MAX},
	{"0xffffffffffffffff", YES, UINT64_MAX},
	{"18446744073709551616", NO, 0},
	{"0x10000000000000000", NO, 0},
	{"99999999999999999999999", NO, 0},
	{"", NO, 0},
	{" 1", NO, 0},
	{"1 ", NO, 0},
	{"\t1", NO, 0},
	{"-1", NO, 0},
	{"+1", NO, 0},
	{"1k", NO, 0},
	{"1.0", NO, 0},
	{"1e3", NO, 0},
	{"x1", NO, 0},
	{"0x", NO, 0},
	{"0xg", NO, 0},
	{"0x-1", NO, 0},
	{"0x 1", NO, 0},
	{"ten", NO, 0},
};

static void counts_are_decimal_or_hexadecimal(void **state)
{
	(void)state;
	check("count", parse_count, counts, COUNT(counts));
}

static const struct parse_case sizes[] = {
	{"0", YES, 0},
	{"4096", YES, 4096},
	{"0x1000", YES, 4096},
	{"1K", YES, KIB(1)},
	{"1k", YES, KIB(1)},
	{"64M", YES, MIB(64)},
	{"64m", YES, MIB(64)},
	{"64MB", YES, MIB(64)},
	{"64MiB", YES, MIB(64)},
	{"64mib", YES, MIB(64)},
	{"3G", YES, GIB(3)},
	{"2T", YES, TIB(2)},
	{"0x10M", YES, MIB(16)},
	{"16777215T", YES, TIB(16777215)},
	{"16777216T", NO, 0},
	{"18014398509481983K", YES, KIB(18014398509481983)},
	{"18014398509481984K", NO, 0},
	{"18446744073709551616", NO, 0},
	{"", NO, 0},
	{"M", NO, 0},
	{"64MM", NO, 0},
	{"64Mi", NO, 0},
	{"64MiBs", NO, 0},
	{"64B", NO, 0},
	{"64P", NO, 0},
	{"64 M", NO, 0},
	{"64M ", NO, 0},
	{" 64M", NO, 0},
	{"-64M", NO, 0},
	{"+64M", NO, 0},
	{"1.5G", NO, 0},
	{"0x", NO, 0},
	{"lots", NO, 0},
};

static void sizes_have_units_of_powers_of_1024(void **state)
{
	(void)state;
	check("size", parse_size, sizes, COUNT(sizes));
}

#define SECOND UINT64_C(1000000000)

static const struct parse_case seconds[] = {
	{"1", YES, SECOND},
	{"2", YES, 2 * SECOND},
	{"0.25", YES, SECOND / 4},
	{".5", YES, SECOND / 2},
	{"1.", YES, SECOND},
	{"0.000000001", YES, 1},
	{"1000000", YES, 1000000 * SECOND},
	{"1000000.1", NO, 0},
	{"1000001", NO, 0},
	{"0", NO, 0},
	{"0.0", NO, 0},
	{"0.0000000001", NO, 0},
	{"", NO, 0},
	{".", NO, 0},
	{"-1", NO, 0},
	{"+1", NO, 0},
	{" 1", NO, 0},
	{"1 ", NO, 0},
	{"1s", NO, 0},
	{"1,5", NO, 0},
	{"1.2.3", NO, 0},
	{"nan", NO, 0},
	{"inf", NO, 0},
	{"1e400", NO, 0},
	{"0x10", NO, 0}, /* strtod would take it */
};

static void seconds_are_decimal_and_above_zero(void **state)
{
	(void)state;
	check("seconds", parse_seconds, seconds, COUNT(seconds));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_decimal_or_hexadecimal),
		cmocka_unit_test(sizes_have_units_of_powers_of_1024),
		cmocka_unit_test(seconds_are_decimal_and_above_zero),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
