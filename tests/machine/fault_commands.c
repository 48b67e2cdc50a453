/* SPDX-License-Identifier: MIT */
#include "fault_commands.h"

#include "fixture.h"
#include "process.h"

#include "trace/file.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

bool fault_trace_is_right(const char *path, int status, char *why, size_t size)
{
	static struct trace_reader r;
	struct pn_error err;
	int n;

	(void)status;
	if (access(path, F_OK) != 0)
		return true;
	if (trace_open(&r, path, &err)) {
		if (!strstr(err.text, "no trace of Penumbra's") &&
		    !strstr(err.text, "a damaged trace"))
			snprintf(why, size, "%s", err.text);
		return !*why;
	}
	while ((n = trace_read(&r, &err)) > 0)
		;
	if (n)
		snprintf(why, size, "the trace: %s", err.text);
	trace_close(&r);
	return !n;
}

bool fault_json_is_right(const char *path, int status, char *why, size_t size)
{
	json_error_t error;
	json_t *json = NULL;
	struct stat file;

	/* In the sandbox it cannot be removed when the run fails, only be emptied. */
	if (stat(path, &file) || (status && !file.st_size))
		return true;
	json = json_load_file(path, 0, &error);
	if (!json)
		snprintf(why, size, "%s: %s", path, error.text);
	json_decref(json);
	return json != NULL;
}

int fault_traces_make(void **state)
{
	static struct process p;

	(void)state;
	RUN(&p, "run", "--trace=" HW, FAULT);
	if (p.status == 0)
		RUN(&p, "run", "--trace=" SHADOW, "--mmu=shadow", FAULT);
	return p.status;
}

int fault_traces_remove(void **state)
{
	(void)state;
	unlink(HW);
	unlink(SHADOW);
	return 0;
}

void fault_check(const struct complaints *found)
{
	print_message("%u runs\n", found->runs);
	if (found->count)
		fail_msg("%u of %u runs are wrong:\n%s", found->count, found->runs, found->text);
}
