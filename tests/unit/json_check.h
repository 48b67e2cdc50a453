/* SPDX-License-Identifier: MIT */
/*
 * Holds a JSON document against a table of what it is made of: every member of every object is in the
 * table, has the type it says there, and is there.
 */
#ifndef TESTS_UNIT_JSON_CHECK_H
#define TESTS_UNIT_JSON_CHECK_H

#include <jansson.h>
#include <stddef.h>

struct json_rule {
	const char *path; /* "a.b[].c"; "" is the document */
	/* object, array, string, integer (not negative), boolean, address (a string in hexadecimal), pair
	 * (an array of two integers); with ? behind it, null as well. */
	const char *type;
};

/* Fails the test, with the path, at the first thing that is not so. */
void json_check(const json_t *document, const struct json_rule *rules, size_t count);

#endif
