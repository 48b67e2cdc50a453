/* SPDX-License-Identifier: MIT */
/* Counting exits, and keeping the last few. */
#include "vcpu/history.h"

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

char *history_format(const struct exit_record *r, char *text, size_t size)
{
	unsigned long long rip = r->rip, where = r->where, value = r->value;

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
