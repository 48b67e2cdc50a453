/* SPDX-License-Identifier: MIT */
/*
 * What every test file starts with: cmocka and the headers it wants, and comparisons that fail
 * with the name of the case in a table.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <penumbra/penumbra.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An enum pn_code is what it should be. */
#define CHECK_CODE(name, got, want)                                                \
	do {                                                                       \
		int got_ = (got), want_ = (want);                                  \
		if (got_ != want_)                                                 \
			fail_msg("%s: %s, and not %s", (name), pn_code_name(got_), \
				 pn_code_name(want_));                             \
	} while (0)

/* A number is what it should be; `what` names it. */
#define CHECK_NUMBER(name, what, got, want)                                                        \
	do {                                                                                       \
		unsigned long long got_ = (unsigned long long)(got);                               \
		unsigned long long want_ = (unsigned long long)(want);                             \
		if (got_ != want_)                                                                 \
			fail_msg("%s: %s is %llu (0x%llx), and not %llu (0x%llx)", (name), (what), \
				 got_, got_, want_, want_);                                        \
	} while (0)

#define CHECK_TRUE(name, condition)                                     \
	do {                                                            \
		if (!(condition))                                       \
			fail_msg("%s: not so: %s", (name), #condition); \
	} while (0)

/* `text` contains `part`. */
#define CHECK_CONTAINS(name, text, part)                                           \
	do {                                                                       \
		const char *text_ = (text), *part_ = (part);                       \
		if (!strstr(text_, part_))                                         \
			fail_msg("%s: no \"%s\" in \"%s\"", (name), part_, text_); \
	} while (0)

/* An error is told in one line: not empty, no control character in it. */
#define CHECK_ONE_LINE(name, text)                                                                \
	do {                                                                                      \
		const char *text_ = (text);                                                       \
		if (!*text_)                                                                      \
			fail_msg("%s: an empty text", (name));                                    \
		for (const char *c_ = text_; *c_; c_++)                                           \
			if ((unsigned char)*c_ < 0x20 || *c_ == 0x7f)                             \
				fail_msg("%s: byte 0x%02x in \"%s\"", (name), (unsigned char)*c_, \
					 text_);                                                  \
	} while (0)

#endif
