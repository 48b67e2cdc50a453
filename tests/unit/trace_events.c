/* SPDX-License-Identifier: MIT */
#include "trace_events.h"

#include "check.h"

#define THREADS 257
#define FLOWS	65536

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
	if (phase == 'C')
		json_object_foreach(args, key, value) if (!json_is_number(value))
			reject(event, key);
}

/* Time of a flow's start by its id; negative: no such flow. */
static double started[FLOWS];

static void check_flow(const json_t *event, char phase, double ts)
{
	json_int_t id = json_integer_value(json_object_get(event, "id"));

	if (id < 0 || id >= FLOWS)
		reject(event, "id");
	if (phase == 's' && started[id] >= 0)
		reject(event, "a second start");
	if (phase == 'f' && (started[id] < 0 || started[id] > ts))
		reject(event, "an end before its start");
	started[id] = phase == 's' ? ts : -1;
}

json_t *trace_events_check(const char *text, struct trace_events *found)
{
	static double last[THREADS];
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error), *events, *event;
	size_t i;

	memset(found, 0, sizeof(*found));
	memset(last, 0, sizeof(last));
	for (i = 0; i < FLOWS; i++)
		started[i] = -1;
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
			check_flow(event, phase, ts);
		if (phase != 'X' && phase != 'i')
			continue;
		if (ts < last[tid])
			reject(event, "goes back in time");
		last[tid] = ts;
	}
	for (i = 0; i < FLOWS; i++)
		if (started[i] >= 0)
			fail_msg("flow %zu has no end", i);
	return root;
}
