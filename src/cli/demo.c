/* SPDX-License-Identifier: MIT */
/* penumbra demo: boots pagelab, one workload after the other, and shows what this host made of it. */
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/paths.h"
#include "cli/sandbox.h"
#include "cli/stop.h"
#include "clock.h"
#include "kvm/probe.h"
#include "kvm/stats.h"
#include "kvm/vendor.h"
#include "machine.h"
#include "memory/walk_text.h"
#include "sandbox/apart.h"
#include "sandbox/sandbox.h"
#include "vcpu/translate.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: penumbra demo [--no-sandbox]\n"
			    "\n"
			    "Boots pagelab, Penumbra's own paging guest, and shows what memory\n"
			    "virtualisation costs it on this host.\n"
			    "\n"
			    "  --no-sandbox   run the guests without the sandbox\n"
			    "  --help         print this\n";

/* For one workload, in ns: ten times what the slowest rig takes. */
#define LIMIT_NS UINT64_C(60000000000)

struct scene {
	const char *cmdline;
	const char *words; /* what the guest does, for someone who sees it for the first time */
};

static const struct scene scenes[] = {
	{"touch", "first touch of fresh pages"}, {"warm", "touching them again"},
	{"protect", "read-only, and back"},	 {"remap", "same address, other frame"},
	{"fork", "copy-on-write, both write"},	 {"switch", "address spaces in turn"},
	{"spawn", "build, tear down a space"},	 {"user", "ring 3: each kind of fault"},
};

#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

/* The ways a workload is run, one after the other. */
enum way { WAY_HW, WAY_SHADOW, WAY_TOGGLED, WAYS };

#define TOGGLE_NS UINT64_C(1000000)

static const struct pn_config ways[WAYS] = {
	[WAY_HW] = {.mode = PN_MODE_HW},
	[WAY_SHADOW] = {.mode = PN_MODE_SHADOW},
	[WAY_TOGGLED] = {.mode = PN_MODE_HW, .toggle_ns = TOGGLE_NS},
};

/* What one run of a workload came to. */
struct act {
	struct pn_guest_report guest;
	uint64_t exits;		/* to Penumbra */
	uint64_t kernel_exits;	/* of the vCPU to the host's kernel; 0 if it does not tell */
	uint64_t kernel_faults; /* guest faults the host's kernel had to see */
	uint64_t toggles;
	uint64_t ns;
};

/* The guest's console: kept, to be shown only if something goes wrong. */
struct transcript {
	char text[4096];
	size_t len;
};

static void keep(void *arg, const char *bytes, size_t len)
{
	struct transcript *t = arg;
	size_t room = sizeof(t->text) - t->len;

	if (len > room)
		len = room;
	memcpy(t->text + t->len, bytes, len);
	t->len += len;
}

static void collect(struct act *act, struct pn_machine *m)
{
	struct kvm_stats s;

	act->guest = machine_guest_report(m);
	act->exits = m->vcpu.history.total;
	act->toggles = m->vcpu.toggles;
	if (kvm_stats_read(m->vcpu.fd, &s, NULL))
		return;
	act->kernel_exits = kvm_stats_get(&s, "exits", 0);
	act->kernel_faults = kvm_stats_get(&s, "pf_guest", 0);
	kvm_stats_free(&s);
}

/* A workload run in one way, and what it comes to. */
struct play {
	const struct scene *scene;
	enum way way;
	const char *guest;
	const struct sandbox_options *sandbox;
	void (*look)(struct pn_machine *m); /* into the machine at the end; NULL: not */
	struct act act;
	int status; /* exit status; 0: all went well */
};

/* Runs it; *ns: how long that took. */
static int run(struct pn_machine *m, const struct play *p, struct pn_result *result, uint64_t *ns,
	       struct pn_error *err)
{
	struct sandbox sandbox;
	uint64_t begin, loaded;
	int code;

	begin = clock_ns();
	code = pn_load_elf(m, p->guest, err);
	if (!code)
		code = stop_arm(m, LIMIT_NS, err);
	loaded = clock_ns() - begin;
	if (!code)
		code = sandbox_enter(&sandbox, p->sandbox, err);
	begin = clock_ns();
	if (!code)
		code = pn_run(m, result, err);
	*ns = loaded + (clock_ns() - begin);
	return code;
}

/* By a signal, or by the time limit. */
static int stopped(const struct scene *scene)
{
	int signal = stop_signal();

	if (signal == SIGALRM) {
		cli_fail("pagelab %s: time limit reached", scene->cmdline);
		return CLI_TIMEOUT;
	}
	cli_fail("pagelab %s: stopped by signal %d (%s)", scene->cmdline, signal,
		 strsignal(signal));
	return 128 + signal;
}

/* In a process of its own. An error is told here, and an exit status is what comes back. */
static int work(void *arg, struct pn_error *err)
{
	struct play *p = arg;
	struct transcript transcript = {.len = 0};
	struct pn_config config = ways[p->way];
	struct pn_result result;
	struct pn_machine *m;

	config.cmdline = p->scene->cmdline;
	config.console = keep;
	config.console_arg = &transcript;
	m = pn_machine_create(&config, err);
	if (!m || run(m, p, &result, &p->act.ns, err)) {
		p->status = cli_fail_error(err);
	} else if (result.end == PN_END_STOPPED) {
		p->status = stopped(p->scene);
	} else if (result.end != PN_END_STATUS || result.status != 0) {
		cli_fail("pagelab %s: %s", p->scene->cmdline, result.reason);
		fwrite(transcript.text, 1, transcript.len, stderr);
		fputs(result.report, stderr);
		p->status = CLI_GUEST_DIED;
	} else {
		collect(&p->act, m);
		if (p->look)
			p->look(m);
	}
	pn_machine_destroy(m);
	return PN_OK;
}

/* Returns an exit status, after a line on stderr if it is not 0. */
static int play(struct play *p)
{
	struct pn_error err;

	if (sandbox_apart(work, p, sizeof(*p), &err))
		return cli_fail_error(&err);
	return p->status;
}

static void print_head(void)
{
	printf("  %-8s %-26s %6s  %12s  %12s %7s\n", "workload", "what the guest does", "guest",
	       "hw mode", "shadow mode", "toggled");
	printf("  %-8s %-26s %6s  %5s %6s  %5s %6s %7s\n", "", "", "faults", "exits", "ms", "exits",
	       "ms", "changes");
}

static void print_row(const struct scene *scene, const struct act act[WAYS])
{
	const struct act *hw = &act[WAY_HW], *shadow = &act[WAY_SHADOW];

	printf("  %-8s %-26s %6" PRIu64 "  %5" PRIu64 " %6.1f  %5" PRIu64 " %6.1f %7" PRIu64 "\n",
	       scene->cmdline, scene->words, hw->guest.faults, hw->kernel_exits,
	       (double)hw->ns / 1e6, shadow->exits, (double)shadow->ns / 1e6,
	       act[WAY_TOGGLED].toggles);
	fflush(stdout);
}

/* What the figures mean on this kind of host. */
static void print_moral(enum pn_paging paging, struct act acts[SCENES][WAYS])
{
	uint64_t faults = 0, seen = 0, changes = 0;

	for (size_t i = 0; i < SCENES; i++) {
		faults += acts[i][WAY_HW].guest.faults;
		seen += acts[i][WAY_HW].kernel_faults;
		changes += acts[i][WAY_TOGGLED].toggles;
	}
	printf("\nIn hw mode exits go to the host's kernel, in shadow mode to Penumbra. The guest\n"
	       "took %" PRIu64 " page faults in hw mode; the host's kernel saw %" PRIu64
	       " of them. ",
	       faults, seen);
	if (kvm_paging_is_tdp(paging))
		printf("With\n"
		       "two-dimensional paging the processor walks the guest's tables and the "
		       "host's,\n"
		       "and the guest's faults and flushes are nobody's business but its own.\n");
	else
		printf("Without\n"
		       "two-dimensional paging it shadows the guest's tables, and has to see each\n"
		       "fault and each flush, to answer it or to hand it on.\n");
	printf("Toggled: the same once more, its mode changed under it every millisecond,\n"
	       "%" PRIu64 " times in all; each workload checks its own memory, and all passed.\n",
	       changes);
}

/* Whose tables the processor was on. */
static void print_proof(struct pn_machine *m)
{
	printf("\nIn shadow mode the guest's CR3 was 0x%" PRIx64 "; the processor's was 0x%llx,\n"
	       "a table of Penumbra's.\n",
	       m->vcpu.deprivileged->cpu.cr3, (unsigned long long)vcpu_sregs(&m->vcpu)->cr3);
}

/* One translation in full, out of the tables the guest has left. */
static void print_translation(struct pn_machine *m)
{
	static const char name[] = "syscall_entry";
	struct walk_context ctx;
	struct walk_query query = {.access = WALK_FETCH, .privilege = WALK_SUPERVISOR};
	struct walk_result result;
	struct walk_path path;

	if (!pn_symbol(m, name, &query.gva))
		return;
	translate_init(&ctx, &m->vcpu, vcpu_sregs(&m->vcpu));
	walk(&m->mem, &ctx, &query, &result, &path);
	printf("\nOne translation, as walk() reads it out of the guest's tables: %s,\n"
	       "GVA 0x%" PRIx64 "\n",
	       name, query.gva);
	walk_print(stdout, 2, &ctx, &query, &result, &path);
}

/* One workload in all ways. */
static int play_scene(struct act act[WAYS], size_t i, const struct play *of)
{
	for (enum way way = 0; way < WAYS; way++) {
		struct play p = *of;
		int status;

		p.scene = &scenes[i];
		p.way = way;
		status = play(&p);
		if (status)
			return status;
		act[way] = p.act;
	}
	print_row(&scenes[i], act);
	return 0;
}

/* What can be seen when a guest has ended, in either mode. */
static int look_inside(const struct play *of)
{
	static void (*const look[])(struct pn_machine *) = {
		[WAY_HW] = print_translation, [WAY_SHADOW] = print_proof};

	for (enum way way = WAY_SHADOW + 1; way-- > WAY_HW;) {
		struct play p = *of;
		int status;

		p.scene = &scenes[SCENES - 1];
		p.way = way;
		p.look = look[way];
		status = play(&p);
		if (status)
			return status;
	}
	return 0;
}

static int play_all(const struct play *of, enum pn_paging paging)
{
	static struct act acts[SCENES][WAYS];

	print_head();
	for (size_t i = 0; i < SCENES; i++) {
		int status = play_scene(acts[i], i, of);

		if (status)
			return status;
	}
	print_moral(paging, acts);
	return look_inside(of);
}

/* A path for someone in the working directory to type. */
static const char *from_here(const char *path)
{
	char here[PATH_MAX];
	size_t len;

	if (!getcwd(here, sizeof(here)))
		return path;
	len = strlen(here);
	return strncmp(path, here, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

static int demo(const struct sandbox_options *sandbox)
{
	struct play of = {.sandbox = sandbox};
	char guest[PATH_MAX];
	enum pn_paging paging;
	struct pn_error err;
	int status;

	if (!paths_find("guest/pagelab.elf", guest, sizeof(guest)))
		return CLI_FAILED;
	if (probe_paging(&paging, &err))
		return cli_fail_error(&err);
	printf("Penumbra %s\n\n", PN_VERSION);
	printf("  host   %s, found by behaviour\n", pn_paging_name(paging));
	printf("  guest  pagelab: 64 MiB, its own page tables, processes at ring 3\n");
	printf("  modes  hw:      the vCPU runs on the guest's own tables\n");
	printf("         shadow:  it runs on tables that Penumbra builds, the guest's kernel at\n"
	       "                  ring 3\n\n");
	of.guest = guest;
	status = play_all(&of, paging);
	if (status)
		return status;
	printf("\nGo on with\n"
	       "  %s run --mmu=shadow --stats %s -- touch\n"
	       "  %s doctor\n"
	       "  docs/tour.md\n",
	       program_invocation_name, from_here(guest), program_invocation_name);
	return cli_finish(0);
}

static int take(void *arg, int option, const char *value)
{
	struct sandbox_options *sandbox = arg;

	(void)option;
	(void)value;
	sandbox->off = true;
	return 0;
}

int cli_demo(int argc, char **argv)
{
	static const struct option options[] = {
		{"no-sandbox", no_argument, NULL, 's'},
		{"help", no_argument, NULL, CLI_OPT_HELP},
		{0},
	};
	static const struct cli_syntax syntax = {
		.command = "demo", .usage = usage, .options = options, .take = take};
	struct sandbox_options sandbox = {.off = false};
	int status = cli_options(&syntax, &sandbox, argc, argv);

	if (status)
		return status < 0 ? cli_finish(0) : status;
	if (optind < argc)
		return cli_fail("%s: demo takes no argument; see penumbra demo --help",
				argv[optind]);
	cli_sandbox_say(&sandbox);
	return demo(&sandbox);
}
