/* SPDX-License-Identifier: MIT */
/* Filling in struct pn_error: every failure is described once, where it is known best. */
#ifndef ERROR_H
#define ERROR_H

#include <penumbra/penumbra.h>

/*
 * Stores `code` and the formatted line (cut to fit) in *err, which may be NULL; returns `code`, so
 * that a function can fail in one statement.
 */
int pn_fail(struct pn_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with ": " and the text of errno behind the line. */
int pn_fail_errno(struct pn_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
