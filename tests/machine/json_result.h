/* SPDX-License-Identifier: MIT */
/* What a command has printed with --json. */
#ifndef TESTS_MACHINE_JSON_RESULT_H
#define TESTS_MACHINE_JSON_RESULT_H

#include "process.h"

#include <jansson.h>

/* The object, to be let go; the command must have ended with `status`. */
static inline json_t *result_of(const struct process *p, int status)
{
	json_t *result;

	if (p->status != status)
		fail_msg("status %d:\n%s%s", p->status, p->out, p->err);
	result = json_loads(p->out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(result);
	return result;
}

/* A member that must be a whole number. */
static inline json_int_t number(const json_t *o, const char *name)
{
	assert_true(json_is_integer(json_object_get(o, name)));
	return json_integer_value(json_object_get(o, name));
}

#endif
