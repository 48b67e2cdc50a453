/* SPDX-License-Identifier: MIT */
/* Names. */
#include "trace/words.h"

#include "trace/tracepoints.h"

#include <stdio.h>
#include <string.h>

#define PF_PRESENT  (1u << 0)
#define PF_WRITE    (1u << 1)
#define PF_USER	    (1u << 2)
#define PF_RESERVED (1u << 3)
#define PF_FETCH    (1u << 4)
#define PF_KEY	    (1u << 5)

static const char *const types[PN_TRACE_TYPES] = {
	[PN_TRACE_NONE] = "none",
	[PN_TRACE_GUEST_FAULT] = "guest-fault",
	[PN_TRACE_HIDDEN_FAULT] = "hidden-fault",
	[PN_TRACE_TABLE_WRITE] = "table-write",
	[PN_TRACE_CR3] = "cr3",
	[PN_TRACE_FLUSH] = "flush",
	[PN_TRACE_SECOND_FAULT] = "second-fault",
	[PN_TRACE_INJECT] = "inject",
	[PN_TRACE_HALT] = "halt",
	[PN_TRACE_MODE] = "mode",
	[PN_TRACE_MARK] = "mark",
	[PN_TRACE_EXIT] = "exit",
	[PN_TRACE_DROP] = "drop",
	[PN_TRACE_FORESEEN] = "foreseen",
	[PN_TRACE_COUNTER] = "counter",
	[PN_TRACE_KERNEL] = "kernel",
	[PN_TRACE_RESOLVED] = "resolved",
};

static const char *const faults[PN_FAULTS] = {
	[PN_FAULT_NOT_PRESENT] = "not-present",
	[PN_FAULT_WRITE] = "read-only",
	[PN_FAULT_EXECUTE] = "no-execute",
	[PN_FAULT_USER] = "supervisor",
	[PN_FAULT_SMEP] = "SMEP",
	[PN_FAULT_SMAP] = "SMAP",
	[PN_FAULT_RESERVED] = "reserved",
	[PN_FAULT_KEY] = "key",
};

static const char *const resolutions[PN_RESOLUTIONS] = {
	[PN_RESOLVED_DEMAND_ZERO] = "demand-zero",     [PN_RESOLVED_FILE] = "file",
	[PN_RESOLVED_COPY_ON_WRITE] = "copy-on-write", [PN_RESOLVED_LAST_OWNER] = "last-owner",
	[PN_RESOLVED_SPURIOUS] = "spurious",	       [PN_RESOLVED_REFUSED] = "refused",
};

static const char *const flushes[PN_FLUSHES] = {
	[PN_FLUSH_ALL] = "all",	  [PN_FLUSH_CONTEXT] = "context", [PN_FLUSH_RANGE] = "range",
	[PN_FLUSH_PAGE] = "page", [PN_FLUSH_PCID] = "pcid",
};

static const char *const causes[PN_CAUSES] = {
	[PN_CAUSE_CR3] = "CR3",	  [PN_CAUSE_INVLPG] = "INVLPG", [PN_CAUSE_INVPCID] = "INVPCID",
	[PN_CAUSE_CR4] = "CR4",	  [PN_CAUSE_CR0] = "CR0",	[PN_CAUSE_EFER] = "EFER",
	[PN_CAUSE_CALL] = "call", [PN_CAUSE_MODE] = "mode",
};

static const char *const sources[PN_SOURCES] = {
	[PN_SOURCE_SHADOW] = "shadow", [PN_SOURCE_EXIT] = "exit", [PN_SOURCE_GUEST] = "guest",
	[PN_SOURCE_BREAK] = "break",   [PN_SOURCE_UFFD] = "uffd", [PN_SOURCE_STATS] = "stats",
	[PN_SOURCE_KERNEL] = "kernel",
};

static const char *const counters[PN_COUNTERS] = {
	[PN_COUNTER_EXITS] = "exits",
	[PN_COUNTER_PF_TAKEN] = "pf_taken",
	[PN_COUNTER_PF_FIXED] = "pf_fixed",
	[PN_COUNTER_PF_EMULATE] = "pf_emulate",
	[PN_COUNTER_PF_SPURIOUS] = "pf_spurious",
	[PN_COUNTER_PF_FAST] = "pf_fast",
	[PN_COUNTER_PF_MMIO_SPTE_CREATED] = "pf_mmio_spte_created",
	[PN_COUNTER_PF_GUEST] = "pf_guest",
	[PN_COUNTER_TLB_FLUSH] = "tlb_flush",
	[PN_COUNTER_INVLPG] = "invlpg",
	[PN_COUNTER_INSN_EMULATION] = "insn_emulation",
	[PN_COUNTER_REMOTE_TLB_FLUSH] = "remote_tlb_flush",
	[PN_COUNTER_REMOTE_TLB_FLUSH_REQUESTS] = "remote_tlb_flush_requests",
	[PN_COUNTER_MMU_SHADOW_ZAPPED] = "mmu_shadow_zapped",
	[PN_COUNTER_MMU_PTE_WRITE] = "mmu_pte_write",
	[PN_COUNTER_MMU_PDE_ZAPPED] = "mmu_pde_zapped",
	[PN_COUNTER_MMU_FLOODED] = "mmu_flooded",
	[PN_COUNTER_MMU_RECYCLED] = "mmu_recycled",
	[PN_COUNTER_MMU_CACHE_MISS] = "mmu_cache_miss",
	[PN_COUNTER_MMU_UNSYNC] = "mmu_unsync",
	[PN_COUNTER_PAGES_4K] = "pages_4k",
	[PN_COUNTER_PAGES_2M] = "pages_2m",
	[PN_COUNTER_PAGES_1G] = "pages_1g",
	[PN_COUNTER_NX_LPAGE_SPLITS] = "nx_lpage_splits",
};

static const char *const modes[] = {"hw", "shadow"};

static const char *name_in(const char *const *table, size_t count, unsigned i)
{
	return i < count && table[i] ? table[i] : "unknown";
}

#define NAME_IN(table, i) name_in(table, sizeof(table) / sizeof((table)[0]), i)

const char *trace_type_name(unsigned type)
{
	return NAME_IN(types, type);
}

const char *trace_fault_name(unsigned kind)
{
	return NAME_IN(faults, kind);
}

const char *trace_resolution_name(unsigned kind)
{
	return NAME_IN(resolutions, kind);
}

const char *trace_flush_name(unsigned kind)
{
	return NAME_IN(flushes, kind);
}

const char *trace_cause_name(unsigned cause)
{
	return NAME_IN(causes, cause);
}

const char *trace_source_name(unsigned source)
{
	return NAME_IN(sources, source);
}

const char *trace_mode_name(unsigned mode)
{
	return NAME_IN(modes, mode);
}

const char *trace_counter_name(unsigned kind)
{
	return NAME_IN(counters, kind);
}

const char *trace_tracepoint_name(unsigned kind)
{
	return kind < PN_TRACEPOINTS ? tracepoints[kind].name : "unknown";
}

/* The types that a word of a filter means. */
static uint32_t types_of(const char *word, size_t len)
{
	if (len == 3 && memcmp(word, "all", 3) == 0)
		return UINT32_MAX;
	if (len == 5 && memcmp(word, "fault", 5) == 0)
		return 1u << PN_TRACE_GUEST_FAULT | 1u << PN_TRACE_HIDDEN_FAULT;
	for (unsigned i = 1; i < PN_TRACE_TYPES; i++)
		if (strlen(types[i]) == len && memcmp(word, types[i], len) == 0)
			return 1u << i;
	return 0;
}

bool trace_filter_parse(const char *list, uint32_t *set, char *bad, size_t size)
{
	*set = 1u << PN_TRACE_DROP;
	for (;;) {
		size_t len = strcspn(list, ",");
		uint32_t found = types_of(list, len);

		if (!found) {
			snprintf(bad, size, "%.*s", (int)(len < size ? len : size - 1), list);
			return false;
		}
		*set |= found;
		if (!list[len])
			return true;
		list += len + 1;
	}
}

char *trace_error_words(uint32_t error, char *text, size_t size)
{
	snprintf(text, size, "%s %s%s%s%s", error & PF_USER ? "user" : "kernel",
		 error & PF_FETCH   ? "fetch"
		 : error & PF_WRITE ? "write"
				    : "read",
		 error & PF_PRESENT ? " present" : "", error & PF_RESERVED ? " reserved" : "",
		 error & PF_KEY ? " key" : "");
	return text;
}
