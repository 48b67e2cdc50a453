/* SPDX-License-Identifier: MIT */
#include "trace_events.h"

#include "check.h"

#define THREADS (7 * 256 + 1)
#define FLOWS	65536
#define HOLDS	200 /* flows whose slices are looked for: it is slow */

/* What must be there, for each phase that is used. */
struct need {
	char phase;
	const char *name;
	json_type type;
};

static const struct need needs[] = {
	{'X', "dur", JSON_REAL},    {'X', "cat", JSON_STRING}, {'X', "args", JSON_OBJECT},
	{'i', "s", JSON_STRING},    {'i', "cat", JSON_STRING}, {'C', "args", JSON_OBJECT},
	{'M', "args", JSON_OBJECT}, {'s', "id", JSON_INTEGER}, {'s', "cat", JSON_STRING},
	{'f', "id", JSON_INTEGER},  {'f', "cat", JSON_STRING}, {'f', "bp", JSON_STRING},
	{'b', "id", JSON_INTEGER},  {'b', "cat", JSON_STRING}, {'b', "args", JSON_OBJECT},
	{'e', "id", JSON_INTEGER},  {'e', "cat", JSON_STRING},
};

static const struct need everywhere[] = {
	{0, "name", JSON_STRING},
	{0, "ph", JSON_STRING},
	{0, "pid", JSON_INTEGER},
	{0, "tid", JSON_INTEGER},
};

static void reject(const json_t *event, const char *why)
{
	char *text = json_dumps(event, JSON_COMPACT);

	fail_msg("%s: %s", why, text);
}

static void check_members(const json_t *event, char phase)
{
	bool known = false;

	for (size_t i = 0; i < COUNT(needs); i++) {
		json_t *member = json_object_get(event, needs[i].name);

		if (needs[i].phase != phase)
			continue;
		known = true;
		if (!member || json_typeof(member) != needs[i].type)
			reject(event, needs[i].name);
	}
	if (!known)
		reject(event, "ph");
	if (!json_is_number(json_object_get(event, "ts")))
		reject(event, "ts");
}

static void check_values(const json_t *event, char phase)
{
	json_t *args = json_object_get(event, "args"), *value;
	const char *name = json_string_value(json_object_get(event, "name")), *key;

	if (phase == 'X' && json_real_value(json_object_get(event, "dur")) <= 0)
		reject(event, "dur");
	if (phase == 'i' && !strchr("gpt", *json_string_value(json_object_get(event, "s"))))
		reject(event, "s");
	if (phase == 'M' &&
	    ((strcmp(name, "process_name") != 0 && strcmp(name, "thread_name") != 0) ||
	     !json_is_string(json_object_get(args, "name"))))
		reject(event, "metadata");
	if (phase == 'C' && !json_object_size(args))
		reject(event, "a counter of nothing");
	if (phase == 'C')
		json_object_foreach(args, key, value) if (!json_is_number(value) ||
							  json_number_value(value) < 0)
			reject(event, key);
}

/* --- Slices: those of a thread lie in one another or apart --- */

#define DEPTH 64

struct stack {
	double end[DEPTH]; /* of the slices that are open, the innermost last */
	unsigned depth;
};

/* Thousandths of microseconds are less than a double holds where times are very great. */
static double slack(double ts)
{
	return 1e-4 + ts * 1e-15 * 4;
}

static void check_nesting(struct stack *s, const json_t *event, double ts)
{
	double end = ts + json_real_value(json_object_get(event, "dur"));

	while (s->depth && s->end[s->depth - 1] <= ts + slack(ts))
		s->depth--;
	if (s->depth && end > s->end[s->depth - 1] + slack(end))
		reject(event, "a slice that is only partly in another");
	if (s->depth == DEPTH)
		reject(event, "too deep");
	s->end[s->depth++] = end;
}

/* --- Flows and overlapping slices: both ends, by id --- */

/* Time of the start by id; negative: there is none, or it has ended. */
static double started[2][FLOWS];

static void check_pair(const json_t *event, unsigned kind, bool begins, double ts)
{
	json_int_t id = json_integer_value(json_object_get(event, "id"));
	double *start = started[kind];

	if (id < 0 || id >= FLOWS)
		reject(event, "id");
	if (begins && start[id] >= 0)
		reject(event, "a second start");
	if (!begins && (start[id] < 0 || start[id] > ts))
		reject(event, "an end before its start");
	start[id] = begins ? ts : -1;
}

/* A flow holds on to a slice of its thread at its time: without one it is not drawn. */
static void check_hold(const json_t *events, const json_t *end)
{
	double at = json_number_value(json_object_get(end, "ts"));
	json_int_t tid = json_integer_value(json_object_get(end, "tid"));
	const json_t *event;
	size_t i;

	json_array_foreach(events, i, event)
	{
		double ts = json_number_value(json_object_get(event, "ts"));

		if (*json_string_value(json_object_get(event, "ph")) == 'X' &&
		    json_integer_value(json_object_get(event, "tid")) == tid &&
		    ts <= at + slack(at) &&
		    at <= ts + json_real_value(json_object_get(event, "dur")) + slack(at))
			return;
	}
	reject(end, "a flow without a slice to hold on to");
}

json_t *trace_events_check(const char *text, struct trace_events *found)
{
	static double last[THREADS];
	static struct stack open[THREADS];
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error), *events, *event;
	size_t i;

	memset(found, 0, sizeof(*found));
	memset(last, 0, sizeof(last));
	memset(open, 0, sizeof(open));
	for (i = 0; i < FLOWS; i++)
		started[0][i] = started[1][i] = -1;
	if (!root)
		fail_msg("line %d: %s", error.line, error.text);
	events = json_object_get(root, "traceEvents");
	assert_true(json_is_array(events));
	json_array_foreach(events, i, event)
	{
		char phase;
		double ts;
		json_int_t tid;

		for (size_t k = 0; k < COUNT(everywhere); k++) {
			json_t *member = json_object_get(event, everywhere[k].name);

			if (!member || json_typeof(member) != everywhere[k].type)
				reject(event, everywhere[k].name);
		}
		if (json_string_length(json_object_get(event, "ph")) != 1)
			reject(event, "ph");
		phase = *json_string_value(json_object_get(event, "ph"));
		check_members(event, phase);
		check_values(event, phase);
		found->phase[(unsigned)phase & 127]++;
		ts = json_number_value(json_object_get(event, "ts"));
		tid = json_integer_value(json_object_get(event, "tid"));
		if (tid < 1 || tid >= THREADS)
			reject(event, "tid");
		if (phase == 's' || phase == 'f')
			check_pair(event, 0, phase == 's', ts);
		if (phase == 'b' || phase == 'e')
			check_pair(event, 1, phase == 'b', ts);
		if ((phase == 's' || phase == 'f') && found->phase[(unsigned)phase & 127] <= HOLDS)
			check_hold(events, event);
		if (phase != 'X' && phase != 'i')
			continue;
		if (ts < last[tid])
			reject(event, "goes back in time");
		last[tid] = ts;
		if (phase == 'X')
			check_nesting(&open[tid], event, ts);
	}
	for (i = 0; i < FLOWS; i++)
		if (started[0][i] >= 0 || started[1][i] >= 0)
			fail_msg("flow or slice %zu has no end", i);
	return root;
}
