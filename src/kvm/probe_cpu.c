/* SPDX-License-Identifier: MIT */
/* Probes of what a vCPU of this host does: paging features, IOPL, the triple fault. */
#include "error.h"
#include "kvm/exits.h"
#include "kvm/probe_vm.h"
#include "x86.h"

#include <string.h>

/* What the guest must find in memory, or keep in a register. */
#define MARK		     UINT64_C(0x5eed0fbe11aca5e5)

#define CPUID_7_ECX_LA57     (UINT32_C(1) << 16)
#define CPUID_EXT_EDX_PAGE1G (UINT32_C(1) << 26)

/* Makes the VM, runs `entry` to its first exit and leaves the registers of then in *regs. */
static int run_once(struct probe_vm *v, struct probe *p, bool la57, const uint8_t *entry,
		    struct kvm_regs *regs, struct pn_error *err)
{
	int code = probe_vm_create(v, p, la57, err);

	if (code)
		return code;
	memcpy(v->ram + PROBE_DATA, &(uint64_t){MARK}, sizeof(uint64_t));
	code = probe_vm_enter(v, entry, regs, err);
	if (!code)
		code = probe_vm_run(v, err);
	if (!code)
		code = probe_vm_regs(v, regs, err);
	if (code)
		probe_vm_destroy(v);
	return code;
}

/* Loads from `gva`, which must reach PROBE_DATA. */
static int probe_load(struct probe *p, bool la57, gva_t gva, struct probe_answer *answer,
		      struct pn_error *err)
{
	struct kvm_regs regs = {.rbx = gva};
	struct probe_vm v;
	int code = run_once(&v, p, la57, probe_guest_load, &regs, err);

	if (code)
		return code;
	if (probe_vm_stop(&v) != PROBE_STOP_END) {
		char how[64];

		probe_vm_describe(&v, how, sizeof(how));
		probe_say(answer, false, "offered, but a load gives %s", how);
	} else if (regs.rdx != MARK) {
		probe_say(answer, false, "offered, but a load gives wrong data");
	} else if (la57 != ((regs.rdi & CR4_LA57) != 0)) {
		probe_say(answer, false, "offered, but CR4.LA57 reads 0");
	} else {
		probe_say(answer, true, "yes");
	}
	probe_vm_destroy(&v);
	return PN_OK;
}

int probe_la57(struct probe *p, struct probe_answer *answer, struct pn_error *err)
{
	const struct kvm_cpuid_entry2 *e = kvm_cpuid_find(p->cpuid, 7, 0);
	int code;

	if (!e || !(e->ecx & CPUID_7_ECX_LA57)) {
		probe_say(answer, false, "no");
		return PN_OK;
	}
	code = probe_load(p, true, PROBE_GVA_LA57 + PROBE_DATA, answer, err);
	if (code != PN_ERR_HOST_LACKS)
		return code;
	probe_say(answer, false, "offered, but does not run");
	return PN_OK;
}

int probe_page_1g(struct probe *p, struct probe_answer *answer, struct pn_error *err)
{
	const struct kvm_cpuid_entry2 *e = kvm_cpuid_find(p->cpuid, 0x80000001, 0);

	if (e && (e->edx & CPUID_EXT_EDX_PAGE1G))
		return probe_load(p, false, PROBE_GVA_1G + PROBE_DATA, answer, err);
	probe_say(answer, false, "no");
	return PN_OK;
}

/* What the flags that the guest kept say. */
static void judge_iopl(const struct kvm_regs *regs, struct probe_answer *answer)
{
	if ((regs->r12 & RFLAGS_IOPL) != RFLAGS_IOPL)
		probe_say(answer, false, "PUSHF shows another IOPL");
	else if (!(regs->r12 & RFLAGS_IF) || (regs->r13 & RFLAGS_IF) || !(regs->r14 & RFLAGS_IF))
		probe_say(answer, false, "IF does not follow CLI and STI");
	else
		probe_say(answer, true, "honoured");
}

int probe_iopl(struct probe *p, struct probe_answer *answer, struct pn_error *err)
{
	static const char *const at[] = {
		[PROBE_AT_PUSHF] = "PUSHF",
		[PROBE_AT_CLI] = "CLI",
		[PROBE_AT_STI] = "STI",
		[PROBE_AT_END] = "INT3",
	};
	struct kvm_regs regs = {0};
	char how[64];
	struct probe_vm v;
	int code = run_once(&v, p, false, probe_guest_iopl, &regs, err);

	if (code)
		return code;
	probe_vm_describe(&v, how, sizeof(how));
	if (probe_vm_stop(&v) != PROBE_STOP_EXCEPTION)
		code = pn_fail(err, PN_ERR_SYSTEM, "the guest at CPL 3: %s", how);
	else if (probe_vm_vector(&v) == 3 && regs.rbx == PROBE_AT_END)
		judge_iopl(&regs, answer);
	else
		probe_say(answer, false, "%s: %s", regs.rbx <= PROBE_AT_END ? at[regs.rbx] : "?",
			  how);
	probe_vm_destroy(&v);
	return code;
}

int probe_triple_fault(struct probe *p, struct probe_answer *answer, struct pn_error *err)
{
	struct kvm_regs regs = {.rdi = MARK};
	struct probe_vm v;
	int code = run_once(&v, p, false, probe_guest_triple_fault, &regs, err);

	if (code)
		return code;
	if (v.run->exit_reason != KVM_EXIT_SHUTDOWN)
		code = pn_fail(err, PN_ERR_SYSTEM, "an exception without an IDT: exit %s",
			       kvm_exit_name(v.run->exit_reason));
	else if (regs.rdi == MARK && regs.rip - PROBE_CODE < PROBE_CODE_SIZE)
		probe_say(answer, true, "registers kept");
	else
		probe_say(answer, false, "registers reset");
	probe_vm_destroy(&v);
	return code;
}
