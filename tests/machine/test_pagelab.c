/* SPDX-License-Identifier: MIT */
#include "groups.h"
static void none(void **state)
{
	(void)state;
}
static const struct CMUnitTest tests[] = {cmocka_unit_test(none)};
GROUP_OF(pagelab, tests);
