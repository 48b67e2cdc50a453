/* SPDX-License-Identifier: MIT */
/* Starting a guest in 64-bit mode: no firmware, no real mode. */
#include "vcpu/boot.h"

#include "error.h"
#include "kvm/longmode.h"
#include "memory/boot_tables.h"
#include "x86.h"

#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* The TSS shares the page of the GDT. */
#define TSS_GPA (PN_BOOT_GDT_GPA + 0x100)

_Static_assert(sizeof(struct pn_boot_info) <= PAGE_SIZE, "the boot information is one page");
_Static_assert(sizeof(struct pn_guest_report) <= PAGE_SIZE, "the report is one page");

static int write_boot_area(struct gmem *mem, struct boot *boot)
{
	const uint8_t zero[LONGMODE_TSS_SIZE] = {0};
	uint64_t gdt[LONGMODE_GDT_ENTRIES];
	struct pn_guest_report report = {0};
	struct pn_boot_info *info = &boot->info;

	info->magic = PN_BOOT_MAGIC;
	info->version = PN_ABI_VERSION;
	info->levels = boot->levels;
	snprintf(info->cmdline, sizeof(info->cmdline), "%s", boot->cmdline);
	longmode_gdt(gdt, TSS_GPA);
	if (gmem_write(mem, PN_BOOT_INFO_GPA, info, sizeof(*info)) ||
	    gmem_write(mem, PN_REPORT_GPA, &report, sizeof(report)) ||
	    gmem_write(mem, PN_BOOT_GDT_GPA, gdt, sizeof(gdt)) ||
	    gmem_write(mem, TSS_GPA, zero, sizeof(zero)))
		return PN_ERR_NOT_MAPPED;
	return boot_tables_build(mem, boot->levels);
}

int boot_long_mode(struct vcpu *v, unsigned levels, struct pn_error *err)
{
	const struct longmode start = {
		.cr3 = boot_tables_root(levels),
		.gdt = PN_BOOT_GDT_GPA,
		.tss = TSS_GPA,
		.la57 = levels == 5,
	};
	struct kvm_sregs *sregs = &v->last.sregs;

	if (ioctl(v->fd, KVM_GET_SREGS, sregs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_SREGS");
	longmode_sregs(sregs, &start);
	if (ioctl(v->fd, KVM_SET_SREGS, sregs) == 0)
		return PN_OK;
	if (start.la57)
		return pn_fail(err, PN_ERR_HOST_LACKS,
			       "five paging levels (CR4.LA57): this host has four; drop "
			       "--levels=5");
	return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_SREGS");
}

int boot_guest(struct vcpu *v, struct boot *boot, struct pn_error *err)
{
	struct kvm_regs *regs = &v->last.regs;

	if (write_boot_area(v->mem, boot))
		return pn_fail(err, PN_ERR_SYSTEM, "the boot area is not RAM");
	*regs = (struct kvm_regs){
		.rip = boot->entry,
		.rsp = PN_BOOT_STACK_TOP,
		.rdi = PN_BOOT_INFO_GPA,
		.rflags = RFLAGS_FIXED,
	};
	if (ioctl(v->fd, KVM_SET_REGS, regs))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_REGS");
	return PN_OK;
}
