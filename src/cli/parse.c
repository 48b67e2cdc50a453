/* SPDX-License-Identifier: MIT */
/* Numbers on the command line. */
#include "cli/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The number at the front of `text`; what follows it is left at *rest. */
static bool leading_count(const char *text, uint64_t *value, char **rest)
{
	/* strtoull would take white space and a sign. */
	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*value = strtoull(text, rest, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	return errno == 0;
}

bool parse_count(const char *text, uint64_t *value)
{
	char *rest;

	return leading_count(text, value, &rest) && *rest == 0;
}

bool parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *unit;
	unsigned shift;
	char *rest;

	if (!leading_count(text, bytes, &rest))
		return false;
	if (*rest == 0)
		return true;
	unit = strchr(units, toupper((unsigned char)*rest));
	if (!unit || !*unit)
		return false;
	rest++;
	if (*rest && strcasecmp(rest, "B") != 0 && strcasecmp(rest, "iB") != 0)
		return false;
	shift = 10 * (unsigned)(unit - units + 1);
	if (*bytes > UINT64_MAX >> shift)
		return false;
	*bytes <<= shift;
	return true;
}

bool parse_seconds(const char *text, uint64_t *ns)
{
	char *rest;
	double seconds;

	/* strtod would take signs, exponents, hexadecimal, "inf" and "nan". */
	if (text[strspn(text, "0123456789.")])
		return false;
	seconds = strtod(text, &rest);
	if (*rest || !(seconds >= 1e-9) || seconds > PARSE_SECONDS_MAX)
		return false;
	*ns = (uint64_t)(seconds * 1e9);
	return true;
}
