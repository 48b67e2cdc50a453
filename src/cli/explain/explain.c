/* SPDX-License-Identifier: MIT */
/* penumbra explain: runs a guest up to a point, and explains one translation there. */
#include "cli/cli.h"
#include "cli/explain/options.h"
#include "cli/explain/print.h"
#include "cli/parse.h"
#include "cli/sandbox.h"
#include "cli/stop.h"

#include <jansson.h>
#include <signal.h>
#include <string.h>

/* The guest's console is not what was asked for. */
static void console(void *arg, const char *bytes, size_t len)
{
	(void)arg;
	fwrite(bytes, 1, len, stderr);
}

/* A number, or a symbol of the guest's. */
static int resolve(const struct pn_machine *m, const char *option, const char *text, gva_t *gva)
{
	if (parse_count(text, gva) || pn_symbol(m, text, gva))
		return 0;
	return cli_fail("--%s=%s: neither a number nor a symbol of the guest", option, text);
}

static int arm(struct pn_machine *m, const struct explain_options *o)
{
	struct pn_error err;
	gva_t gva;

	switch (o->at) {
	case STOP_NEVER: return 0;
	case STOP_MARK: stop_at_mark(&m->vcpu, o->n); return 0;
	case STOP_FAULT: stop_at_fault(&m->vcpu, o->n); return 0;
	case STOP_ADDRESS: break;
	}
	if (resolve(m, "at", o->symbol, &gva))
		return CLI_FAILED;
	if (machine_stop_at(m, gva, &err) == 0)
		return 0;
	return cli_fail("--at=%s: %s", o->symbol, err.text);
}

/* Whether the guest is where it should be; else a line, and an exit status. */
static int check_point(const struct pn_machine *m, const struct explain_options *o,
		       const struct pn_result *result)
{
	if (stop_signal() == SIGALRM) {
		cli_fail("%s: time limit reached", o->guest.file);
		return CLI_TIMEOUT;
	}
	if (stop_signal())
		return 128 + stop_signal();
	if (o->at == STOP_NEVER || m->vcpu.stop_at.reached)
		return 0;
	return cli_fail("%s: never came to the point of --at: %s%s", o->guest.file, result->reason,
			o->at == STOP_ADDRESS && pn_mode(m) == PN_MODE_HW
				? " (ring 3 is stopped at only under --mmu=shadow)"
				: "");
}

static const char *point_words(const struct explain_options *o, const struct pn_result *result,
			       char *text, size_t size)
{
	switch (o->at) {
	case STOP_NEVER: snprintf(text, size, "the end of the run: %s", result->reason); break;
	case STOP_MARK: snprintf(text, size, "mark %llu", (unsigned long long)o->n); break;
	case STOP_FAULT:
		snprintf(text, size, "guest fault %llu, before the guest hears of it",
			 (unsigned long long)o->n);
		break;
	case STOP_ADDRESS: snprintf(text, size, "%s, not yet executed", o->symbol); break;
	}
	return text;
}

/* The access to explain: what was asked for, and for the rest the fault's own. */
static int make_query(const struct pn_machine *m, const struct explain_options *o,
		      struct walk_query *query)
{
	*query = (struct walk_query){.access = o->access,
				     .privilege = o->user ? WALK_USER : WALK_SUPERVISOR};
	if (o->gva)
		return resolve(m, "gva", o->gva, &query->gva);
	query->gva = m->vcpu.stop_at.fault.gva;
	if (!o->has_access)
		query->access = m->vcpu.stop_at.fault.access;
	if (!o->user)
		query->privilege = m->vcpu.stop_at.fault.privilege;
	return 0;
}

static int print(struct pn_machine *m, const struct explain_options *o,
		 const struct pn_result *result)
{
	struct walk_query query;
	char point[300];
	struct explanation x;
	struct pn_error err;
	struct explain_report r = {.m = m,
				   .x = &x,
				   .point = point_words(o, result, point, sizeof(point)),
				   .rip = mode_of(&m->vcpu)->registers(&m->vcpu).regs.rip};

	if (make_query(m, o, &query))
		return CLI_FAILED;
	if (machine_explain(m, &query, &x, &err))
		return cli_fail_error(&err);
	switch (o->form) {
	case EXPLAIN_TEXT: explain_print_text(stdout, &r); break;
	case EXPLAIN_SVG: explain_print_svg(stdout, &r); break;
	case EXPLAIN_JSON:
		if (explain_print_json(stdout, &r))
			return cli_fail("explain: the JSON object cannot be printed");
		break;
	}
	return cli_finish(0);
}

/* Opens what the explanation will need, then nothing can be opened any more. */
static int enter_sandbox(struct pn_machine *m, const struct explain_options *o,
			 struct pn_error *err)
{
	struct sandbox sandbox;

	machine_explain_prepare(m);
	/* Its seed is read from a file. */
	json_object_seed(0);
	cli_sandbox_say(&o->guest.sandbox);
	return sandbox_enter(&sandbox, &o->guest.sandbox, err);
}

static int run(struct pn_machine *m, const struct explain_options *o)
{
	struct pn_result result;
	struct pn_error err;
	gva_t gva;
	int code, status;

	if (pn_load_elf(m, o->guest.file, &err))
		return cli_fail_error(&err);
	/* What is wrong must not cost a run. */
	if (o->gva && resolve(m, "gva", o->gva, &gva))
		return CLI_FAILED;
	status = arm(m, o);
	if (status)
		return status;
	code = stop_arm(m, o->guest.timeout_ns, &err);
	if (!code)
		code = enter_sandbox(m, o, &err);
	if (!code)
		code = pn_run(m, &result, &err);
	stop_disarm();
	if (code)
		return cli_fail_error(&err);
	status = check_point(m, o, &result);
	return status ? status : print(m, o, &result);
}

int cli_explain(int argc, char **argv)
{
	struct explain_options o = {.guest.config = {.console = console}};
	struct pn_machine *m;
	struct pn_error err;
	int status = explain_options_parse(&o, argc, argv);

	if (status)
		return status < 0 ? cli_finish(0) : status;
	m = pn_machine_create(&o.guest.config, &err);
	if (!m)
		return cli_fail_error(&err);
	status = run(m, &o);
	pn_machine_destroy(m);
	return status;
}
