/* SPDX-License-Identifier: MIT */
/*
 * penumbra bench shadow: what shadow mode costs in exits, by operation and by workload, with each
 * strategy and beside the host's own KVM in hw mode; and a hidden fault's time beside a bare one.
 */
#include "bench/counts.h"
#include "bench/fault.h"
#include "bench/workloads.h"
#include "cli/bench/bench.h"
#include "cli/cli.h"
#include "cli/json_make.h"
#include "cli/paths.h"
#include "kvm/probe.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The columns: hw mode, and shadow mode with each strategy. */
enum column { HW, UNSYNC, WP, VTLB, COLUMNS };

static const char *const column_names[COLUMNS] = {"hw", "unsync", "wp", "vtlb"};

/* Runs of one thing, of which KVM's own count is the least; Penumbra's own do not differ. */
static const unsigned times[COLUMNS] = {3, 2, 2, 2};

static const struct pn_config configs[COLUMNS] = {
	[HW] = {.mode = PN_MODE_HW},
	[UNSYNC] = {.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_UNSYNC},
	[WP] = {.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_WP},
	[VTLB] = {.mode = PN_MODE_SHADOW, .strategy = PN_STRATEGY_VTLB},
};

/* What a report is made of. */
struct report {
	const struct bench_request *request;
	char paging_elf[PATH_MAX], pagelab_elf[PATH_MAX];
	json_t *operations, *workloads; /* arrays, for --json */
	struct bench_fault fault;
};

/* One row: the figures of each column. */
struct row {
	double figure[COLUMNS][COUNTS];
};

static void print_head(const char *first)
{
	printf("%-22s %7s %21s %13s %13s\n", "", "hw", "shadow, unsync", "shadow, wp",
	       "shadow, vtlb");
	printf("%-22s %7s %6s %6s %7s %6s %6s %6s %6s\n", first, "KVM", "exits", "hidden", "KVM",
	       "exits", "hidden", "exits", "hidden");
}

static void print_row(const char *words, const struct row *row, int decimals)
{
	const double(*f)[COUNTS] = row->figure;

	printf("%-22s %7.*f %6.*f %6.*f %7.*f %6.*f %6.*f %6.*f %6.*f\n", words, decimals,
	       f[HW][COUNT_KVM], decimals, f[UNSYNC][COUNT_EXITS], decimals,
	       f[UNSYNC][COUNT_HIDDEN], decimals, f[UNSYNC][COUNT_KVM], decimals,
	       f[WP][COUNT_EXITS], decimals, f[WP][COUNT_HIDDEN], decimals, f[VTLB][COUNT_EXITS],
	       decimals, f[VTLB][COUNT_HIDDEN]);
	fflush(stdout);
}

static json_t *row_json(const char *name, const struct row *row)
{
	json_t *object = json_pack("{s:s}", "name", name);

	for (unsigned i = 0; i < COLUMNS; i++) {
		json_t *column = json_object();

		for (unsigned c = 0; c < COUNTS; c++)
			column = json_with(column, count_names[c], json_real(row->figure[i][c]));
		object = json_with(object, column_names[i], column);
	}
	return object;
}

/* What all the machines of one operation came to. The exits of the first round, when the tables
 * are cold, are reported as they are. */
static json_t *operation_json(const struct count_operation *op, const struct row *row,
			      const uint64_t first[COLUMNS])
{
	json_t *object = row_json(op->name, row), *exits = json_object();

	object = json_with(object, "count", json_integer(op->n));
	for (unsigned i = 0; i < COLUMNS; i++)
		exits = json_with(exits, column_names[i], json_integer((json_int_t)first[i]));
	object = json_with(object, "first_round_exits", exits);
	return object;
}

static int do_operation(struct report *r, const struct count_operation *op, struct pn_error *err)
{
	struct counts_result result;
	uint64_t first[COLUMNS];
	struct row row;

	for (unsigned i = 0; i < COLUMNS; i++) {
		int code = counts_run_quiet(&result, times[i], op, &configs[i], r->paging_elf,
					    &r->request->sandbox, err);

		if (code)
			return code;
		for (unsigned c = 0; c < COUNTS; c++)
			row.figure[i][c] = counts_figure(&result, op, c);
		first[i] = counts_exits(&result, 0);
	}
	if (!r->request->json)
		print_row(op->words, &row, 2);
	r->operations = json_and(r->operations, operation_json(op, &row, first));
	return PN_OK;
}

static bool is_wanted(const struct bench_request *request, const char *name)
{
	for (int i = 0; i < request->names; i++)
		if (strcmp(request->name[i], name) == 0)
			return true;
	return request->names == 0;
}

static int do_operations(struct report *r, struct pn_error *err)
{
	int code = 0;

	for (const struct count_operation *op = count_operations; !code && op->name; op++)
		if (is_wanted(r->request, op->name))
			code = do_operation(r, op, err);
	return code;
}

static int do_workload(struct report *r, const char *name, const struct counts boot[COLUMNS],
		       struct pn_error *err)
{
	struct row row;

	for (unsigned i = 0; i < COLUMNS; i++) {
		struct counts c;
		int code = workload_count(&c, name, times[i], &configs[i], r->pagelab_elf,
					  &r->request->sandbox, err);

		if (code)
			return code;
		c = counts_between(&boot[i], &c);
		for (unsigned k = 0; k < COUNTS; k++)
			row.figure[i][k] = (double)(int64_t)c.n[k];
	}
	if (!r->request->json)
		print_row(name, &row, 0);
	r->workloads = json_and(r->workloads, row_json(name, &row));
	return PN_OK;
}

static int do_workloads(struct report *r, struct pn_error *err)
{
	struct counts boot[COLUMNS];
	int code = 0;

	for (unsigned i = 0; !code && i < COLUMNS; i++)
		code = workload_count(&boot[i], WORKLOAD_BOOT, times[i], &configs[i],
				      r->pagelab_elf, &r->request->sandbox, err);
	for (const char *const *name = workload_names; !code && *name; name++)
		code = do_workload(r, *name, boot, err);
	return code;
}

static int do_fault(struct report *r, struct pn_error *err)
{
	unsigned rounds = r->request->rounds;

	if (rounds > FAULT_ROUNDS_MAX)
		rounds = FAULT_ROUNDS_MAX;
	return bench_fault(&r->fault, rounds, PN_STRATEGY_UNSYNC, r->paging_elf,
			   &r->request->sandbox, err);
}

/* The name of the last table, beside those of operations. */
static const char fault_time[] = "fault-time";

static bool wants_operations(const struct bench_request *request)
{
	return !(request->names == 1 && is_wanted(request, fault_time));
}

static bool wants_workloads(const struct bench_request *request)
{
	return !request->counts_only && !request->names;
}

static bool wants_time(const struct bench_request *request)
{
	return !request->counts_only && is_wanted(request, fault_time);
}

static int print_counts(struct report *r, struct pn_error *err)
{
	int code;

	printf("Exits an operation, in steady state. hw: the vCPU on the guest's own tables,\n"
	       "exits to the host's kernel (KVM). shadow: returns of KVM_RUN, hidden faults\n"
	       "among them, and, with unsync, exits to the host's kernel. \"cold\": the shadow\n"
	       "has not seen the pages; else it is warm.\n\n");
	print_head("operation");
	code = do_operations(r, err);
	if (code || !wants_workloads(r->request))
		return code;
	printf("\nExits of pagelab's workloads, whole runs less those of boot.\n\n");
	print_head("workload");
	return do_workloads(r, err);
}

static int print_report(struct report *r, const char *host, struct pn_error *err)
{
	int code = 0;

	printf("host: %s\n\n", host);
	if (wants_operations(r->request))
		code = print_counts(r, err);
	if (code || !wants_time(r->request))
		return code;
	code = do_fault(r, err);
	if (code)
		return code;
	printf("%sProcessor time of a hidden fault, unsync, beside a bare #PF, OUT, IRETQ; %u\n"
	       "rounds of %d, interleaved, warm.\n\n",
	       wants_operations(r->request) ? "\n" : "", r->fault.ratio.count, FAULTS_OF_A_ROUND);
	bench_print_head("");
	bench_print_pair("hidden fault", &r->fault.penumbra, &r->fault.bare, &r->fault.ratio);
	return PN_OK;
}

static int collect_report(struct report *r, struct pn_error *err)
{
	int code = do_operations(r, err);

	if (!code && wants_workloads(r->request))
		code = do_workloads(r, err);
	return code || !wants_time(r->request) ? code : do_fault(r, err);
}

static int print_object(struct report *r, const char *host)
{
	json_t *object = json_pack("{s:s, s:O}", "host_paging", host, "operations", r->operations);

	if (wants_workloads(r->request))
		object = json_with(object, "workloads", json_incref(r->workloads));
	if (object && wants_time(r->request)) {
		object = json_with(object, "rounds", json_integer(r->fault.ratio.count));
		object = json_with(
			object, "hidden_fault",
			bench_pair_json(&r->fault.penumbra, &r->fault.bare, &r->fault.ratio));
	}
	return bench_print_json(object);
}

static int report(struct report *r, enum pn_paging paging)
{
	const char *host = pn_paging_name(paging);
	struct pn_error err;

	if (r->request->json ? collect_report(r, &err) : print_report(r, host, &err))
		return cli_fail_error(&err);
	return r->request->json ? print_object(r, host) : cli_finish(0);
}

/* A name that no operation has; NULL if there is none. */
static const char *unknown_name(const struct bench_request *request)
{
	for (int i = 0; i < request->names; i++) {
		const struct count_operation *op = count_operations;

		while (op->name && strcmp(op->name, request->name[i]) != 0)
			op++;
		if (!op->name && strcmp(request->name[i], fault_time) != 0)
			return request->name[i];
	}
	return NULL;
}

int bench_shadow_command(const struct bench_request *request)
{
	const char *unknown = unknown_name(request);
	enum pn_paging paging;
	struct pn_error err;
	int status = CLI_FAILED;
	struct report *r;

	if (unknown)
		return cli_fail("bench shadow: %s: no such operation; --json names them, and there "
				"is fault-time",
				unknown);
	r = calloc(1, sizeof(*r));
	if (!r)
		return cli_fail("out of memory");
	r->request = request;
	r->operations = json_array();
	r->workloads = json_array();
	if (probe_paging(&paging, &err))
		status = cli_fail_error(&err);
	else if (paths_find("guest/paging.elf", r->paging_elf, sizeof(r->paging_elf)) &&
		 paths_find("guest/pagelab.elf", r->pagelab_elf, sizeof(r->pagelab_elf)))
		status = report(r, paging);
	json_decref(r->operations);
	json_decref(r->workloads);
	free(r);
	return status;
}
