/* SPDX-License-Identifier: MIT */
/*
 * doctor's findings on KVM, from the ground up: the device, its version and capabilities, then
 * what only guests can show. What stands on a gap is left out.
 */
#include "cli/doctor/doctor.h"
#include "kvm/caps.h"
#include "kvm/probe.h"
#include "kvm/probe_device.h"
#include "kvm/vendor.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum verdict verdict_of(bool ok)
{
	return ok ? VERDICT_OK : VERDICT_LACKS;
}

static void find_device(struct findings *f, const struct probe_device *d)
{
	struct probe_remedy r;
	struct finding *n;

	if (!d->open_errno) {
		findings_add(f, "device", KVM_DEVICE, VERDICT_OK, "opens",
			     "this user may run guests");
		return;
	}
	probe_device_judge(d, &r);
	n = findings_add(f, "device", KVM_DEVICE, VERDICT_LACKS,
			 d->exists ? "does not open" : "missing", r.text);
	if (r.command[0])
		finding_command(n, r.command);
	if (r.lasting[0])
		finding_command(n, r.lasting);
}

static void find_hardware(struct findings *f, const struct probe_device *d)
{
	const char *name = strcmp(d->module, "kvm_amd") == 0 ? "SVM (AMD)" : "VMX (Intel)";

	if (d->cpuid_virt && !d->kernel_virt && !d->loaded)
		findings_add(f, "virtualisation", "CPU virtualisation", VERDICT_LACKS, "turned off",
			     "the CPU has it, but the firmware turned it off");
	else if (d->cpuid_virt)
		findings_add(f, "virtualisation", "CPU virtualisation", VERDICT_OK, name,
			     "the hardware can have EPT or NPT");
	else
		findings_add(f, "virtualisation", "CPU virtualisation", VERDICT_LACKS, "none",
			     "CPUID shows no VMX and no SVM: no EPT, no NPT");
	findings_add(f, "module", "vendor module", d->loaded ? VERDICT_OK : VERDICT_UNKNOWN,
		     f->module,
		     d->loaded ? "the part of KVM for this CPU" : "/sys/module shows none");
}

/* Returns whether this KVM speaks the API that Penumbra speaks. */
static bool find_version(struct findings *f, int fd)
{
	int version = ioctl(fd, KVM_GET_API_VERSION, 0);
	bool same = version == KVM_API_VERSION;
	char found[32];

	snprintf(found, sizeof(found), "%d", version);
	findings_add(f, "api", "API version", verdict_of(same), found,
		     same ? "the one Penumbra speaks" : "Penumbra needs version 12");
	return same;
}

static void upper_case(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; from[i] && i + 1 < size; i++)
		to[i] = (char)toupper((unsigned char)from[i]);
	to[i] = 0;
}

/* Returns whether all that is required is there. */
static bool find_capabilities(struct findings *f, int fd)
{
	size_t count;
	const struct kvm_cap *caps = kvm_caps(&count);
	bool all = true;

	f->section = "KVM capabilities";
	for (size_t i = 0; i < count; i++) {
		int answer = kvm_check_extension(fd, caps[i].number);
		bool enough = kvm_cap_enough(&caps[i], answer);
		bool missed = !enough && caps[i].required;
		char id[48], name[32], found[32], meaning[160];

		snprintf(id, sizeof(id), "cap.%s", caps[i].id);
		upper_case(name, sizeof(name), caps[i].id);
		if (answer <= 1)
			snprintf(found, sizeof(found), "%s", answer ? "yes" : "no");
		else
			snprintf(found, sizeof(found), caps[i].bits ? "0x%x" : "%d", answer);
		snprintf(meaning, sizeof(meaning), "%s%s", missed ? "REQUIRED: " : "", caps[i].use);
		findings_add(f, id, name, verdict_of(enough), found, meaning);
		all = all && !missed;
	}
	return all;
}

static void find_evidence(struct findings *f, const struct probe_evidence *e)
{
	char text[200];

	if (!e->by_behaviour) {
		findings_add(f, "paging.proof", "proved by", VERDICT_UNKNOWN, "parameters only",
			     e->reason);
		return;
	}
	snprintf(text, sizeof(text),
		 "of %llu page faults of a guest KVM saw %llu, of %llu INVLPG %llu",
		 (unsigned long long)e->faults, (unsigned long long)e->pf_guest,
		 (unsigned long long)e->invlpgs, (unsigned long long)e->invlpg);
	findings_add(f, "paging.proof", "proved by", VERDICT_OK, "behaviour", text);
	if (e->module == PN_PAGING_UNKNOWN)
		findings_add(f, "paging.module", "module parameters", VERDICT_UNKNOWN,
			     "say nothing", "nothing to compare with");
	else if (e->module == e->paging)
		findings_add(f, "paging.module", "module parameters", VERDICT_OK, "agree",
			     "they say the same");
	else
		findings_add(f, "paging.module", "MODULE PARAMETERS", VERDICT_LACKS,
			     pn_paging_name(e->module),
			     "THEY DISAGREE WITH WHAT THIS HOST DOES; what it does counts");
}

/* Returns whether a guest ran, whatever it then showed. */
static bool find_paging(struct findings *f, struct probe *p)
{
	struct probe_evidence e;
	struct pn_error err;
	bool tdp;

	f->section = "Memory virtualisation";
	if (probe_evidence(p, &e, &err)) {
		findings_add(f, "guest", "a guest", VERDICT_LACKS, "does not run", err.text);
		return false;
	}
	findings_add(f, "guest", "a guest", VERDICT_OK, "runs",
		     "in 64-bit mode, taking page faults of its own");
	tdp = kvm_paging_is_tdp(e.paging);
	f->paging = pn_paging_name(e.paging);
	if (e.paging == PN_PAGING_UNKNOWN)
		findings_add(f, "paging", "second dimension", VERDICT_UNKNOWN, f->paging,
			     "hw mode runs; --mmu=tdp is refused");
	else
		findings_add(f, "paging", "second dimension", verdict_of(tdp), f->paging,
			     tdp ? "the hardware walks the guest's and the host's tables; "
				   "--mmu=tdp runs"
				 : "hw mode runs, but the host's kernel shadows the guest's "
				   "tables; --mmu=tdp is refused");
	find_evidence(f, &e);
	return true;
}

/* Questions that a guest answers. */
struct question {
	const char *id, *what;
	probe_fn *probe;
	const char *yes, *no; /* what the answer means */
};

static const struct question paging_questions[] = {
	{"paging.la57", "five-level paging", probe_la57, "--levels=5 runs",
	 "--levels=5 is refused"},
	{"paging.page_1g", "1 GiB guest pages", probe_page_1g, "guests may use them",
	 "guests must not use them"},
};

static const struct question cpu_questions[] = {
	{"cpu.iopl", "IOPL at CPL 3", probe_iopl,
	 "with IOPL = 3 a deprivileged kernel's CLI, STI, PUSHF and POPF run natively",
	 "CLI and STI of a deprivileged kernel always trap"},
	{"cpu.triple_fault", "after a triple fault", probe_triple_fault,
	 "the report of a dead guest shows its last state",
	 "the report of a dead guest shows the exit before"},
	{"debug.software", "INT3 breakpoints", probe_debug_software,
	 "hw mode can be traced at any number of places", "hw mode is not traced by them"},
	{"debug.hardware", "DR0-DR3 breakpoints", probe_debug_hardware,
	 "hw mode can be traced at four places", "hw mode is not traced by them"},
	{"debug.step", "single-step", probe_debug_step, "a guest can be stepped through",
	 "a guest cannot be stepped through"},
};

static void ask(struct findings *f, struct probe *p, const struct question *questions, size_t count)
{
	for (const struct question *q = questions; q < questions + count; q++) {
		struct probe_answer a;
		struct pn_error err;

		if (q->probe(p, &a, &err))
			findings_add(f, q->id, q->what, VERDICT_UNKNOWN, "probe failed", err.text);
		else
			findings_add(f, q->id, q->what, verdict_of(a.yes), a.seen,
				     a.yes ? q->yes : q->no);
	}
}

/* What CPUID offers guests for paging in hw mode. */
struct feature {
	const char *id, *what;
	uint32_t leaf;
	enum { EBX, ECX, EDX } reg;
	unsigned bit;
	const char *use;
};

static const struct feature features[] = {
	{"cpuid.nx", "NX", 0x80000001, EDX, 20, "pages without code"},
	{"cpuid.smep", "SMEP", 7, EBX, 7, "keeps CPL 0 from user code"},
	{"cpuid.smap", "SMAP", 7, EBX, 20, "keeps CPL 0 from user data"},
	{"cpuid.umip", "UMIP", 7, ECX, 2, "hides descriptor tables from CPL 3"},
	{"cpuid.pku", "PKU", 7, ECX, 3, "protects user pages by keys"},
	{"cpuid.pcid", "PCID", 1, ECX, 17, "tags the TLB by address space"},
	{"cpuid.invpcid", "INVPCID", 7, EBX, 10, "flushes by PCID"},
};

static void find_features(struct findings *f, union kvm_cpuid_list *cpuid)
{
	const struct kvm_cpuid_entry2 *sizes = kvm_cpuid_find(cpuid, 0x80000008, 0);

	if (sizes) {
		char found[32];

		snprintf(found, sizeof(found), "%u bits", sizes->eax & 0xff);
		findings_add(f, "cpuid.maxphyaddr", "MAXPHYADDR", VERDICT_OK, found,
			     "size of the guest-physical space");
	} else {
		findings_add(f, "cpuid.maxphyaddr", "MAXPHYADDR", VERDICT_UNKNOWN, "not told",
			     "guests take 36 bits");
	}
	for (const struct feature *w = features; w < features + COUNT(features); w++) {
		const struct kvm_cpuid_entry2 *e = kvm_cpuid_find(cpuid, w->leaf, 0);
		const uint32_t regs[] = {
			[EBX] = e ? e->ebx : 0,
			[ECX] = e ? e->ecx : 0,
			[EDX] = e ? e->edx : 0,
		};
		bool offered = regs[w->reg] >> w->bit & 1;
		char meaning[96];

		snprintf(meaning, sizeof(meaning), "%s%s", w->use,
			 offered ? "" : "; guests do without");
		findings_add(f, w->id, w->what, verdict_of(offered),
			     offered ? "offered" : "not offered", meaning);
	}
}

/* All that guests show. Returns whether one ran. */
static bool find_by_guests(struct findings *f)
{
	struct pn_error err;
	struct probe p;
	bool runs;

	if (probe_open(&p, &err)) {
		f->section = "Memory virtualisation";
		findings_add(f, "guest", "a guest", VERDICT_LACKS, "does not run", err.text);
		return false;
	}
	runs = find_paging(f, &p);
	ask(f, &p, paging_questions, COUNT(paging_questions));
	find_features(f, p.cpuid);
	f->section = "Virtual CPUs";
	ask(f, &p, cpu_questions, COUNT(cpu_questions));
	probe_close(&p);
	return runs;
}

void doctor_look_at_kvm(struct findings *f)
{
	struct probe_device device;
	int fd;

	f->section = "Host";
	f->module = kvm_vendor_module();
	f->paging = pn_paging_name(kvm_vendor_paging());
	probe_device_look(&device);
	find_device(f, &device);
	find_hardware(f, &device);
	fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	if (find_version(f, fd)) {
		f->usable = find_by_guests(f);
		f->usable = find_capabilities(f, fd) && f->usable;
	}
	close(fd);
}
