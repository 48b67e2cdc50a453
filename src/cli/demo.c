/* SPDX-License-Identifier: MIT */
/* penumbra demo: boots pagelab, one workload after the other, and shows what this host made of it. */
#include "cli/cli.h"
#include "cli/paths.h"
#include "clock.h"
#include "kvm/probe.h"
#include "kvm/stats.h"
#include "kvm/vendor.h"
#include "machine.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

static const char usage[] = "usage: penumbra demo\n"
			    "\n"
			    "Boots pagelab, Penumbra's own paging guest, and shows what memory\n"
			    "virtualisation costs it on this host.\n";

struct scene {
	const char *cmdline;
	const char *words; /* what the guest does, for someone who sees it for the first time */
};

static const struct scene scenes[] = {
	{"touch", "first touch of fresh pages"},  {"warm", "touching them again"},
	{"protect", "read-only, and back"},	  {"remap", "same address, other frame"},
	{"fork", "copy-on-write, both write"},	  {"switch", "address spaces in turn"},
	{"spawn", "build and tear down a space"}, {"user", "ring 3: each kind of fault"},
};

#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

/* What one workload came to. */
struct act {
	struct pn_guest_report guest;
	uint64_t exits;		/* to Penumbra */
	uint64_t kernel_exits;	/* of the vCPU to the host's kernel; 0 if it does not tell */
	uint64_t kernel_faults; /* guest faults the host's kernel had to see */
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
	if (kvm_stats_read(m->vcpu.fd, &s, NULL))
		return;
	act->kernel_exits = kvm_stats_get(&s, "exits", 0);
	act->kernel_faults = kvm_stats_get(&s, "pf_guest", 0);
	kvm_stats_free(&s);
}

/* Runs one workload. Returns 0, or an exit status after a line on stderr. */
static int play(struct act *act, const struct scene *scene, const char *guest)
{
	struct transcript transcript = {.len = 0};
	struct pn_config config = {
		.cmdline = scene->cmdline, .console = keep, .console_arg = &transcript};
	struct pn_machine *m;
	struct pn_result result;
	struct pn_error err;
	uint64_t begin;
	int status = 0;

	m = pn_machine_create(&config, &err);
	if (!m)
		return cli_fail_error(&err);
	begin = clock_ns();
	if (pn_load_elf(m, guest, &err) || pn_run(m, &result, &err)) {
		status = cli_fail_error(&err);
	} else if (result.end != PN_END_STATUS || result.status != 0) {
		cli_fail("pagelab %s: %s", scene->cmdline, result.reason);
		fwrite(transcript.text, 1, transcript.len, stderr);
		fputs(result.report, stderr);
		status = CLI_GUEST_DIED;
	} else {
		act->ns = clock_ns() - begin;
		collect(act, m);
	}
	pn_machine_destroy(m);
	return status;
}

static void print_act(const struct scene *scene, const struct act *a)
{
	printf("  %-8s %-28s %6" PRIu64 " %6" PRIu64 " %6" PRIu64 " %7" PRIu64 " %7.2f\n",
	       scene->cmdline, scene->words, a->guest.faults,
	       a->guest.flush_page + a->guest.flush_range + a->guest.flush_context +
		       a->guest.flush_all + a->guest.flush_pcid,
	       a->exits, a->kernel_exits, (double)a->ns / 1e6);
}

/* What the figures mean on this kind of host. */
static void print_moral(enum pn_paging paging, const struct act acts[SCENES])
{
	uint64_t faults = 0, seen = 0;

	for (size_t i = 0; i < SCENES; i++) {
		faults += acts[i].guest.faults;
		seen += acts[i].kernel_faults;
	}
	printf("\nOf the guest's %" PRIu64 " page faults the host's kernel saw %" PRIu64 ". ",
	       faults, seen);
	if (kvm_paging_is_tdp(paging))
		printf("With two-dimensional\n"
		       "paging the guest takes its faults alone: the processor walks the guest's\n"
		       "tables and the host's, and a fault of the guest is nobody else's "
		       "business.\n");
	else
		printf("Without two-\n"
		       "dimensional paging the host's kernel shadows the guest's tables: it has "
		       "to\n"
		       "see each fault and each flush, and answer them or hand them on.\n");
}

static int demo(void)
{
	char guest[PATH_MAX];
	struct act acts[SCENES] = {0};
	enum pn_paging paging;
	struct pn_error err;

	if (!paths_find("guest/pagelab.elf", guest, sizeof(guest)))
		return CLI_FAILED;
	if (probe_paging(&paging, &err))
		return cli_fail_error(&err);
	printf("Penumbra %s\n\n", PN_VERSION);
	printf("This host      %s, found by behaviour\n", pn_paging_name(paging));
	printf("The guest      pagelab: 64 MiB, its own page tables, processes at ring 3\n");
	printf("The mode       hw: the vCPU runs on the guest's own tables\n\n");
	printf("  %-8s %-28s %6s %6s %6s %7s %7s\n", "workload", "", "guest", "guest", "exits",
	       "exits", "time");
	printf("  %-8s %-28s %6s %6s %6s %7s %7s\n", "", "", "faults", "flush", "to us", "to KVM",
	       "ms");
	for (size_t i = 0; i < SCENES; i++) {
		int status = play(&acts[i], &scenes[i], guest);

		if (status)
			return status;
		print_act(&scenes[i], &acts[i]);
		fflush(stdout);
	}
	print_moral(paging, acts);
	printf("\nGo on with\n"
	       "  build/penumbra run --stats build/guest/pagelab.elf -- touch pages=1000\n"
	       "  build/penumbra doctor\n"
	       "  docs/tour.md\n");
	return cli_finish(0);
}

int cli_demo(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return cli_finish(0);
	}
	if (argc != 1)
		return cli_fail("demo: %s: takes no arguments; see penumbra demo --help", argv[1]);
	return demo();
}
