/* SPDX-License-Identifier: MIT */
#include "fuzz/model.h"

#include "fuzz/layout.h"
#include "x86.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGES_SIZE   (FUZZ_REGIONS * FUZZ_LARGE)
#define SCRATCH_SIZE (PT_LEVEL_MAX * PAGE_SIZE)

struct fuzz_model *fuzz_model_new(void)
{
	struct fuzz_model *m = calloc(1, sizeof(*m));
	void *pages = mmap(NULL, PAGES_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	void *scratch = aligned_alloc(PAGE_SIZE, SCRATCH_SIZE);

	if (!m || pages == MAP_FAILED || !scratch) {
		if (pages != MAP_FAILED)
			munmap(pages, PAGES_SIZE);
		free(scratch);
		free(m);
		return NULL;
	}
	m->pages = pages;
	m->scratch_pages = scratch;
	memset(scratch, 0, SCRATCH_SIZE);
	gmem_init(&m->mem, GMEM_SLOTS_MAX, 52);
	gmem_init(&m->scratch, GMEM_SLOTS_MAX, 52);
	for (unsigned i = 0; i < FUZZ_REGIONS; i++)
		gmem_add(&m->mem, fuzz_regions[i], m->pages + i * FUZZ_LARGE, FUZZ_LARGE, false,
			 NULL);
	gmem_add(&m->scratch, FUZZ_SCRATCH, scratch, SCRATCH_SIZE, false, NULL);
	for (unsigned w = 0; w < FUZZ_WORDS; w++)
		m->at[w] = (void *)gmem_ptr(&m->mem, fuzz_word_gpa(w), sizeof(*m->at[w]));
	return m;
}

void fuzz_model_free(struct fuzz_model *m)
{
	if (!m)
		return;
	gmem_fini(&m->mem);
	gmem_fini(&m->scratch);
	munmap(m->pages, PAGES_SIZE);
	free(m->scratch_pages);
	free(m);
}

static void forget_all(struct fuzz_model *m)
{
	m->flushed = m->now;
	m->globals = m->lost = false;
	m->load[0] = m->load[m->loads - 1];
	m->load[0].from = m->now;
	m->loads = 1;
	m->epoch[0] = m->now;
	m->epochs = 1;
	m->drops = 0;
	for (unsigned w = 0; w < FUZZ_WORDS; w++) {
		m->globals |=
			(*m->at[w] & (PTE_GLOBAL | PTE_PRESENT)) == (PTE_GLOBAL | PTE_PRESENT);
		m->word[w].count = 0;
		m->word[w].lost = 0;
	}
}

/* Upper entries are remembered no longer. */
static void forget_upper(struct fuzz_model *m)
{
	/* To have forgotten less than is true allows more than is true, and asks nothing wrong. */
	if (m->epochs == FUZZ_EPOCHS)
		memmove(m->epoch + 1, m->epoch + 2, sizeof(m->epoch[0]) * (--m->epochs - 1));
	m->epoch[m->epochs++] = m->now;
}

static void forget_page(struct fuzz_model *m, gva_t gva, bool local)
{
	if (m->drops == FUZZ_DROPS)
		memmove(m->drop, m->drop + 1, sizeof(m->drop[0]) * --m->drops);
	m->drop[m->drops].gva = gva;
	m->drop[m->drops].local = local;
	m->drop[m->drops++].when = m->now;
}

void fuzz_wrote(struct fuzz_model *m, const struct fuzz_op *op, const struct walk_result *r,
		unsigned leaf)
{
	if (op->who != FUZZ_USER && r->user && !r->writable)
		m->word[leaf].written = true;
}

void fuzz_faulted(struct fuzz_model *m, gva_t gva)
{
	if (m->facts.fault_forgets)
		forget_page(m, gva, false);
}

static void load_root(struct fuzz_model *m, unsigned root)
{
	forget_upper(m);
	if (m->loads == FUZZ_LOADS) {
		m->lost |= m->globals;
		memmove(m->load, m->load + 1, sizeof(m->load[0]) * --m->loads);
	}
	m->load[m->loads].root = root;
	m->load[m->loads++].from = m->now;
	m->regs.root = root;
}

void fuzz_model_reset(struct fuzz_model *m, const struct fuzz_facts *facts)
{
	m->facts = *facts;
	m->now = 1;
	m->loads = 0;
	m->epochs = 0;
	m->chains = 0;
	m->fresh = false;
	m->regs = (struct fuzz_registers){.wp = true, .nxe = true, .pge = true};
	memset(m->word, 0, sizeof(m->word));
	memset(m->loose, 0, sizeof(m->loose));
	for (unsigned w = 0; w < FUZZ_WORDS; w++)
		*m->at[w] = 0;
	load_root(m, 0);
	forget_all(m);
	m->now++;
}

void fuzz_contexts(struct fuzz_model *m)
{
	const struct fuzz_registers *r = &m->regs;
	struct walk_regs regs = {
		.cr0 = CR0_PE | CR0_PG | (r->wp ? CR0_WP : 0),
		.cr3 = fuzz_frame_gpa(r->root),
		.cr4 = CR4_PAE | (m->facts.levels == 5 ? CR4_LA57 : 0) | (r->pge ? CR4_PGE : 0) |
		       (r->smep ? CR4_SMEP : 0) | (r->smap ? CR4_SMAP : 0) | (r->pke ? CR4_PKE : 0),
		.efer = EFER_LME | EFER_LMA | (r->nxe ? EFER_NXE : 0),
		.pkru = r->pkru,
		.maxphyaddr = (uint8_t)m->facts.maxphyaddr,
		.has_1g = m->facts.has_1g,
		.amd = m->facts.amd,
	};

	if (m->fresh)
		return;
	for (unsigned ac = 0; ac < 2; ac++) {
		regs.rflags = ac ? RFLAGS_AC : 0;
		regs.cr3 = fuzz_frame_gpa(r->root);
		walk_context_init(&m->ctx[ac], &regs);
		regs.cr3 = FUZZ_SCRATCH;
		walk_context_init(&m->scratch_ctx[ac], &regs);
	}
	m->fresh = true;
}

struct walk_query fuzz_query(const struct fuzz_op *op)
{
	static const enum walk_access access[] = {
		[FUZZ_READ] = WALK_READ, [FUZZ_WRITE] = WALK_WRITE, [FUZZ_FETCH] = WALK_FETCH};
	gva_t gva = op->gva;

	if (op->kind == FUZZ_FETCH)
		gva = (gva & ~(PAGE_SIZE - 1)) +
		      (op->who == FUZZ_USER ? FUZZ_CODE_USER : FUZZ_CODE_KERNEL);
	return (struct walk_query){
		.gva = gva,
		.access = access[op->kind],
		.privilege = op->who == FUZZ_USER ? WALK_USER : WALK_SUPERVISOR,
	};
}

void fuzz_store(struct fuzz_model *m, unsigned word, uint64_t value)
{
	const uint64_t used = PTE_PRESENT | PTE_ACCESSED;
	struct fuzz_word *w = &m->word[word];
	uint64_t was = *m->at[word];

	/* Nothing is remembered of an entry that was never used, and nothing forgotten when an entry
	 * becomes what it is. */
	if (was == value)
		return;
	if ((was & used) == used && w->since < m->now) {
		if (w->count == FUZZ_OLD) {
			w->lost = w->old[0].to;
			memmove(w->old, w->old + 1, sizeof(w->old[0]) * --w->count);
		}
		w->old[w->count++] = (struct fuzz_old){was, w->since, m->now};
	}
	w->since = m->now;
	m->globals |= value & PTE_GLOBAL && value & PTE_PRESENT;
	*m->at[word] = value;
}

static enum fuzz_verdict copy(struct fuzz_model *m, const struct fuzz_op *op)
{
	for (unsigned i = 0; i < FUZZ_INDICES; i++) {
		unsigned from = fuzz_word(op->frame, i);
		uint64_t value = *m->at[from] & ~PTE_WRITE;

		fuzz_store(m, from, value);
		fuzz_store(m, fuzz_word(op->other, i), value);
	}
	return FUZZ_SURE;
}

static enum fuzz_verdict invpcid(struct fuzz_model *m, const struct fuzz_op *op)
{
	if (!(m->facts.offered & FUZZ_HAS_INVPCID))
		return FUZZ_SKIPPED;
	switch (op->other) {
	case 0:
		forget_upper(m);
		forget_page(m, op->gva, true);
		break;
	case 2: forget_all(m); break;
	default: load_root(m, m->regs.root); break;
	}
	return FUZZ_SURE;
}

static enum fuzz_verdict set_flag(struct fuzz_model *m, bool *flag, const struct fuzz_op *op,
				  unsigned needs)
{
	if (needs & ~m->facts.offered)
		return FUZZ_SKIPPED;
	*flag = op->value;
	m->fresh = false;
	return FUZZ_SURE;
}

static enum fuzz_verdict set_register(struct fuzz_model *m, const struct fuzz_op *op)
{
	struct fuzz_registers *r = &m->regs;
	bool was;

	switch (op->kind) {
	case FUZZ_CR3:
		load_root(m, op->frame);
		m->fresh = false;
		return FUZZ_SURE;
	case FUZZ_WP: return set_flag(m, &r->wp, op, 0);
	case FUZZ_SMEP: return set_flag(m, &r->smep, op, FUZZ_HAS_SMEP);
	case FUZZ_SMAP: return set_flag(m, &r->smap, op, FUZZ_HAS_SMAP);
	case FUZZ_PKE: return set_flag(m, &r->pke, op, FUZZ_HAS_PKE);
	case FUZZ_NXE:
		if (!op->value && !(m->facts.offered & FUZZ_HAS_NXE_OFF))
			return FUZZ_SKIPPED;
		forget_all(m);
		return set_flag(m, &r->nxe, op, 0);
	case FUZZ_PGE:
		was = r->pge;
		set_flag(m, &r->pge, op, 0);
		if (r->pge != was)
			forget_all(m);
		return FUZZ_SURE;
	default: /* PKRU: WRPKRU is there under CR4.PKE only */
		if (!r->pke)
			return FUZZ_SKIPPED;
		r->pkru = (uint32_t)op->value;
		m->fresh = false;
		return FUZZ_SURE;
	}
}

/* The access goes the only way there is. */
static void go(struct fuzz_model *m, const struct fuzz_op *op, struct fuzz_outcome *must)
{
	struct walk_query query = fuzz_query(op);
	struct walk_path path;
	struct walk_result r;
	uint64_t *data;

	query.set_ad = true;
	if (walk(&m->mem, &m->ctx[op->who == FUZZ_KERNEL_AC], &query, &r, &path) == WALK_FAULT) {
		*must = (struct fuzz_outcome){
			.vector = FUZZ_PF, .error = r.error_code, .cr2 = query.gva};
		fuzz_faulted(m, op->gva);
		return;
	}
	*must = (struct fuzz_outcome){.vector = op->who == FUZZ_USER ? FUZZ_UD : FUZZ_NO_TRAP};
	if (op->kind == FUZZ_FETCH)
		return;
	data = (void *)gmem_ptr(&m->mem, r.gpa, sizeof(*data));
	must->value = *data;
	if (op->kind == FUZZ_WRITE) {
		fuzz_wrote(m, op, &r, fuzz_word_at(path.step[path.count - 1].gpa));
		fuzz_store(m, fuzz_word_at(r.gpa), op->value);
	}
}

/* Whether the host may set A in spite of a fault. */
static bool may_set_accessed(const struct fuzz_model *m, const struct fuzz_chain *c)
{
	if (!m->facts.faults_access || c->result.outcome != WALK_FAULT)
		return false;
	for (unsigned i = 0; i < c->count; i++)
		if ((c->value[i] & (PTE_PRESENT | PTE_ACCESSED)) == PTE_PRESENT)
			return true;
	return false;
}

enum fuzz_verdict fuzz_look(struct fuzz_model *m, const struct fuzz_op *op)
{
	fuzz_contexts(m);
	if (!fuzz_chains(m, op))
		return FUZZ_SKIPPED;
	return m->chains == 1 && !may_set_accessed(m, &m->chain[0]) ? FUZZ_SURE : FUZZ_OPEN;
}

enum fuzz_verdict fuzz_do(struct fuzz_model *m, const struct fuzz_op *op, struct fuzz_outcome *must)
{
	enum fuzz_verdict verdict = FUZZ_SURE;

	*must = (struct fuzz_outcome){.vector = FUZZ_NO_TRAP};
	if (fuzz_is_access(op)) {
		verdict = fuzz_look(m, op);
		if (verdict == FUZZ_SURE)
			go(m, op, must);
		else if (verdict == FUZZ_OPEN)
			m->open = *op;
	}
	switch (op->kind) {
	case FUZZ_SET: fuzz_store(m, fuzz_word(op->frame, op->other), op->value); break;
	case FUZZ_COPY: verdict = copy(m, op); break;
	case FUZZ_INVLPG:
		forget_upper(m);
		forget_page(m, op->gva, false);
		break;
	case FUZZ_INVPCID: verdict = invpcid(m, op); break;
	case FUZZ_FLUSH: forget_all(m); break;
	case FUZZ_READ:
	case FUZZ_WRITE:
	case FUZZ_FETCH:
	case FUZZ_TOGGLE:
	case FUZZ_SYNC: break;
	default: verdict = set_register(m, op); break;
	}
	m->now++;
	return verdict;
}
