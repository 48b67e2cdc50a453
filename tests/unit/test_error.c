/* SPDX-License-Identifier: MIT */
/* Errors: a name for every code, one line for every failure, whatever is put into it. */
#include "check.h"

#include "error.h"

#include <errno.h>

static void every_code_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(pn_code_name(PN_OK), "PN_OK");
	assert_string_equal(pn_code_name(PN_ERR_NOMEM), "PN_ERR_NOMEM");
	assert_string_equal(pn_code_name(PN_ERR_OVERLAP), "PN_ERR_OVERLAP");
	assert_string_equal(pn_code_name(PN_ERR_STATE), "PN_ERR_STATE");
	for (int code = -1; code >= PN_ERR_STATE; code--)
		if (strncmp(pn_code_name(code), "PN_ERR_", 7) != 0)
			fail_msg("code %d is \"%s\"", code, pn_code_name(code));
	assert_string_equal(pn_code_name(PN_ERR_STATE - 1), "unknown");
	assert_string_equal(pn_code_name(1), "unknown");
	assert_string_equal(pn_code_name(INT32_MIN), "unknown");
	assert_string_equal(pn_code_name(INT32_MAX), "unknown");
}

static void a_failure_fills_in_code_and_line_and_returns_the_code(void **state)
{
	struct pn_error err;

	(void)state;
	assert_int_equal(pn_fail(&err, PN_ERR_OVERLAP, "slot %d", 7), PN_ERR_OVERLAP);
	assert_int_equal(err.code, PN_ERR_OVERLAP);
	assert_string_equal(err.text, "slot 7");
	errno = ENOSPC;
	assert_int_equal(pn_fail_errno(&err, PN_ERR_SYSTEM, "%s", "file"), PN_ERR_SYSTEM);
	assert_string_equal(err.text, "file: No space left on device");
	assert_int_equal(pn_fail(NULL, PN_ERR_STATE, "nobody asks"), PN_ERR_STATE);
	assert_int_equal(pn_fail_errno(NULL, PN_ERR_STATE, "nobody asks"), PN_ERR_STATE);
}

static void a_line_too_long_is_cut(void **state)
{
	static char path[1000];
	struct pn_error err;

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	pn_fail(&err, PN_ERR_IMAGE, "%s: cannot be opened", path);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	errno = ENOENT;
	pn_fail_errno(&err, PN_ERR_IMAGE, "%s: cannot be opened", path);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void control_characters_cannot_break_a_line(void **state)
{
	struct pn_error err;

	(void)state;
	pn_fail(&err, PN_ERR_IMAGE, "%s: not a file", "a\nb\033[2J\177\tc");
	CHECK_ONE_LINE("pn_fail", err.text);
	errno = ENOENT;
	pn_fail_errno(&err, PN_ERR_IMAGE, "%s", "a\rb");
	CHECK_ONE_LINE("pn_fail_errno", err.text);
	/* Letters past ASCII are letters. */
	pn_fail(&err, PN_ERR_IMAGE, "%s", "g\303\244st.elf");
	assert_string_equal(err.text, "g\303\244st.elf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_its_name),
		cmocka_unit_test(a_failure_fills_in_code_and_line_and_returns_the_code),
		cmocka_unit_test(a_line_too_long_is_cut),
		cmocka_unit_test(control_characters_cannot_break_a_line),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
