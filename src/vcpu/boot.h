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
 * Puts the vCPU into 64-bit mode with `levels` (4 or 5) paging levels; v->last gets the registers
 * as well. Memory is left alone. Returns 0, PN_ERR_HOST_LACKS (five levels where the host has
 * four), PN_ERR_SYSTEM.
 */
int boot_long_mode(struct vcpu *v, unsigned levels, struct pn_error *err);

/*
 * Writes boot information, report page, GDT, TSS and tables into RAM and points the vCPU, which is
 * in 64-bit mode already, at the guest's entry. Returns 0 or PN_ERR_SYSTEM.
 */
int boot_guest(struct vcpu *v, struct boot *boot, struct pn_error *err);

#endif
