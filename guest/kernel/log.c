/* SPDX-License-Identifier: MIT */
/*
 * The log for the host. A record is written, and then `head` says that it is there: the processor
 * keeps the order of stores, and the compiler is told to. The host may read at any moment.
 */
#include "log.h"

#include "cpu.h"
#include "tables.h"
#include "x86.h"

uint32_t log_types;

static struct {
	volatile struct pn_guest_log *area;
	uint64_t mask; /* places, less one */
	uint64_t head; /* the host only reads the area's */
	unsigned top;  /* level of the root's entries */
	gpa_t root;    /* as last loaded: to read CR3 would be an exit in shadow mode */
} log;

void log_init(const struct pn_boot_info *boot)
{
	volatile struct pn_guest_log *area = kernel_pointer(boot->log);

	if (!boot->log || area->magic != PN_LOG_MAGIC || area->version != PN_LOG_VERSION)
		return;
	log.area = area;
	log.mask = area->records - 1;
	log.head = area->head;
	log.top = boot->levels;
	log.root = read_cr3() & PTE_ADDRESS;
	log_types = area->types;
}

uint64_t log_size(void)
{
	return log.area ? log.area->size : 0;
}

static uint64_t read_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static void put(const struct pn_log_record *record)
{
	struct pn_log_record *place;

	if (!(log_types >> record->type & 1))
		return;
	if (log.head - log.area->tail > log.mask) {
		log.area->dropped++;
		return;
	}
	place = (struct pn_log_record *)((uintptr_t)log.area + PN_LOG_RECORDS) +
		(log.head & log.mask);
	*place = *record;
	place->tsc = read_tsc();
	__asm__ volatile("" : : : "memory");
	log.area->head = ++log.head;
}

/* The entry that the way to `gva` ends at, be it a page's or one that is not present, and its level. */
static pte_t last_entry(gva_t gva, unsigned *level)
{
	gpa_t table = log.root;

	for (*level = log.top;; --*level) {
		const pte_t *entries = kernel_pointer(table);
		pte_t entry = entries[gva >> level_shift(*level) & 511];

		if (!(entry & PTE_PRESENT) || *level == 1 || (*level < 4 && entry & PTE_LARGE))
			return entry;
		table = entry & PTE_ADDRESS;
	}
}

/* What the access found wrong first, in the order of the checks. Entries above a page's allow all. */
static enum pn_trace_fault kind_of(uint64_t error, uint64_t rflags, pte_t page)
{
	bool user = error & PF_ERR_USER, fetch = error & PF_ERR_FETCH;

	if (!(error & PF_ERR_PRESENT))
		return PN_FAULT_NOT_PRESENT;
	if (error & PF_ERR_RESERVED)
		return PN_FAULT_RESERVED;
	if (user && !(page & PTE_USER))
		return PN_FAULT_USER;
	if (!user && page & PTE_USER && fetch && cpu_features()->smep)
		return PN_FAULT_SMEP;
	if (!user && page & PTE_USER && !fetch && cpu_features()->smap && !(rflags & RFLAGS_AC))
		return PN_FAULT_SMAP;
	if (error & PF_ERR_WRITE)
		return PN_FAULT_WRITE;
	return fetch ? PN_FAULT_EXECUTE : PN_FAULT_KEY;
}

void log_put_fault(const struct regs *regs, gva_t cr2)
{
	unsigned level;
	pte_t entry = last_entry(cr2, &level);

	put(&(struct pn_log_record){
		.type = PN_TRACE_GUEST_FAULT,
		.rip = regs->rip,
		.address = cr2,
		.value = {entry},
		.error = (uint32_t)regs->error,
		.cpl = regs->cs & 3,
		.level = (uint8_t)level,
		.kind = (uint8_t)kind_of(regs->error, regs->rflags, entry),
	});
}

void log_put_resolved(gva_t gva, gva_t rip, uint64_t error, enum fault_kind kind)
{
	static const uint8_t kinds[FAULT_KINDS] = {
		[FAULT_DEMAND_ZERO] = PN_RESOLVED_DEMAND_ZERO,
		[FAULT_FILE] = PN_RESOLVED_FILE,
		[FAULT_IMAGE] = PN_RESOLVED_FILE,
		[FAULT_COPY_ON_WRITE] = PN_RESOLVED_COPY_ON_WRITE,
		[FAULT_LAST_OWNER] = PN_RESOLVED_LAST_OWNER,
		[FAULT_SPURIOUS] = PN_RESOLVED_SPURIOUS,
	};

	put(&(struct pn_log_record){
		.type = PN_TRACE_RESOLVED,
		.rip = rip,
		.address = gva,
		.error = (uint32_t)error,
		.cpl = error & PF_ERR_USER ? 3 : 0,
		.kind = fault_is_resolved(kind) ? kinds[kind] : PN_RESOLVED_REFUSED,
	});
}

void log_put_cr3(gpa_t before, gpa_t after)
{
	const uint64_t rip = (uintptr_t)__builtin_return_address(0);

	log.root = after;
	put(&(struct pn_log_record){.type = PN_TRACE_CR3, .rip = rip, .value = {before, after}});
	put(&(struct pn_log_record){.type = PN_TRACE_FLUSH,
				    .rip = rip,
				    .kind = PN_FLUSH_CONTEXT,
				    .cause = PN_CAUSE_CR3});
}

void log_put_flush(enum pn_trace_flush kind, enum pn_trace_cause cause, gva_t gva)
{
	put(&(struct pn_log_record){.type = PN_TRACE_FLUSH,
				    .rip = (uintptr_t)__builtin_return_address(0),
				    .address = gva,
				    .kind = (uint8_t)kind,
				    .cause = (uint8_t)cause});
}

void log_put_table_write(gpa_t entry, unsigned level, uint64_t before, uint64_t after)
{
	put(&(struct pn_log_record){.type = PN_TRACE_TABLE_WRITE,
				    .rip = (uintptr_t)__builtin_return_address(0),
				    .address = entry,
				    .level = (uint8_t)level,
				    .value = {before, after}});
}
