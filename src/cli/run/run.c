/* SPDX-License-Identifier: MIT */
/* penumbra run: boots a guest and gives its exit status. */
#include "cli/cli.h"
#include "cli/outfile.h"
#include "cli/output.h"
#include "cli/run/options.h"
#include "cli/run/stats.h"
#include "cli/sandbox.h"
#include "cli/stop.h"
#include "clock.h"
#include "error.h"
#include "kvm/probe.h"
#include "kvm/vendor.h"
#include "trace/words.h"

#include <errno.h>
#include <penumbra/guest.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* One run: what was asked for, and the file that statistics go to. */
struct run {
	struct run_options options;
	struct outfile stats_file;
	struct sandbox sandbox;
};

/* Makes sure that the host has the second dimension that --mmu asks for, by behaviour. */
static int check_mmu(const struct run *r)
{
	struct pn_error err;
	enum pn_paging paging;
	int code;

	if (r->options.mmu->other)
		return 0;
	code = probe_paging(&paging, &err);
	if (code)
		return cli_fail_error(&err);
	if ((paging == PN_PAGING_EPT && r->options.mmu->ept) ||
	    (paging == PN_PAGING_NPT && r->options.mmu->npt))
		return 0;
	cli_fail("--mmu=%s: this host has %s; --mmu=hw runs on what it has", r->options.mmu->name,
		 pn_paging_name(paging));
	return CLI_HOST_LACKS;
}

/* All that the statistics will need of files. */
static void prepare_stats(const struct run *r)
{
	/* Its seed is read from a file. */
	if (r->options.stats || r->options.stats_file)
		json_object_seed(0);
}

static int write_stats(struct run *r, struct pn_machine *m, const struct pn_result *result,
		       uint64_t begin_ns)
{
	struct stats stats;
	int code = 0;

	if (!r->options.stats && !r->options.stats_file)
		return 0;
	if (stats_collect(&stats, m, result, &r->sandbox, begin_ns))
		return cli_fail("statistics: out of memory");
	if (r->options.stats_file && stats_print_json(&stats, r->stats_file.f))
		code = cli_fail("%s: cannot be written: %s", r->options.stats_file,
				strerror(errno));
	if (r->options.stats_file)
		code = outfile_close(&r->stats_file, code);
	if (r->options.stats && r->options.stats_json)
		stats_print_json(&stats, stderr);
	else if (r->options.stats)
		stats_print(&stats, stderr);
	stats_free(&stats);
	return code;
}

/* Says how the run ended where that is news, and turns it into an exit status. */
static int conclude(const struct run *r, const struct pn_machine *m, const struct pn_result *result)
{
	unsigned long long exits = m->vcpu.history.total;
	int signal = stop_signal();

	switch (result->end) {
	case PN_END_STATUS:
		if (result->status_written != result->status)
			cli_fail("%s: %s", r->options.guest.file, result->reason);
		return (int)result->status;
	case PN_END_DIED:
		cli_fail("%s: %s", r->options.guest.file, result->reason);
		fputs(result->report, stderr);
		return CLI_GUEST_DIED;
	case PN_END_MAX_EXITS:
		cli_fail("%s: %s", r->options.guest.file, result->reason);
		return CLI_TIMEOUT;
	case PN_END_STOPPED: break;
	}
	if (signal == SIGALRM) {
		cli_fail("%s: time limit of %.9g s reached after %llu exits", r->options.guest.file,
			 (double)r->options.guest.timeout_ns / 1e9, exits);
		return CLI_TIMEOUT;
	}
	cli_fail("%s: stopped by signal %d (%s) after %llu exits", r->options.guest.file, signal,
		 strsignal(signal), exits);
	return 128 + signal;
}

/* Says which instructions of the guest shadow mode may run wrongly. */
static void print_warnings(const struct run *r, const struct pn_machine *m)
{
	size_t count = r->options.no_warnings ? 0 : pn_warnings(m);

	if (count)
		cli_fail("%s: shadow mode cannot trap these (docs/guest-rules.md):",
			 r->options.guest.file);
	for (size_t i = 0; i < count; i++)
		cli_fail("%s: %s", r->options.guest.file, pn_warning(m, i));
}

/* The trace is complete before anything is said of the run. */
static int end_trace(const struct run *r, struct pn_machine *m, struct pn_error *err)
{
	uint64_t dropped;
	int error = machine_trace_stop(m, &dropped);

	if (dropped)
		cli_fail("%s: %llu events did not fit into the ring and are lost; --trace-filter "
			 "leaves room for fewer",
			 r->options.trace, (unsigned long long)dropped);
	errno = error;
	return error ? pn_fail_errno(err, PN_ERR_SYSTEM, "%s: cannot be written", r->options.trace)
		     : PN_OK;
}

/* What the sources of the trace cannot see here is said before anyone looks for it. */
static void print_notes(const struct pn_machine *m)
{
	for (unsigned i = 0; i < PN_SOURCES; i++) {
		const char *note = machine_trace_note(m, i);

		if (note)
			cli_fail("--trace-source=%s: %s", trace_source_name(i), note);
	}
}

/* Opens all that the run will need, then goes into the sandbox, but for the filter of system calls:
 * threads are still to be made. */
static int prepare_guest(struct run *r, struct pn_machine *m, struct pn_error *err)
{
	int code = pn_load_elf(m, r->options.guest.file, err);

	if (code)
		return code;
	print_warnings(r, m);
	prepare_stats(r);
	if (r->options.trace)
		code = machine_trace_open(m, r->options.trace, stderr, r->options.trace_types,
					  r->options.trace_sources, err);
	if (code)
		return code;
	print_notes(m);
	cli_sandbox_say(&r->options.guest.sandbox);
	code = sandbox_give_up(&r->sandbox, &r->options.guest.sandbox, err);
	if (!code && r->options.trace)
		code = machine_trace_start(m, err);
	return code;
}

/* Runs the guest under the time limit, which holds for its output as well. */
static int run_guest(struct run *r, struct pn_machine *m, struct output *out,
		     struct pn_result *result, struct pn_error *err)
{
	struct pn_error trace_err;
	int code, trace;

	code = stop_arm(m, r->options.guest.timeout_ns, err);
	if (!code)
		code = sandbox_filter(&r->sandbox, err);
	if (!code)
		code = pn_run(m, result, err);
	output_flush(out);
	stop_disarm();
	/* Whatever became of the run, its trace is brought to an end; the first error is told. */
	trace = end_trace(r, m, &trace_err);
	if (!code && trace) {
		*err = trace_err;
		code = trace;
	}
	return code;
}

static int run_machine(struct run *r, struct pn_machine *m, struct output *out, uint64_t begin_ns)
{
	struct pn_result result;
	struct pn_error err;
	int status, stats;

	if (prepare_guest(r, m, &err) || run_guest(r, m, out, &result, &err))
		return cli_fail_error(&err);
	/* A guest cut off in mid-line leaves the terminal fit for what follows. */
	if (out->last && out->last != '\n' && isatty(STDOUT_FILENO))
		fputs("\033[0m\n", stdout);
	fflush(stdout);
	status = conclude(r, m, &result);
	stats = write_stats(r, m, &result, begin_ns);
	if (out->error && status <= PN_STATUS_MAX)
		return cli_fail("standard output: %s", strerror(out->error));
	return stats ? stats : status;
}

int cli_run(int argc, char **argv)
{
	uint64_t begin_ns = clock_ns();
	struct output out = {0};
	struct run r = {.options.guest.config = {.console = output_console, .console_arg = &out}};
	struct pn_machine *m;
	struct pn_error err;
	int status = run_options_parse(&r.options, argc, argv);

	if (status)
		return status < 0 ? cli_finish(0) : status;
	stop_prepare();
	status = check_mmu(&r);
	/* Opened before the guest runs: a path that is wrong must not cost a run. */
	if (!status && r.options.stats_file)
		status = outfile_open(&r.stats_file, r.options.stats_file);
	if (status)
		return status;
	m = pn_machine_create(&r.options.guest.config, &err);
	status = m ? run_machine(&r, m, &out, begin_ns) : cli_fail_error(&err);
	/* Still open only if there are no statistics to be in it. */
	outfile_close(&r.stats_file, CLI_FAILED);
	pn_machine_destroy(m);
	return status;
}
