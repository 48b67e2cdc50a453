/* SPDX-License-Identifier: MIT */
/*
 * What is the second dimension? A guest makes page faults of its own and flushes pages. A kernel
 * that shadows must see each of both; one that leaves them to the hardware sees none, and KVM's
 * statistics tell which. Module parameters only say what was asked for.
 */
#include "kvm/probe.h"

#include "error.h"
#include "kvm/probe_vm.h"
#include "kvm/stats.h"
#include "kvm/vendor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void probe_say(struct probe_answer *answer, bool yes, const char *format, ...)
{
	va_list args;

	answer->yes = yes;
	va_start(args, format);
	vsnprintf(answer->seen, sizeof(answer->seen), format, args);
	va_end(args);
}

int probe_open(struct probe *p, struct pn_error *err)
{
	int code = kvm_host_open(&p->host, err);

	if (code)
		return code;
	p->cpuid = calloc(1, sizeof(*p->cpuid));
	if (p->cpuid)
		code = kvm_supported_cpuid(&p->host, p->cpuid, err);
	else
		code = pn_fail(err, PN_ERR_NOMEM, "out of memory");
	if (code)
		probe_close(p);
	return code;
}

void probe_close(struct probe *p)
{
	free(p->cpuid);
	kvm_host_close(&p->host);
}

static enum pn_paging name_paging(bool tdp)
{
	const char *module = kvm_vendor_module();
	bool amd;

	if (!tdp && strcmp(module, "kvm_pvm") == 0)
		return PN_PAGING_SHADOW_PVM;
	if (strcmp(module, "kvm_amd") == 0)
		amd = true;
	else if (strcmp(module, "kvm_intel") == 0)
		amd = false;
	else
		amd = kvm_cpu_is_amd();
	if (tdp)
		return amd ? PN_PAGING_NPT : PN_PAGING_EPT;
	return amd ? PN_PAGING_SHADOW_AMD : PN_PAGING_SHADOW_INTEL;
}

/* Makes the guest fault and flush; e->faults is what it counted itself. */
static int run_touch(struct probe_vm *v, struct probe_evidence *e, struct pn_error *err)
{
	struct kvm_regs regs = {
		.rbx = PROBE_ABSENT,
		.rcx = PROBE_ABSENT_PAGES,
		.rsi = PROBE_PT,
	};
	int code;

	probe_vm_handle(v, 14, probe_guest_page_fault);
	code = probe_vm_enter(v, probe_guest_touch, &regs, err);
	if (!code)
		code = probe_vm_run(v, err);
	if (!code)
		code = probe_vm_regs(v, &regs, err);
	if (code)
		return code;
	if (probe_vm_stop(v) != PROBE_STOP_END) {
		char how[64];

		probe_vm_describe(v, how, sizeof(how));
		return pn_fail(err, PN_ERR_SYSTEM, "the guest that takes page faults: %s", how);
	}
	e->faults = regs.rdi;
	e->invlpgs = PROBE_ABSENT_PAGES;
	return PN_OK;
}

/* Reads KVM's count of both. Returns false with e->reason where there is none. */
static bool read_counts(int vcpu, struct probe_evidence *e)
{
	struct kvm_stats stats;
	struct pn_error err;

	if (kvm_stats_read(vcpu, &stats, &err)) {
		snprintf(e->reason, sizeof(e->reason), "%.*s", (int)sizeof(e->reason) - 1,
			 err.text);
		return false;
	}
	e->pf_guest = kvm_stats_get(&stats, "pf_guest", UINT64_MAX);
	e->invlpg = kvm_stats_get(&stats, "invlpg", UINT64_MAX);
	kvm_stats_free(&stats);
	if (e->pf_guest != UINT64_MAX && e->invlpg != UINT64_MAX)
		return true;
	snprintf(e->reason, sizeof(e->reason), "this kernel counts no pf_guest or no invlpg");
	return false;
}

static void judge(struct probe_evidence *e)
{
	if (e->faults && e->pf_guest >= e->faults) {
		e->paging = name_paging(false);
		e->by_behaviour = true;
	} else if (e->faults && e->pf_guest == 0 && e->invlpg == 0) {
		e->paging = name_paging(true);
		e->by_behaviour = true;
	} else {
		snprintf(e->reason, sizeof(e->reason),
			 "of %llu guest faults KVM counted %llu, of %llu INVLPG %llu: neither "
			 "shadow nor TDP",
			 (unsigned long long)e->faults, (unsigned long long)e->pf_guest,
			 (unsigned long long)e->invlpgs, (unsigned long long)e->invlpg);
	}
}

int probe_evidence(struct probe *p, struct probe_evidence *e, struct pn_error *err)
{
	struct probe_vm v;
	int code;

	*e = (struct probe_evidence){.module = kvm_vendor_paging()};
	e->paging = e->module;
	code = probe_vm_create(&v, p, false, err);
	if (code)
		return code;
	code = run_touch(&v, e, err);
	if (!code && read_counts(v.vcpu, e))
		judge(e);
	probe_vm_destroy(&v);
	return code;
}

int probe_paging(enum pn_paging *paging, struct pn_error *err)
{
	struct probe_evidence e;
	struct probe p;
	int code = probe_open(&p, err);

	if (code)
		return code;
	code = probe_evidence(&p, &e, err);
	probe_close(&p);
	if (code)
		return code;
	if (e.paging == PN_PAGING_UNKNOWN)
		return pn_fail(err, PN_ERR_HOST_LACKS,
			       "what this host's second dimension is cannot be told: %s", e.reason);
	*paging = e.paging;
	return PN_OK;
}
