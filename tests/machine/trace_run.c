/* SPDX-License-Identifier: MIT */
#include "trace_run.h"

#include "fixture.h"

#include <stdlib.h>
#include <unistd.h>

void trace_run(struct trace_run *t, const char *const *options)
{
	trace_run_one(t, options, "all");
}

void trace_run_one(struct trace_run *t, const char *const *options, const char *workload)
{
	const char *arguments[24] = {"run", "--timeout=110", "--no-warnings"};
	char trace[48], stats[48];
	unsigned n = 3;

	skip_without(PAGELAB);
	strcpy(t->trace, "/tmp/penumbra-trace.XXXXXX");
	strcpy(t->stats, "/tmp/penumbra-stats.XXXXXX");
	close(mkstemp(t->trace));
	close(mkstemp(t->stats));
	snprintf(trace, sizeof(trace), "--trace=%s", t->trace);
	snprintf(stats, sizeof(stats), "--stats-file=%s", t->stats);
	arguments[n++] = trace;
	arguments[n++] = stats;
	for (unsigned i = 0; options[i]; i++)
		arguments[n++] = options[i];
	arguments[n++] = PAGELAB;
	arguments[n++] = "--";
	arguments[n++] = workload;
	arguments[n] = NULL;
	process_run(&t->process, arguments);
	if (t->process.status != 0)
		fail_msg("status %d: %s", t->process.status, t->process.err);
	t->json = json_load_file(t->stats, 0, NULL);
	unlink(t->stats);
	assert_non_null(t->json);
}

void trace_run_free(struct trace_run *t)
{
	json_decref(t->json);
	t->json = NULL;
	unlink(t->trace);
}

long long trace_run_number(const struct trace_run *t, const char *in, const char *member)
{
	json_t *object = in ? json_object_get(t->json, in) : t->json;
	json_t *value = json_object_get(object, member);

	if (!json_is_integer(value))
		fail_msg("%s is no integer", member);
	return json_integer_value(value);
}

struct trace_sum *trace_sum(const char *path)
{
	struct trace_sum *s = malloc(sizeof(*s));
	struct pn_error err;
	int count;

	assert_non_null(s);
	if (trace_open(&s->reader, path, &err))
		fail_msg("%s", err.text);
	assert_int_equal(
		trace_summary_init(&s->summary, &s->reader.symbols, trace_last_ns(&s->reader)),
		PN_OK);
	while ((count = trace_read(&s->reader, &err)) > 0)
		for (int i = 0; i < count; i++)
			trace_summary_add(&s->summary, &s->reader.batch[i]);
	assert_int_equal(count, 0);
	trace_summary_end(&s->summary);
	return s;
}

void trace_sum_free(struct trace_sum *s)
{
	trace_summary_fini(&s->summary);
	trace_close(&s->reader);
	free(s);
}

struct pn_trace_record *trace_records(const char *path, size_t *count)
{
	struct trace_reader *r = malloc(sizeof(*r));
	struct pn_trace_record *all = NULL;
	struct pn_error err;
	int n;

	assert_non_null(r);
	if (trace_open(r, path, &err))
		fail_msg("%s", err.text);
	*count = 0;
	while ((n = trace_read(r, &err)) > 0) {
		all = realloc(all, (*count + (size_t)n) * sizeof(*all));
		assert_non_null(all);
		memcpy(&all[*count], r->batch, (size_t)n * sizeof(*all));
		*count += (size_t)n;
	}
	assert_int_equal(n, 0);
	trace_close(r);
	free(r);
	return all;
}

struct pn_trace_record *trace_script(struct process *p, const char *option,
				     const char *const *options, const char *const *script,
				     size_t *count)
{
	char path[] = "/tmp/penumbra-trace.XXXXXX", trace[48];
	const char *arguments[30] = {"run", "--timeout=110", "--no-warnings"};
	struct pn_trace_record *r;
	unsigned n = 3;

	close(mkstemp(path));
	snprintf(trace, sizeof(trace), "--trace=%s", path);
	arguments[n++] = trace;
	if (option)
		arguments[n++] = option;
	while (*options)
		arguments[n++] = *options++;
	arguments[n++] = SCRIPT;
	arguments[n++] = "--";
	while (*script)
		arguments[n++] = *script++;
	arguments[n] = NULL;
	process_run(p, arguments);
	if (p->status != 7)
		fail_msg("status %d: %s", p->status, p->err);
	r = trace_records(path, count);
	unlink(path);
	return r;
}
