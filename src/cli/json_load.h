/* SPDX-License-Identifier: MIT */
/* JSON files, which are whoever's. */
#ifndef CLI_JSON_LOAD_H
#define CLI_JSON_LOAD_H

#include <jansson.h>

/* Reads a file, to be let go; no name may stand twice in an object. NULL, and a line that says why. */
json_t *cli_json_load(const char *path);

#endif
