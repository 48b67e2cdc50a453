/* SPDX-License-Identifier: MIT */
#include "shadow_fixture.h"

#include <stdlib.h>
#include <sys/mman.h>

static void *memory(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

void machine_init(struct machine *m, enum shadow_strategy strategy, const struct pt_format *format,
		  unsigned frames)
{
	machine_init_on(m, format && format->levels == 5 ? 5 : 4, strategy, format, frames);
}

void machine_init_on(struct machine *m, unsigned levels, enum shadow_strategy strategy,
		     const struct pt_format *format, unsigned frames)
{
	struct shadow_config config = {
		.mem = &m->mem,
		.strategy = strategy,
		.pool_gpa = POOL_GPA,
		.pool_frames = frames,
		.monitor_slot = MONITOR_SLOT,
		.monitor_entry = MONITOR_ENTRY,
		.nx = true,
		.has_1g = true,
		.levels = levels,
	};

	memset(m, 0, sizeof(*m));
	m->ram = memory(RAM_SIZE);
	m->rom = memory(ROM_SIZE);
	m->huge = memory(HUGE_SIZE);
	m->pool = config.pool = memory(frames * PAGE_SIZE);
	m->before = memory(frames * PAGE_SIZE);
	gmem_init(&m->mem, GMEM_SLOTS_MAX, 46);
	assert_int_equal(gmem_add(&m->mem, 0, m->ram, RAM_SIZE, false, NULL), 0);
	assert_int_equal(gmem_add(&m->mem, ROM_GPA, m->rom, ROM_SIZE, true, NULL), 0);
	assert_int_equal(gmem_add(&m->mem, HUGE_GPA, m->huge, HUGE_SIZE, false, NULL), 0);
	m->format = format;
	m->levels = levels;
	m->strategy = strategy;
	m->frames = frames;
	m->used = 1;
	m->regs = (struct walk_regs){
		.cr0 = CR0_PE | CR0_WP,
		.cr4 = CR4_PSE | CR4_PGE,
		.efer = EFER_NXE,
		.maxphyaddr = 46,
		.has_1g = true,
	};
	if (format)
		m->regs.cr0 |= CR0_PG;
	if (format != &pt_format_2level)
		m->regs.cr4 |= CR4_PAE;
	if (format && format->levels >= 4)
		m->regs.efer |= EFER_LME | EFER_LMA;
	if (format && format->levels == 5)
		m->regs.cr4 |= CR4_LA57;
	m->shadow = shadow_create(&config);
	assert_non_null(m->shadow);
	memcpy(m->before, m->pool, frames * PAGE_SIZE);
	m->regs.cr3 = machine_table(m);
	machine_load(m);
}

void machine_fini(struct machine *m)
{
	shadow_destroy(m->shadow);
	gmem_fini(&m->mem);
	munmap(m->ram, RAM_SIZE);
	munmap(m->rom, ROM_SIZE);
	munmap(m->huge, HUGE_SIZE);
	munmap(m->pool, m->frames * PAGE_SIZE);
	munmap(m->before, m->frames * PAGE_SIZE);
}

/* --- The monitor ---------------------------------------------------------------------------- */

static void check_rule(struct machine *m)
{
	if (!memcmp(m->before, m->pool, m->frames * PAGE_SIZE))
		return;
	for (unsigned e = 0; e < m->frames * 512; e++)
		if (m->before[e] && m->pool[e] != m->before[e])
			fail_msg("the host changed entry %u of frame %u from %#llx to %#llx",
				 e % 512, e / 512, (unsigned long long)m->before[e],
				 (unsigned long long)m->pool[e]);
}

static void store(struct machine *m, uint64_t where, uint64_t value)
{
	uint64_t e = (where - POOL_GPA) / 8;

	assert_true(where >= POOL_GPA && where % 8 == 0 && e < m->frames * 512);
	m->pool[e] = value;
}

static void tlb_drop(struct machine *m, gva_t gva)
{
	for (unsigned i = 0; i < COUNT(m->tlb); i++)
		if (m->tlb[i].shift && (m->tlb[i].gva ^ gva) >> m->tlb[i].shift == 0)
			m->tlb[i].shift = 0;
}

static void carry_out(struct machine *m)
{
	for (unsigned i = 0; i < m->box.count; i++) {
		const struct mail *mail = &m->box.mail[i];

		switch (mail->kind) {
		case MAIL_STORE: store(m, mail->where, mail->value); break;
		case MAIL_ZERO:
			for (uint64_t n = 0; n < mail->value; n++)
				store(m, mail->where + n * 8, 0);
			break;
		case MAIL_INVLPG: tlb_drop(m, mail->where); break;
		case MAIL_FLUSH_ALL: memset(m->tlb, 0, sizeof(m->tlb)); break;
		}
	}
	m->box.count = 0;
	m->deliveries++;
}

static void deliver(struct machine *m)
{
	check_rule(m);
	while (m->box.count || shadow_pending(m->shadow)) {
		carry_out(m);
		memcpy(m->before, m->pool, m->frames * PAGE_SIZE);
		shadow_continue(m->shadow, &m->box);
		check_rule(m);
	}
	memcpy(m->before, m->pool, m->frames * PAGE_SIZE);
}

/* --- The guest's registers and memory ------------------------------------------------------- */

static void update(struct machine *m)
{
	if (m->contexts && memcmp(&m->ctx_regs, &m->regs, sizeof(m->regs)) == 0)
		return;
	walk_context_init(&m->ctx, &m->regs);
	m->ctx.serial = ++m->contexts;
	m->ctx_regs = m->regs;
}

static void load(struct machine *m, bool flush)
{
	update(m);
	shadow_load_root(m->shadow, &m->ctx, flush, &m->box);
	deliver(m);
}

void machine_load(struct machine *m)
{
	load(m, true);
}

void machine_load_keeping(struct machine *m)
{
	load(m, false);
}

void machine_invlpg(struct machine *m, gva_t gva)
{
	shadow_invalidate(m->shadow, &m->ctx, SHADOW_FLUSH_PAGE, gva, &m->box);
	deliver(m);
}

void machine_page_fault(struct machine *m, gva_t gva)
{
	shadow_page_fault(m->shadow, &m->ctx, gva, &m->box);
	deliver(m);
}

void machine_flush_all(struct machine *m)
{
	shadow_invalidate(m->shadow, &m->ctx, SHADOW_FLUSH_ALL, 0, &m->box);
	deliver(m);
}

static unsigned entry_size(const struct machine *m)
{
	return 1u << m->format->entry_shift;
}

uint64_t machine_read(const struct machine *m, gpa_t gpa)
{
	uint64_t entry = 0;

	assert_int_equal(gmem_read(&m->mem, gpa, &entry, entry_size(m)), 0);
	return entry;
}

static void raw(struct machine *m, gpa_t gpa, uint64_t entry)
{
	assert_int_equal(gmem_write(&m->mem, gpa, &entry, entry_size(m)), 0);
}

gpa_t machine_table(struct machine *m)
{
	memset(m->ram + m->used * PAGE_SIZE, 0, PAGE_SIZE);
	return m->used++ * PAGE_SIZE;
}

static gpa_t entry_in(const struct machine *m, gpa_t table, gva_t gva, unsigned level)
{
	const struct pt_level *l = &m->format->level[level];
	uint64_t index = (gva >> l->shift) % (UINT64_C(1) << l->index_bits);

	return table + (index << m->format->entry_shift);
}

gpa_t machine_entry(const struct machine *m, gva_t gva, unsigned level)
{
	gpa_t table = m->regs.cr3 & m->format->root;

	for (unsigned n = m->format->levels; n > level; n--)
		table = machine_read(m, entry_in(m, table, gva, n)) & m->format->address;
	return entry_in(m, table, gva, level);
}

void machine_map(struct machine *m, gva_t gva, unsigned level, uint64_t leaf, uint64_t upper)
{
	for (unsigned n = m->format->levels; n > level; n--) {
		bool pdpte = m->format == &pt_format_pae && n == 3;
		gpa_t at = machine_entry(m, gva, n);
		uint64_t table = machine_read(m, at) & m->format->address;

		raw(m, at, (table ? table : machine_table(m)) | (pdpte ? PTE_PRESENT : upper));
	}
	raw(m, machine_entry(m, gva, level), leaf);
}

void machine_store(struct machine *m, gpa_t gpa, uint64_t entry)
{
	raw(m, gpa, entry);
	shadow_guest_pt_write(m->shadow, gpa, entry_size(m), &m->box);
	deliver(m);
}

bool machine_untrack(struct machine *m, gpa_t gpa)
{
	bool gone = shadow_untrack(m->shadow, gpa, &m->box);

	deliver(m);
	return gone;
}

bool machine_foresee(struct machine *m, const struct walk_query *query)
{
	bool fixed;

	update(m);
	fixed = shadow_foresee(m->shadow, &m->ctx, query, &m->box);
	deliver(m);
	return fixed;
}

/* --- The processor -------------------------------------------------------------------------- */

bool machine_translate(const struct machine *m, gpa_t root, gva_t gva, enum walk_access access,
		       gpa_t *gpa, unsigned *level)
{
	uint64_t rights = PTE_WRITE, nx = 0, entry;
	unsigned n = m->levels;
	unsigned spare = 64 - (12 + 9 * n);
	gpa_t table = root;

	if ((gva_t)((int64_t)(gva << spare) >> spare) != gva)
		return false;
	for (;; n--) {
		unsigned shift = 12 + 9 * (n - 1);
		uint64_t e = (table - POOL_GPA) / 8 + (gva >> shift) % 512;

		assert_true(table >= POOL_GPA && e < m->frames * 512);
		entry = m->pool[e];
		if (!(entry & PTE_PRESENT) || !(entry & PTE_USER))
			return false;
		rights &= entry;
		nx |= entry & PTE_NX;
		table = entry & PTE_BITS(51, 12);
		if (n == 1 || entry & PTE_PS) {
			table &= UINT64_MAX << shift;
			*gpa = table + (gva & ((UINT64_C(1) << shift) - 1));
			*level = n;
			break;
		}
	}
	assert_true(entry & PTE_ACCESSED && !(entry & PTE_GLOBAL));
	return (access != WALK_WRITE || rights & PTE_WRITE) && (access != WALK_FETCH || !nx);
}

enum shadow_view machine_view(const struct machine *m, enum walk_privilege privilege)
{
	if (privilege == WALK_USER)
		return SHADOW_USER;
	return m->regs.cr4 & CR4_SMAP && m->regs.rflags & RFLAGS_AC ? SHADOW_KERNEL_AC
								    : SHADOW_KERNEL;
}

gpa_t machine_root(struct machine *m, enum shadow_view view)
{
	gpa_t root;

	update(m);
	root = shadow_root(m->shadow, &m->ctx, view, &m->box);
	deliver(m);
	return root;
}

unsigned machine_level(struct machine *m, gva_t gva, enum shadow_view view)
{
	unsigned level = 0;
	gpa_t gpa;

	return machine_translate(m, machine_root(m, view), gva, WALK_READ, &gpa, &level) ? level
											 : 0;
}

static bool tlb_hit(struct machine *m, gpa_t root, gva_t gva, enum walk_access access, gpa_t *gpa)
{
	if (root != m->tlb_root)
		memset(m->tlb, 0, sizeof(m->tlb));
	m->tlb_root = root;
	for (unsigned i = 0; i < COUNT(m->tlb); i++) {
		struct machine_tlb *t = &m->tlb[i];

		if (!t->shift || (t->gva ^ gva) >> t->shift ||
		    (access == WALK_WRITE && !t->write) || (access == WALK_FETCH && !t->fetch))
			continue;
		*gpa = t->gpa + (gva & ((UINT64_C(1) << t->shift) - 1));
		return true;
	}
	return false;
}

static bool reach(struct machine *m, gpa_t root, gva_t gva, enum walk_access access, gpa_t *gpa)
{
	struct machine_tlb *t = &m->tlb[(gva >> 12 ^ gva >> 21 ^ gva >> 30) % COUNT(m->tlb)];
	unsigned level;
	gpa_t other;

	if (m->has_tlb && tlb_hit(m, root, gva, access, gpa))
		return true;
	/* A fault drops what the TLB had on the page. */
	tlb_drop(m, gva);
	if (!machine_translate(m, root, gva, access, gpa, &level))
		return false;
	t->shift = 12 + 9 * (level - 1);
	t->gva = gva & UINT64_MAX << t->shift;
	t->gpa = *gpa & UINT64_MAX << t->shift;
	t->write = machine_translate(m, root, gva, WALK_WRITE, &other, &level);
	t->fetch = machine_translate(m, root, gva, WALK_FETCH, &other, &level);
	return true;
}

enum shadow_outcome machine_access(struct machine *m, gva_t gva, enum walk_access access,
				   enum walk_privilege privilege, struct walk_result *r)
{
	const struct walk_query q = {.gva = gva, .access = access, .privilege = privilege};
	enum shadow_view view = machine_view(m, privilege);

	for (unsigned tries = 0; tries < 4; tries++) {
		enum shadow_outcome outcome;

		if (reach(m, machine_root(m, view), gva, access, &r->gpa))
			return SHADOW_FIXED;
		outcome = shadow_fault(m->shadow, &m->ctx, &q, &m->box, r);
		deliver(m);
		if (outcome == SHADOW_FIXED) {
			struct walk_result now;

			assert_int_equal(walk(&m->mem, &m->ctx, &q, &now, NULL), WALK_OK);
			assert_int_equal(r->gpa, now.gpa);
		}
		m->faults += outcome == SHADOW_FIXED;
		m->table_writes += outcome == SHADOW_TABLE_WRITE;
		if (outcome != SHADOW_FIXED)
			return outcome;
	}
	fail_msg("GVA %#llx faults for ever", (unsigned long long)gva);
	return SHADOW_FIXED;
}

void machine_audit(struct machine *m)
{
	char why[200] = "";

	if (!shadow_audit(m->shadow, &m->ctx, why, sizeof(why)))
		fail_msg("audit: %s", why);
}
