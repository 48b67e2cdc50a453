/* SPDX-License-Identifier: MIT */
/* doctor's findings on the host's kernel beside KVM. */
#include "cli/doctor/doctor.h"
#include "kvm/probe_kernel.h"

static void find_userfaultfd(struct findings *f)
{
	static const char use[] = "tracing second-dimension faults of guest RAM";
	static const struct {
		const char *found;
		enum verdict verdict;
	} says[] = {
		[PROBE_UFFD_ABSENT] = {"not in this kernel", VERDICT_LACKS},
		[PROBE_UFFD_FORBIDDEN] = {"forbidden", VERDICT_LACKS},
		[PROBE_UFFD_DEVICE] = {"by device", VERDICT_OK},
		[PROBE_UFFD_SYSCALL] = {"yes", VERDICT_OK},
	};
	enum probe_userfaultfd how = probe_userfaultfd();
	struct finding *n = findings_add(f, "userfaultfd", "userfaultfd", says[how].verdict,
					 says[how].found, use);

	if (how == PROBE_UFFD_FORBIDDEN)
		finding_command(n, "sudo sysctl vm.unprivileged_userfaultfd=1");
}

static void find_events(struct findings *f, const char *id, const char *what, bool there)
{
	findings_add(f, id, what, there ? VERDICT_OK : VERDICT_LACKS, there ? "yes" : "no",
		     there ? "the trace can take them in"
			   : "not in this kernel, or KVM is not loaded");
}

static void find_tracepoints(struct findings *f)
{
	static const char use[] = "tracing what the host's KVM does";
	struct probe_tracefs t;

	probe_tracefs(&t);
	if (!t.path[0]) {
		struct finding *n =
			findings_add(f, "tracefs", "tracefs", VERDICT_LACKS,
				     t.supported ? "not mounted" : "not in this kernel", use);

		if (t.supported)
			finding_command(n, "sudo mount -t tracefs tracefs /sys/kernel/tracing");
		return;
	}
	if (!t.readable || !t.writable) {
		findings_add(f, "tracefs", "tracefs", VERDICT_LACKS, "closed to this user",
			     "run as root to trace what the host's KVM does");
		return;
	}
	findings_add(f, "tracefs", "tracefs", VERDICT_OK, t.path, use);
	find_events(f, "tracefs.kvm", "tracepoints kvm", t.kvm);
	find_events(f, "tracefs.kvmmmu", "tracepoints kvmmmu", t.kvmmmu);
}

struct hugepages {
	const char *id, *what;
	uint64_t size;
	const char *use, *command;
};

static const struct hugepages hugepages[] = {
	{"hugepages.2m", "2 MiB huge pages", UINT64_C(2) << 20, "--hugepages=2M, 32 for 64M of RAM",
	 "echo 32 | sudo tee /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"},
	{"hugepages.1g", "1 GiB huge pages", UINT64_C(1) << 30,
	 "--hugepages=1G, one per GiB of RAM",
	 "echo 1 | sudo tee /sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"},
};

static void find_hugepages(struct findings *f, const struct hugepages *h)
{
	uint64_t reserved, available;
	struct finding *n;
	char found[64];

	if (!probe_hugepages(h->size, &reserved, &available)) {
		findings_add(f, h->id, h->what, VERDICT_LACKS, "not in this kernel", h->use);
		return;
	}
	if (reserved)
		snprintf(found, sizeof(found), "%llu of %llu free", (unsigned long long)available,
			 (unsigned long long)reserved);
	else
		snprintf(found, sizeof(found), "none reserved");
	n = findings_add(f, h->id, h->what, available ? VERDICT_OK : VERDICT_LACKS, found, h->use);
	if (!available)
		finding_command(n, h->command);
}

void doctor_look_at_kernel(struct findings *f)
{
	f->section = "Host kernel";
	find_userfaultfd(f);
	find_tracepoints(f);
	for (size_t i = 0; i < sizeof(hugepages) / sizeof(hugepages[0]); i++)
		find_hugepages(f, &hugepages[i]);
}
