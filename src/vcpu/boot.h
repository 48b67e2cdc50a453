/* SPDX-License-Identifier: MIT */
/* Starting a guest in 64-bit mode, as <penumbra/guest.h> promises: boot area and registers. */
#ifndef VCPU_BOOT_H
#define VCPU_BOOT_H

#include "vcpu/vcpu.h"

#include <penumbra/guest.h>

/* What the guest is told, and where it begins. */
struct boot {
	unsigned levels; /* 4 or 5 */
	gva_t entry;
	const char *cmdline;	  /* shorter than PN_CMDLINE_MAX */
	struct pn_boot_info info; /* tsc_hz, image_*, ram[] filled in by the caller */
};

/*
 * Writes boot information, report page, GDT, TSS and tables into RAM and loads the vCPU's
 * registers, which v->last gets as well. Returns 0, PN_ERR_HOST_LACKS (the host refuses the
 * registers: five levels where it has four), PN_ERR_SYSTEM.
 */
int boot_vcpu(struct vcpu *v, struct boot *boot, struct pn_error *err);

#endif
