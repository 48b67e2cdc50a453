/* SPDX-License-Identifier: MIT */
/* Counting exits, and keeping the last few. */
#include "vcpu/history.h"

#include "x86.h"

#include <Zydis/Zydis.h>
#include <stdio.h>
#include <string.h>

void history_add(struct history *h, const struct kvm_run *run)
{
	struct exit_record *r = &h->last[h->total++ % HISTORY_LAST];
	uint32_t reason = run->exit_reason;

	h->by_reason[reason < KVM_EXIT_REASONS ? reason : KVM_EXIT_UNKNOWN]++;
	*r = (struct exit_record){.reason = reason, .rip = run->s.regs.regs.rip};
	if (reason == KVM_EXIT_IO) {
		r->in = run->io.direction == KVM_EXIT_IO_IN;
		r->size = run->io.size;
		r->where = run->io.port;
		if (!r->in)
			memcpy(&r->value, (const char *)run + run->io.data_offset, r->size);
	} else if (reason == KVM_EXIT_MMIO) {
		r->in = !run->mmio.is_write;
		r->size = (uint8_t)run->mmio.len;
		r->where = run->mmio.phys_addr;
		if (!r->in)
			memcpy(&r->value, run->mmio.data,
			       r->size < sizeof(r->value) ? r->size : sizeof(r->value));
	}
}

/* SDM vol. 3, 6.3.1. */
static const char *const vectors[] = {
	[0] = "#DE",  [1] = "#DB",  [2] = "NMI",  [3] = "#BP",	[4] = "#OF",
	[5] = "#BR",  [6] = "#UD",  [7] = "#NM",  [8] = "#DF",	[10] = "#TS",
	[11] = "#NP", [12] = "#SS", [13] = "#GP", [14] = "#PF", [16] = "#MF",
	[17] = "#AC", [18] = "#MC", [19] = "#XM", [21] = "#CP",
};

static const char *const outcomes[TRAP_OUTCOMES] = {
	[TRAP_FATAL] = "the end",
	[TRAP_HIDDEN] = "hidden fault",
	[TRAP_GUEST] = "to the guest",
	[TRAP_SYSCALL] = "to the guest",
	[TRAP_EMULATED] = "emulated",
	[TRAP_TABLE] = "store to a table, emulated",
	[TRAP_LET_GO] = "store to a former table, let through",
	[TRAP_FORESEEN] = "emulated, entry foreseen",
	[TRAP_STOPPED] = "the run stops here",
	[TRAP_MAIL] = "more mail",
};

static char *format_trap(const struct exit_record *r, char *text, size_t size)
{
	const struct trap_record *t = &r->trap;
	const char *name = "trap", *mnemonic = ZydisMnemonicGetString((ZydisMnemonic)t->mnemonic);
	char what[80] = "";

	if (t->vector < sizeof(vectors) / sizeof(vectors[0]) && vectors[t->vector])
		name = vectors[t->vector];
	else if (t->outcome == TRAP_SYSCALL)
		name = "SYSC";
	else if (t->outcome == TRAP_MAIL)
		name = "mail";
	if (t->mnemonic && mnemonic)
		snprintf(what, sizeof(what), "%s: ", mnemonic);
	else if (t->vector == 14)
		snprintf(what, sizeof(what), "%s %s GVA 0x%llx: ", t->user ? "user" : "kernel",
			 t->error & PF_ERR_FETCH   ? "fetch"
			 : t->error & PF_ERR_WRITE ? "write"
						   : "read",
			 (unsigned long long)t->cr2);
	snprintf(text, size, "%-5s rip 0x%016llx  %s%s", name, (unsigned long long)r->rip, what,
		 outcomes[t->outcome]);
	return text;
}

char *history_format(const struct exit_record *r, char *text, size_t size)
{
	unsigned long long rip = r->rip, where = r->where, value = r->value;

	if (r->is_trap)
		return format_trap(r, text, size);
	if (r->reason == KVM_EXIT_IO && r->in)
		snprintf(text, size, "IO    rip 0x%016llx  in  port 0x%llx, %u bytes", rip, where,
			 r->size);
	else if (r->reason == KVM_EXIT_IO)
		snprintf(text, size, "IO    rip 0x%016llx  out port 0x%llx = 0x%llx", rip, where,
			 value);
	else if (r->reason == KVM_EXIT_MMIO && r->in)
		snprintf(text, size, "MMIO  rip 0x%016llx  read GPA 0x%llx, %u bytes", rip, where,
			 r->size);
	else if (r->reason == KVM_EXIT_MMIO)
		snprintf(text, size, "MMIO  rip 0x%016llx  write GPA 0x%llx = 0x%llx", rip, where,
			 value);
	else
		snprintf(text, size, "%-5s rip 0x%016llx", kvm_exit_name(r->reason), rip);
	return text;
}
