/* SPDX-License-Identifier: MIT */
/* Filling in struct pn_error, and the names of its codes. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Names of files and symbols are hostile: none may break the line or talk to the terminal. */
static void keep_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static void fill(struct pn_error *err, int code, const char *format, va_list args)
{
	err->code = code;
	vsnprintf(err->text, sizeof(err->text), format, args);
	keep_one_line(err->text);
}

int pn_fail(struct pn_error *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	fill(err, code, format, args);
	va_end(args);
	return code;
}

int pn_fail_errno(struct pn_error *err, int code, const char *format, ...)
{
	int saved = errno;
	va_list args;
	size_t used;

	if (!err)
		return code;
	va_start(args, format);
	fill(err, code, format, args);
	va_end(args);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(saved));
	return code;
}

#define NAME(code) [-(code)] = #code

const char *pn_code_name(int code)
{
	static const char *const names[] = {
		NAME(PN_OK),
		NAME(PN_ERR_NOMEM),
		NAME(PN_ERR_SYSTEM),
		NAME(PN_ERR_NO_KVM),
		NAME(PN_ERR_HOST_LACKS),
		NAME(PN_ERR_ARGUMENT),
		NAME(PN_ERR_ZERO_SIZE),
		NAME(PN_ERR_MISALIGNED),
		NAME(PN_ERR_OVERFLOW),
		NAME(PN_ERR_OVERLAP),
		NAME(PN_ERR_SLOT_LIMIT),
		NAME(PN_ERR_NOT_MAPPED),
		NAME(PN_ERR_PARTIAL),
		NAME(PN_ERR_IMAGE),
		NAME(PN_ERR_STATE),
	};
	const int count = sizeof(names) / sizeof(names[0]);

	return code > 0 || code <= -count ? "unknown" : names[-code];
}
