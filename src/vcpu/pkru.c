/* SPDX-License-Identifier: MIT */
/*
 * PKRU of a vCPU, which KVM gives and takes as a component of the XSAVE area only. SDM vol. 1, 13.5.7
 * (component 9) and 13.4.2 (header); KVM API 4.42, 4.43.
 */
#include "vcpu/state.h"

#include "error.h"
#include "x86.h"

#include <string.h>
#include <sys/ioctl.h>

#define COMPONENT 9
#define XSTATE_BV 512 /* offset of the header's first word */

/* Where PKRU lies in the area, in bytes; 0: the guest is not offered keys. */
static uint32_t offset_of(const struct vcpu *v)
{
	const struct kvm_cpuid_entry2 *features = kvm_cpuid_find(v->plan.cpuid, 7, 0);
	const struct kvm_cpuid_entry2 *place = kvm_cpuid_find(v->plan.cpuid, 0xd, COMPONENT);

	if (!features || !(features->ecx & CPUID_7_ECX_PKU) || !place ||
	    place->ebx > sizeof(struct kvm_xsave) - sizeof(uint32_t))
		return 0;
	return place->ebx;
}

int state_get_pkru(const struct vcpu *v, uint32_t *pkru, struct pn_error *err)
{
	uint32_t offset = offset_of(v);
	struct kvm_xsave area;

	*pkru = 0;
	if (!offset)
		return PN_OK;
	if (ioctl(v->fd, KVM_GET_XSAVE, &area))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_XSAVE");
	memcpy(pkru, (const uint8_t *)area.region + offset, sizeof(*pkru));
	return PN_OK;
}

int state_set_pkru(const struct vcpu *v, uint32_t pkru, struct pn_error *err)
{
	uint32_t offset = offset_of(v);
	struct kvm_xsave area;
	uint64_t present;

	if (!offset)
		return PN_OK;
	if (ioctl(v->fd, KVM_GET_XSAVE, &area))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_GET_XSAVE");
	memcpy(&present, (const uint8_t *)area.region + XSTATE_BV, sizeof(present));
	present |= UINT64_C(1) << COMPONENT;
	memcpy((uint8_t *)area.region + XSTATE_BV, &present, sizeof(present));
	memcpy((uint8_t *)area.region + offset, &pkru, sizeof(pkru));
	if (ioctl(v->fd, KVM_SET_XSAVE, &area))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_XSAVE");
	return PN_OK;
}
