/* SPDX-License-Identifier: MIT */
/*
 * penumbra fuzz merge: the results of a campaign's shards as one. Shards of the same campaign on
 * several hosts are several campaigns: each host must have all of them.
 */
#include "cli/cli.h"
#include "cli/fuzz.h"

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

/* Whether a file is the result of a shard: what is used of it below is there. */
static bool is_result(const json_t *r)
{
	static const char *const of_result[] = {"format", "seed",     "steps", "shard",
						"shards", "programs", "done"};
	static const char *const of_mode[] = {"programs", "steps", "skipped", "user", "faults",
					      "open",	  "old",   "toggles", "exits"};
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
		if (!has_numbers(mode, of_mode, sizeof(of_mode) / sizeof(of_mode[0])) ||
		    !json_is_object(json_object_get(mode, "operations")))
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

/* Adds the numbers of `from`, and of what is in it, to those of `to`. */
static void add_numbers(json_t *to, const json_t *from)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)from, name, value)
	{
		json_t *own = json_object_get(to, name);

		if (!own)
			json_object_set_new(to, name, json_deep_copy(value));
		else if (json_is_integer(value))
			json_integer_set(own, json_integer_value(own) + json_integer_value(value));
		else if (json_is_object(value))
			add_numbers(own, value);
	}
}

/* The merged result of a host, made if there is none yet. */
static json_t *host_of(json_t *merged, const json_t *r)
{
	const char *name = json_string_value(json_object_get(r, "host"));
	json_t *host = json_object_get(merged, name);

	if (host)
		return host;
	host = json_pack("{s:i, s:i, s:b, s:f, s:[], s:{}, s:[]}", "programs", 0, "done", 0,
			 "stopped", false, "seconds", 0.0, "shards", "modes", "divergences");
	json_object_set_new(merged, name, host);
	return host;
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

static void add(json_t *host, const json_t *r)
{
	static const char *const sums[] = {"programs", "done"};

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		json_t *sum = json_object_get(host, sums[i]);

		json_integer_set(sum, json_integer_value(sum) +
					      json_integer_value(json_object_get(r, sums[i])));
	}
	json_real_set(json_object_get(host, "seconds"),
		      json_real_value(json_object_get(host, "seconds")) +
			      json_number_value(json_object_get(r, "seconds")));
	if (json_is_true(json_object_get(r, "stopped")))
		json_object_set_new(host, "stopped", json_true());
	json_array_append(json_object_get(host, "shards"), json_object_get(r, "shard"));
	add_numbers(json_object_get(host, "modes"), json_object_get(r, "modes"));
	json_array_extend(json_object_get(host, "divergences"), json_object_get(r, "divergences"));
}

/* Reads a file into the merged campaign, of which `first` is any. Returns 0 or a status. */
static int take(json_t *merged, json_t **first, const char *path)
{
	static const char *const same[] = {"seed", "steps", "shards"};
	json_error_t error;
	json_t *r = json_load_file(path, JSON_REJECT_DUPLICATES, &error), *host;
	int status = 0;

	if (!r)
		return cli_fail("%s: line %d: %s", path, error.line, error.text);
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
		if (has_shard(host, get(r, "shard")))
			status = cli_fail("%s: shard %" PRIu64 " once more", path, get(r, "shard"));
		else
			add(host, r);
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

int fuzz_merge_command(int argc, char **argv)
{
	bool as_json = argc > 1 && strcmp(argv[1], "--json") == 0;
	json_t *merged = json_object(), *first = NULL;
	int status = 0;

	if (argc <= 1 + as_json)
		status = cli_fail("fuzz merge: which results?");
	for (int i = 1 + as_json; i < argc && !status; i++)
		status = take(merged, &first, argv[i]);
	if (!status)
		status = print(merged, first, as_json);
	json_decref(merged);
	json_decref(first);
	return status;
}
