/* SPDX-License-Identifier: MIT */
/* Numbers on the command line. Each function takes the whole text or nothing. */
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* A count: decimal or 0x hexadecimal. */
bool parse_count(const char *text, uint64_t *value);

/* A size in bytes, with K, M, G or T (powers of 1024; "64M", "64MiB", "64MB" alike) behind it. */
bool parse_size(const char *text, uint64_t *bytes);

/* Seconds, "2" or "0.25", above 0 and at most PARSE_SECONDS_MAX, as nanoseconds. */
bool parse_seconds(const char *text, uint64_t *ns);
#define PARSE_SECONDS_MAX 1000000

#endif
