/* SPDX-License-Identifier: MIT */
/* What `run` and `trace` share. */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include <stdint.h>

/* Reads a list of event types into a set of bits. Returns 0, or CLI_FAILED after a line. */
int cli_trace_filter(const char *list, uint32_t *types);

#endif
