/* SPDX-License-Identifier: MIT */
/* The table of the host kernel's tracepoints. */
#include "trace/tracepoints.h"

#include <stddef.h>

#define KVM(event) .system = "kvm", .name = event
#define MMU(event) .system = "kvmmmu", .name = event

/* Fields that several have. */
#define GFN                                         \
	{                                           \
		"gfn", MEMBER_ADDRESS, 12, 0, "GPA" \
	}
#define LEVEL                                     \
	{                                         \
		"level", MEMBER_LEVEL, 0, 0, NULL \
	}
#define ACCESS                                     \
	{                                          \
		"access", MEMBER_ERROR, 0, 0, NULL \
	}
#define ROLE                                      \
	{                                         \
		"role", MEMBER_VALUE0, 0, 0, NULL \
	}
#define IN_ROLE                                       \
	{                                             \
		"role", MEMBER_LEVEL, 0, 0xf, "level" \
	} /* union kvm_mmu_page_role: bits 3:0 */
#define UNSYNC                                     \
	{                                          \
		"unsync", MEMBER_CAUSE, 0, 0, NULL \
	}
#define ROOTS                                              \
	{                                                  \
		"root_count", MEMBER_VALUE1, 0, 0, "roots" \
	}

const struct tracepoint tracepoints[PN_TRACEPOINTS] = {
	/* What is behind info1 and info2 is the vendor's: an EPT violation's qualification, an NPT
	 * fault's error code and GPA. isa: 1 VMX, 2 SVM. */
	[PN_TP_KVM_EXIT] = {KVM("kvm_exit"),
			    {{"exit_reason", MEMBER_COUNT, 0, 0, "reason"},
			     {"guest_rip", MEMBER_RIP, 0, 0, NULL},
			     {"info1", MEMBER_VALUE0, 0, 0, NULL},
			     {"info2", MEMBER_VALUE1, 0, 0, NULL},
			     {"error_code", MEMBER_ERROR, 0, 0, "error"},
			     {"isa", MEMBER_CAUSE, 0, 0, NULL}}},
	[PN_TP_KVM_ENTRY] = {KVM("kvm_entry"), {{"rip", MEMBER_RIP, 0, 0, NULL}}},
	[PN_TP_KVM_USERSPACE_EXIT] = {KVM("kvm_userspace_exit"),
				      {{"reason", MEMBER_COUNT, 0, 0, NULL},
				       {"errno", MEMBER_ERROR, 0, 0, NULL}}},
	[PN_TP_KVM_PAGE_FAULT] = {KVM("kvm_page_fault"),
				  {{"fault_address", MEMBER_ADDRESS, 0, 0, "address"},
				   {"error_code", MEMBER_ERROR, 0, 0, "error"},
				   {"guest_rip", MEMBER_RIP, 0, 0, NULL}}},
	[PN_TP_KVM_INJ_EXCEPTION] = {KVM("kvm_inj_exception"),
				     {{"exception", MEMBER_COUNT, 0, 0, "vector"},
				      {"error_code", MEMBER_ERROR, 0, 0, "error"},
				      {"reinjected", MEMBER_CAUSE, 0, 0, NULL}}},
	[PN_TP_KVM_CR] = {KVM("kvm_cr"),
			  {{"cr", MEMBER_COUNT, 0, 0, "CR"},
			   {"val", MEMBER_VALUE0, 0, 0, "value"},
			   {"rw", MEMBER_CAUSE, 0, 0, "write"}}},
	[PN_TP_KVM_MMIO] = {KVM("kvm_mmio"),
			    {{"gpa", MEMBER_ADDRESS, 0, 0, "GPA"},
			     {"val", MEMBER_VALUE0, 0, 0, "value"},
			     {"len", MEMBER_COUNT, 0, 0, "bytes"},
			     {"type", MEMBER_CAUSE, 0, 0, NULL}}},
	[PN_TP_KVM_UNMAP_HVA_RANGE] = {KVM("kvm_unmap_hva_range"),
				       {{"start", MEMBER_VALUE0, 0, 0, "HVA"},
					{"end", MEMBER_VALUE1, 0, 0, "to"}}},
	[PN_TP_FAST_PAGE_FAULT] = {MMU("fast_page_fault"),
				   {{"cr2_or_gpa", MEMBER_ADDRESS, 0, 0, "address"},
				    {"error_code", MEMBER_ERROR, 0, 0, "error"},
				    {"old_spte", MEMBER_VALUE0, 0, 0, "old"},
				    {"new_spte", MEMBER_VALUE1, 0, 0, "new"},
				    {"ret", MEMBER_COUNT, 0, 0, NULL}}},
	[PN_TP_KVM_MMU_PAGETABLE_WALK] = {MMU("kvm_mmu_pagetable_walk"),
					  {{"addr", MEMBER_ADDRESS, 0, 0, "address"},
					   {"pferr", MEMBER_ERROR, 0, 0, NULL}}},
	[PN_TP_KVM_MMU_PAGING_ELEMENT] = {MMU("kvm_mmu_paging_element"),
					  {{"pte", MEMBER_VALUE0, 0, 0, NULL}, LEVEL}},
	[PN_TP_KVM_MMU_WALKER_ERROR] = {MMU("kvm_mmu_walker_error"),
					{{"pferr", MEMBER_ERROR, 0, 0, NULL}}},
	[PN_TP_KVM_MMU_SET_ACCESSED_BIT] = {MMU("kvm_mmu_set_accessed_bit"),
					    {{"gpa", MEMBER_ADDRESS, 0, 0, "GPA"}}},
	[PN_TP_KVM_MMU_SET_DIRTY_BIT] = {MMU("kvm_mmu_set_dirty_bit"),
					 {{"gpa", MEMBER_ADDRESS, 0, 0, "GPA"}}},
	[PN_TP_KVM_MMU_GET_PAGE] =
		{MMU("kvm_mmu_get_page"),
		 {GFN, ROLE, IN_ROLE, ROOTS, UNSYNC, {"created", MEMBER_COUNT, 0, 0, NULL}}},
	[PN_TP_KVM_MMU_SYNC_PAGE] = {MMU("kvm_mmu_sync_page"), {GFN, ROLE, IN_ROLE, ROOTS, UNSYNC}},
	[PN_TP_KVM_MMU_UNSYNC_PAGE] = {MMU("kvm_mmu_unsync_page"),
				       {GFN, ROLE, IN_ROLE, ROOTS, UNSYNC}},
	[PN_TP_KVM_MMU_PREPARE_ZAP_PAGE] = {MMU("kvm_mmu_prepare_zap_page"),
					    {GFN, ROLE, IN_ROLE, ROOTS, UNSYNC}},
	[PN_TP_KVM_MMU_ZAP_ALL_FAST] = {MMU("kvm_mmu_zap_all_fast"),
					{{"mmu_used_pages", MEMBER_COUNT, 0, 0, "pages"},
					 {"mmu_valid_gen", MEMBER_VALUE0, 0, 0, "generation"}}},
	[PN_TP_KVM_MMU_SPTE_REQUESTED] = {MMU("kvm_mmu_spte_requested"),
					  {GFN, {"pfn", MEMBER_VALUE0, 12, 0, "HPA"}, LEVEL}},
	[PN_TP_KVM_MMU_SET_SPTE] = {MMU("kvm_mmu_set_spte"),
				    {GFN,
				     {"spte", MEMBER_VALUE0, 0, 0, NULL},
				     {"sptep", MEMBER_VALUE1, 0, 0, "at"},
				     LEVEL}},
	[PN_TP_KVM_TDP_MMU_SPTE_CHANGED] = {MMU("kvm_tdp_mmu_spte_changed"),
					    {GFN,
					     {"old_spte", MEMBER_VALUE0, 0, 0, "old"},
					     {"new_spte", MEMBER_VALUE1, 0, 0, "new"},
					     LEVEL}},
	[PN_TP_KVM_MMU_SPLIT_HUGE_PAGE] = {MMU("kvm_mmu_split_huge_page"),
					   {GFN,
					    {"spte", MEMBER_VALUE0, 0, 0, NULL},
					    {"errno", MEMBER_ERROR, 0, 0, NULL},
					    LEVEL}},
	[PN_TP_MARK_MMIO_SPTE] = {MMU("mark_mmio_spte"),
				  {GFN, {"gen", MEMBER_COUNT, 0, 0, "generation"}, ACCESS}},
	[PN_TP_HANDLE_MMIO_PAGE_FAULT] = {MMU("handle_mmio_page_fault"),
					  {GFN, {"addr", MEMBER_VALUE0, 0, 0, "address"}, ACCESS}},
	[PN_TP_CHECK_MMIO_SPTE] = {MMU("check_mmio_spte"),
				   {{"spte", MEMBER_VALUE0, 0, 0, NULL},
				    {"kvm_gen", MEMBER_VALUE1, 0, 0, NULL},
				    {"spte_gen", MEMBER_COUNT, 0, 0, NULL}}},
};

bool tracepoint_has(unsigned kind, enum tracepoint_member member)
{
	const struct tracepoint_field *f;

	if (kind >= PN_TRACEPOINTS)
		return true;
	for (f = tracepoints[kind].field; f->member; f++)
		if (f->member == member)
			return true;
	return false;
}

uint64_t tracepoint_member_of(const struct pn_trace_record *r, enum tracepoint_member member)
{
	switch (member) {
	case MEMBER_ADDRESS: return r->address;
	case MEMBER_VALUE0: return r->value[0];
	case MEMBER_VALUE1: return r->value[1];
	case MEMBER_ERROR: return r->error;
	case MEMBER_COUNT: return r->count;
	case MEMBER_LEVEL: return r->level;
	case MEMBER_CAUSE: return r->cause;
	case MEMBER_RIP: return r->rip;
	case MEMBER_NONE: break;
	}
	return 0;
}
