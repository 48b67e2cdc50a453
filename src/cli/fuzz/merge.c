/* SPDX-License-Identifier: MIT */
/*
 * penumbra fuzz merge: the results of a campaign's shards as one. Shards of the same campaign on
 * several hosts are several campaigns: each host must have all of them.
 */
#include "cli/cli.h"
#include "cli/fuzz/fuzz.h"
#include "cli/json_load.h"
#include "cli/options.h"

#include <inttypes.h>
#include <string.h>

static uint64_t get(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

static bool has_numbers(const json_t *o, const char *const names[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!json_is_integer(json_object_get(o, names[i])) ||
		    json_integer_value(json_object_get(o, names[i])) < 0)
			return false;
	return true;
}

static const char *const of_mode[] = {"programs", "steps", "skipped", "user", "faults",
				      "open",	  "old",   "toggles", "exits"};
#define OF_MODE (sizeof(of_mode) / sizeof(of_mode[0]))

static bool has_operations(const json_t *mode)
{
	const json_t *operations = json_object_get(mode, "operations"), *count;
	const char *name;

	json_object_foreach((json_t *)operations, name, count)
	{
		if (!json_is_integer(count) || json_integer_value(count) < 0)
			return false;
	}
	return json_is_object(operations);
}

/* Whether a file is the result of a shard: what is used of it below is there. */
static bool is_result(const json_t *r)
{
	static const char *const of_result[] = {"format", "seed",     "steps", "shard",
						"shards", "programs", "done"};
	const char *name;
	json_t *mode, *found;
	size_t i;

	if (!has_numbers(r, of_result, sizeof(of_result) / sizeof(of_result[0])) ||
	    get(r, "format") != 1 || get(r, "shard") >= get(r, "shards") ||
	    !json_is_string(json_object_get(r, "host")) ||
	    !json_is_boolean(json_object_get(r, "stopped")) ||
	    !json_is_number(json_object_get(r, "seconds")) ||
	    !json_is_object(json_object_get(r, "modes")) ||
	    !json_is_array(json_object_get(r, "divergences")))
		return false;
	json_object_foreach(json_object_get(r, "modes"), name, mode)
	{
		if (!has_numbers(mode, of_mode, OF_MODE) || !has_operations(mode))
			return false;
	}
	json_array_foreach(json_object_get(r, "divergences"), i, found)
	{
		if (!json_is_string(json_object_get(found, "mode")) ||
		    !json_is_string(json_object_get(found, "case")))
			return false;
	}
	return true;
}

/*
 * Adds to a member, which may not be there yet. As all below: false if there is no memory. Files are
 * whoever's, so that a sum may be more than there is room for: it is the highest number then.
 */
static bool add_number(json_t *to, const char *name, json_int_t n)
{
	json_int_t sum;

	if (__builtin_add_overflow(json_integer_value(json_object_get(to, name)), n, &sum))
		sum = INT64_MAX;
	return json_object_set_new(to, name, json_integer(sum)) == 0;
}

static bool add_numbers(json_t *to, const json_t *from, const char *const names[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!add_number(to, names[i], json_integer_value(json_object_get(from, names[i]))))
			return false;
	return true;
}

static bool add_modes(json_t *to, const json_t *from)
{
	const char *name, *operation;
	json_t *mode, *own, *count;

	json_object_foreach((json_t *)from, name, mode)
	{
		own = json_object_get(to, name);
		if (!own) {
			if (json_object_set_new(to, name, json_deep_copy(mode)))
				return false;
			continue;
		}
		if (!add_numbers(own, mode, of_mode, OF_MODE))
			return false;
		own = json_object_get(own, "operations");
		json_object_foreach(json_object_get(mode, "operations"), operation, count)
		{
			if (!add_number(own, operation, json_integer_value(count)))
				return false;
		}
	}
	return true;
}

/* The merged result of a host, made if there is none yet; NULL if there is no memory. */
static json_t *host_of(json_t *merged, const json_t *r)
{
	const char *name = json_string_value(json_object_get(r, "host"));
	json_t *host = json_object_get(merged, name);

	if (host)
		return host;
	host = json_pack("{s:i, s:i, s:b, s:f, s:[], s:{}, s:[]}", "programs", 0, "done", 0,
			 "stopped", false, "seconds", 0.0, "shards", "modes", "divergences");
	return json_object_set_new(merged, name, host) ? NULL : host;
}

static bool has_shard(const json_t *host, uint64_t shard)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(host, "shards"), i, one)
	{
		if ((uint64_t)json_integer_value(one) == shard)
			return true;
	}
	return false;
}

static bool add(json_t *host, const json_t *r)
{
	static const char *const sums[] = {"programs", "done"};
	double seconds = json_real_value(json_object_get(host, "seconds")) +
			 json_number_value(json_object_get(r, "seconds"));

	if (json_is_true(json_object_get(r, "stopped")) &&
	    json_object_set_new(host, "stopped", json_true()))
		return false;
	return add_numbers(host, r, sums, sizeof(sums) / sizeof(sums[0])) &&
	       json_object_set_new(host, "seconds", json_real(seconds)) == 0 &&
	       json_array_append(json_object_get(host, "shards"), json_object_get(r, "shard")) ==
		       0 &&
	       add_modes(json_object_get(host, "modes"), json_object_get(r, "modes")) &&
	       json_array_extend(json_object_get(host, "divergences"),
				 json_object_get(r, "divergences")) == 0;
}

/* Reads a file into the merged campaign, of which `first` is any. Returns 0 or a status. */
static int merge(json_t *merged, json_t **first, const char *path)
{
	static const char *const same[] = {"seed", "steps", "shards"};
	json_t *r = cli_json_load(path), *host;
	int status = 0;

	if (!r)
		return CLI_FAILED;
	if (!is_result(r))
		status = cli_fail("%s: not a result of penumbra fuzz", path);
	if (!*first)
		*first = json_incref(r);
	for (size_t i = 0; !status && i < sizeof(same) / sizeof(same[0]); i++)
		if (get(r, same[i]) != get(*first, same[i]))
			status = cli_fail("%s: of another campaign: its %s is %" PRIu64
					  ", and not %" PRIu64,
					  path, same[i], get(r, same[i]), get(*first, same[i]));
	if (!status) {
		host = host_of(merged, r);
		if (host && has_shard(host, get(r, "shard")))
			status = cli_fail("%s: shard %" PRIu64 " once more", path, get(r, "shard"));
		else if (!host || !add(host, r))
			status = cli_fail("%s: out of memory", path);
	}
	json_decref(r);
	return status;
}

static uint64_t wrong_in(const json_t *host, const char *mode)
{
	const json_t *found;
	uint64_t wrong = 0;
	size_t i;

	json_array_foreach(json_object_get(host, "divergences"), i, found)
	{
		wrong += strcmp(json_string_value(json_object_get(found, "mode")), mode) == 0;
	}
	return wrong;
}

static int status_of(const json_t *host, uint64_t shards)
{
	if (json_array_size(json_object_get(host, "divergences")))
		return FUZZ_EXIT_DIVERGED;
	return json_array_size(json_object_get(host, "shards")) < shards ||
			       json_is_true(json_object_get(host, "stopped"))
		       ? FUZZ_EXIT_INCOMPLETE
		       : 0;
}

static void print_host(const char *name, json_t *host, uint64_t shards)
{
	const size_t had = json_array_size(json_object_get(host, "shards"));
	const char *mode;
	json_t *counts;

	printf("host %s: %zu of %" PRIu64 " shards, %" PRIu64 " of %" PRIu64
	       " programs, %.1f s\n\n",
	       name, had, shards, get(host, "done"), get(host, "programs"),
	       json_real_value(json_object_get(host, "seconds")));
	fuzz_print_head();
	json_object_foreach(json_object_get(host, "modes"), mode, counts)
	{
		fuzz_print_mode(NULL, mode, counts, wrong_in(host, mode));
	}
	fuzz_print_founds(json_object_get(host, "divergences"));
	putchar('\n');
}

static int print(json_t *merged, const json_t *first, bool as_json)
{
	const char *name;
	json_t *host;
	int status = 0, one;

	if (as_json) {
		json_dumpf(merged, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_object_foreach(merged, name, host)
	{
		if (!as_json)
			print_host(name, host, get(first, "shards"));
		one = status_of(host, get(first, "shards"));
		/* A difference says more than a missing shard. */
		if (one && status != FUZZ_EXIT_DIVERGED)
			status = one;
	}
	return cli_finish(status);
}

static int take(void *arg, int option, const char *value)
{
	bool *as_json = arg;

	(void)option;
	(void)value;
	*as_json = true;
	return 0;
}

int fuzz_merge_command(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, CLI_OPT_HELP},
		{0},
	};
	static const struct cli_syntax syntax = {.command = "fuzz merge",
						 .usage = fuzz_usage,
						 .options = options,
						 .mixed = true,
						 .take = take};
	bool as_json = false;
	int status = cli_options(&syntax, &as_json, argc, argv);
	json_t *merged, *first = NULL;

	if (status)
		return status < 0 ? cli_finish(0) : status;
	if (optind == argc)
		return cli_fail("fuzz merge: which results? see penumbra fuzz --help");
	merged = json_object();
	for (int i = optind; i < argc && !status; i++)
		status = merge(merged, &first, argv[i]);
	if (!status)
		status = print(merged, first, as_json);
	json_decref(merged);
	json_decref(first);
	return status;
}
