/* SPDX-License-Identifier: MIT */
#include "cli/json_load.h"

#include "cli/cli.h"

json_t *cli_json_load(const char *path)
{
	json_error_t error;
	json_t *object = json_load_file(path, JSON_REJECT_DUPLICATES, &error);

	if (object)
		return object;
	/* That it cannot be opened, with its name, is at no line. */
	if (error.line > 0)
		cli_fail("%s: line %d: %s", path, error.line, error.text);
	else
		cli_fail("%s", error.text);
	return NULL;
}
