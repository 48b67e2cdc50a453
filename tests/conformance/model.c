/* SPDX-License-Identifier: MIT */
#include "model.h"

#include "check.h"
#include "x86.h"

#include <stdlib.h>

#define PDPTE_LOW   UINT64_C(0x1e6)
#define SLOT_SIZE   (4 * PAGE_SIZE)
#define TABLES_SIZE ((CONF_SLOTS + 1) * SLOT_SIZE)

static uint8_t *pages(uint64_t size)
{
	uint8_t *p = aligned_alloc(PAGE_SIZE, size);

	assert_non_null(p);
	memset(p, 0, size);
	return p;
}

void conf_model_init(struct conf_model *model, const struct conf_world *world)
{
	*model = (struct conf_model){.world = *world};
	model->top = pages(PAGE_SIZE);
	model->tables = pages(TABLES_SIZE);
	gmem_init(&model->mem, GMEM_SLOTS_MAX, 52);
	assert_int_equal(gmem_add(&model->mem, world->root, model->top, PAGE_SIZE, false, NULL), 0);
	assert_int_equal(
		gmem_add(&model->mem, world->tables, model->tables, TABLES_SIZE, false, NULL), 0);
}

void conf_model_fini(struct conf_model *model)
{
	gmem_fini(&model->mem);
	free(model->top);
	free(model->tables);
}

unsigned conf_shift(const struct conf_world *world, unsigned level)
{
	return world->levels == 2 ? 2 + 10 * level : 3 + 9 * level;
}

gva_t conf_gva(const struct conf_world *world, unsigned slot)
{
	return (gva_t)(CONF_TOP + slot) << conf_shift(world, world->levels) | world->data;
}

gpa_t conf_table(const struct conf_world *world, unsigned slot, unsigned level)
{
	return world->tables + slot * SLOT_SIZE + (level - 1) * PAGE_SIZE;
}

static unsigned entry_size(const struct conf_world *w)
{
	return w->levels == 2 ? 4 : 8;
}

static uint8_t *entry_of(struct conf_model *model, unsigned slot, unsigned level)
{
	const struct conf_world *w = &model->world;
	uint64_t index =
		conf_gva(w, slot) >> conf_shift(w, level) & (PAGE_SIZE / entry_size(w) - 1);
	uint8_t *table = level == w->levels
				 ? model->top
				 : model->tables + slot * SLOT_SIZE + (level - 1) * PAGE_SIZE;

	return table + index * entry_size(w);
}

static uint64_t read_entry(struct conf_model *model, unsigned slot, unsigned level)
{
	uint64_t entry = 0;

	memcpy(&entry, entry_of(model, slot, level), entry_size(&model->world));
	return entry;
}

static void make_context(struct conf_model *model, const struct conf_case *c, bool loaded)
{
	const struct conf_world *w = &model->world;
	struct walk_regs regs = {
		.cr0 = CR0_PE | CR0_PG | (c->regs & CONF_WP ? CR0_WP : 0),
		.cr3 = w->root,
		.cr4 = (w->levels > 2 ? CR4_PAE : 0) | (w->levels == 5 ? CR4_LA57 : 0) |
		       (c->regs & CONF_PSE ? CR4_PSE : 0) | (c->regs & CONF_SMEP ? CR4_SMEP : 0) |
		       (c->regs & CONF_SMAP ? CR4_SMAP : 0) | (c->regs & CONF_PKE ? CR4_PKE : 0) |
		       (c->regs & CONF_PGE ? CR4_PGE : 0),
		.efer = (w->levels > 3 ? EFER_LME | EFER_LMA : 0) |
			(c->regs & CONF_NXE ? EFER_NXE : 0),
		.rflags = c->regs & CONF_AC ? RFLAGS_AC : 0,
		.pkru = c->pkru,
		.maxphyaddr = (uint8_t)w->maxphyaddr,
		.has_1g = w->has_1g,
		.amd = w->amd,
	};

	regs.pdptrs_valid = loaded;
	if (loaded)
		memcpy(regs.pdptr, model->top, sizeof(regs.pdptr));
	if (model->fresh && !loaded && model->regs == c->regs && model->pkru == c->pkru)
		return;
	walk_context_init(&model->ctx, &regs);
	model->regs = c->regs;
	model->pkru = c->pkru;
	model->fresh = !loaded;
}

/* What each access asks of walk(), where in conf_data, and what ends it if it goes through. */
static const struct {
	enum walk_access access;
	enum walk_privilege privilege;
	uint8_t offset;
	uint8_t vector;
	uint64_t value, refused; /* the word there; after a write that is refused */
	bool reads_first;
} accesses[CONF_ACCESSES] = {
	[CONF_USER_READ] = {WALK_READ, WALK_USER, 0, CONF_VECTOR_BP, CONF_READS, 0, false},
	[CONF_USER_WRITE] = {WALK_WRITE, WALK_USER, 0, CONF_VECTOR_BP, CONF_WRITES, CONF_READS,
			     false},
	[CONF_USER_FETCH] = {WALK_FETCH, WALK_USER, CONF_CODE_USER, CONF_VECTOR_BP, 0, 0, false},
	[CONF_KERNEL_READ] = {WALK_READ, WALK_SUPERVISOR, 0, CONF_NO_TRAP, CONF_READS, 0, false},
	[CONF_KERNEL_WRITE] = {WALK_WRITE, WALK_SUPERVISOR, 0, CONF_NO_TRAP, CONF_WRITES,
			       CONF_READS, false},
	[CONF_KERNEL_FETCH] = {WALK_FETCH, WALK_SUPERVISOR, CONF_CODE_KERNEL, CONF_NO_TRAP, 0, 0,
			       false},
	[CONF_IMPLICIT_READ] = {WALK_READ, WALK_IMPLICIT, 8, CONF_NO_TRAP, 0, 0, false},
	[CONF_IMPLICIT_USER] = {WALK_READ, WALK_IMPLICIT, 8, CONF_VECTOR_BP, 0, 0, false},
	[CONF_IMPLICIT_WRITE] = {WALK_WRITE, WALK_IMPLICIT, 8, CONF_NO_TRAP, CONF_USED, CONF_UNUSED,
				 true},
	[CONF_IMPLICIT_WRITE_USER] = {WALK_WRITE, WALK_IMPLICIT, 8, CONF_VECTOR_BP, CONF_USED,
				      CONF_UNUSED, true},
};

static struct walk_query query_of(const struct conf_world *w, const struct conf_case *c,
				  unsigned access)
{
	enum walk_privilege privilege = accesses[access].privilege;
	bool at_cpl3 = accesses[access].vector == CONF_VECTOR_BP;

	if (privilege == WALK_IMPLICIT && (at_cpl3 ? w->ac_at_cpl3 : w->ac_at_cpl0))
		privilege = WALK_SUPERVISOR;
	return (struct walk_query){.gva = conf_gva(w, c->slot) + accesses[access].offset,
				   .access = accesses[access].access,
				   .privilege = privilege,
				   .set_ad = true};
}

/* Whether an access has come to its place in conf_data. */
static bool is_there(const struct conf_world *w, unsigned access, const struct walk_result *r)
{
	uint64_t beyond = r->gpa >> 32;

	if (r->outcome != WALK_OK || (beyond && (!w->has_aliases || (beyond & (beyond - 1)))))
		return false;
	return (r->gpa & UINT32_MAX) == w->data + accesses[access].offset;
}

/* Whether MOV to CR3 refuses the case's PDPTE (SDM vol. 3, 4.4.1). */
static bool is_refused(struct conf_model *model, const struct conf_case *c)
{
	struct walk_query q = query_of(&model->world, c, c->access);
	struct walk_result r;

	make_context(model, c, false);
	q.set_ad = false;
	return walk(&model->mem, &model->ctx, &q, &r, NULL) == WALK_FAULT &&
	       r.cause == WALK_CAUSE_RESERVED_BIT && r.level == 3;
}

bool conf_expect(struct conf_model *model, const struct conf_case *c, struct conf_expected *e)
{
	const struct conf_world *w = &model->world;
	bool lax = w->levels == 3 && w->lax_pdptes;
	enum walk_outcome outcome;

	*e = (struct conf_expected){
		.query = query_of(w, c, c->access),
	};
	for (unsigned level = 1; level <= w->levels; level++) {
		uint64_t entry = c->entry[level - 1] & ~(lax && level == 3 ? PDPTE_LOW : 0);

		memcpy(entry_of(model, c->slot, level), &entry, entry_size(w));
	}
	if (w->loads_pdptes && is_refused(model, c)) {
		memcpy(e->entry, c->entry, sizeof(e->entry));
		e->vector = CONF_VECTOR_GP;
		return true;
	}
	make_context(model, c, w->loads_pdptes);
	if (c->first != CONF_ACCESSES) {
		const struct walk_query first = query_of(w, c, c->first);

		outcome = walk(&model->mem, &model->ctx, &first, &e->result, NULL);
		if (outcome != WALK_FAULT && !is_there(w, c->first, &e->result))
			return false;
	}
	outcome = WALK_OK;
	if (accesses[c->access].reads_first) {
		e->query.access = WALK_READ;
		outcome = walk(&model->mem, &model->ctx, &e->query, &e->result, &e->path);
		if (outcome == WALK_OK && !is_there(w, c->access, &e->result))
			return false;
	}
	if (outcome == WALK_OK) {
		e->query.access = accesses[c->access].access;
		outcome = walk(&model->mem, &model->ctx, &e->query, &e->result, &e->path);
	}
	if (w->nxe_without_pae && w->levels == 2 && c->regs & CONF_NXE &&
	    e->query.access == WALK_FETCH)
		e->result.error_code |= PF_ERR_FETCH;
	for (unsigned level = 1; level <= w->levels; level++)
		e->entry[level - 1] = read_entry(model, c->slot, level);
	if (lax)
		e->entry[2] = c->entry[2] | (e->path.count > 1 ? PTE_ACCESSED : 0);
	/* An entry must be its slot's own, or the model's copy would be read for what it is not. */
	for (unsigned i = 1; i < e->path.count; i++)
		if ((e->path.step[i].gpa & ~(PAGE_SIZE - 1)) !=
		    conf_table(w, c->slot, e->path.step[i].level))
			return false;
	e->vector = CONF_VECTOR_PF;
	if (outcome == WALK_FAULT) {
		/* A write that is refused leaves the page as it was. */
		if (e->query.access == WALK_WRITE)
			e->value = accesses[c->access].refused;
		return true;
	}
	e->vector = accesses[c->access].vector;
	e->value = accesses[c->access].value;
	return is_there(w, c->access, &e->result);
}

bool conf_is_execute_only(struct conf_model *model, const struct conf_case *c)
{
	struct conf_expected e;
	struct conf_case read = *c;

	if (c->access != CONF_USER_FETCH && c->access != CONF_KERNEL_FETCH)
		return false;
	conf_expect(model, c, &e);
	if (e.result.outcome != WALK_OK)
		return false;
	read.access = c->access == CONF_USER_FETCH ? CONF_USER_READ : CONF_KERNEL_READ;
	conf_expect(model, &read, &e);
	return e.result.outcome == WALK_FAULT;
}
