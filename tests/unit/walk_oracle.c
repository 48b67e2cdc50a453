/* SPDX-License-Identifier: MIT */
/* Intel SDM vol. 3, chapter 4, in its own order; AMD's two differences where they apply. */
#include "walk_oracle.h"

#include <string.h>

static bool bit(uint64_t value, unsigned n)
{
	return value >> n & 1;
}

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
	uint64_t out = 0;

	for (unsigned n = low; n <= high; n++)
		out |= (uint64_t)bit(value, n) << (n - low);
	return out;
}

static bool any(uint64_t value, unsigned high, unsigned low)
{
	for (unsigned n = low; n <= high; n++)
		if (bit(value, n))
			return true;
	return false;
}

struct state {
	const struct gmem *mem;
	const struct walk_regs *regs;
	const struct walk_query *q;
	struct oracle_answer *a;
	uint64_t la; /* the linear address */
	bool wp, pse, pae, pge, la57, smep, smap, pke, nxe, lma, ac;
	unsigned m; /* MAXPHYADDR */
	bool ok;    /* a translation was found */
	bool rw, us, xd;
};

/* 4.7: the error code. `p`, `rsvd`, `pk` are known by whoever reports. */
static void page_fault(struct state *s, bool p, bool rsvd, bool pk)
{
	unsigned code = 0;

	if (p)
		code |= 1 << 0;
	if (s->q->access == WALK_WRITE)
		code |= 1 << 1;
	if (s->q->privilege == WALK_USER)
		code |= 1 << 2;
	if (rsvd)
		code |= 1 << 3;
	if (s->q->access == WALK_FETCH && (s->smep || (s->pae && s->nxe)))
		code |= 1 << 4;
	if (pk)
		code |= 1 << 5;
	s->a->outcome = WALK_FAULT;
	s->a->error_code = code;
	s->ok = false;
}

static bool fetch(struct state *s, uint64_t at, unsigned size, bool has_accessed, uint64_t *entry)
{
	unsigned n = s->a->count;

	*entry = 0;
	if (gmem_read(s->mem, at, entry, size)) {
		s->a->outcome = WALK_NO_MEMORY;
		return false;
	}
	s->a->entry_size = size;
	s->a->entry[n].gpa = at;
	s->a->entry[n].value = *entry;
	s->a->entry[n].has_accessed = has_accessed;
	s->a->count++;
	return true;
}

static bool present(struct state *s, uint64_t entry)
{
	if (bit(entry, 0))
		return true;
	s->a->reasons |= 1 << WALK_CAUSE_NOT_PRESENT;
	page_fault(s, false, false, false);
	return false;
}

static bool no_reserved(struct state *s, bool reserved)
{
	if (!reserved)
		return true;
	s->a->reasons |= 1 << WALK_CAUSE_RESERVED_BIT;
	page_fault(s, true, true, false);
	return false;
}

static void combine(struct state *s, uint64_t entry)
{
	if (!bit(entry, 1))
		s->rw = false;
	if (!bit(entry, 2))
		s->us = false;
	if (bit(entry, 63))
		s->xd = true;
}

static void page(struct state *s, uint64_t entry, uint64_t frame, unsigned shift, bool pat)
{
	s->a->gpa = frame + bits(s->la, shift - 1, 0);
	s->a->shift = shift;
	s->a->dirty = bit(entry, 6);
	s->a->global = s->pge && bit(entry, 8);
	s->a->pat = (pat ? 4u : 0) + (bit(entry, 4) ? 2u : 0) + (bit(entry, 3) ? 1u : 0);
	s->ok = true;
}

/* 4.3: 32-bit paging. */
static void paging_32bit(struct state *s)
{
	uint64_t pde, pte;

	if (!fetch(s, bits(s->regs->cr3, 31, 12) * 4096 + bits(s->la, 31, 22) * 4, 4, true, &pde))
		return;
	if (!present(s, pde))
		return;
	if (s->pse && bit(pde, 7)) {
		/* Table 4-4: bits (M-20):13 are address bits (M-1):32, 21:(M-19) are reserved. */
		unsigned m = s->m < 40 ? s->m : 40;

		if (!no_reserved(s, any(pde, 21, m - 19)))
			return;
		combine(s, pde);
		page(s, pde, bits(pde, 20, 13) << 32 | bits(pde, 31, 22) << 22, 22, bit(pde, 12));
		return;
	}
	combine(s, pde);
	if (!fetch(s, bits(pde, 31, 12) * 4096 + bits(s->la, 21, 12) * 4, 4, true, &pte))
		return;
	if (!present(s, pte))
		return;
	combine(s, pte);
	page(s, pte, bits(pte, 31, 12) * 4096, 12, bit(pte, 7));
}

/* Bits 51:M, which every 8-byte entry reserves. */
static bool past_maxphyaddr(const struct state *s, uint64_t entry)
{
	return s->m < 52 && any(entry, 51, s->m);
}

/* 4.4: PAE paging. */
static void paging_pae(struct state *s)
{
	uint64_t at, pdpte, pde, pte;

	/* 4.4.1: the PDPTE registers; on AMD, and if none are given, the table itself. */
	at = bits(s->regs->cr3, 31, 5) * 32 + bits(s->la, 31, 30) * 8;
	if (s->regs->pdptrs_valid) {
		pdpte = s->regs->pdptr[bits(s->la, 31, 30)];
		s->a->entry[0].gpa = at;
		s->a->entry[0].value = pdpte;
		s->a->entry[0].has_accessed = false;
		s->a->count = 1;
	} else if (!fetch(s, at, 8, false, &pdpte)) {
		return;
	}
	s->a->entry_size = 8;
	if (!present(s, pdpte))
		return;
	/* Table 4-8. */
	if (!no_reserved(s, any(pdpte, 2, 1) || any(pdpte, 8, 5) || past_maxphyaddr(s, pdpte) ||
				    any(pdpte, 63, 52)))
		return;

	/* Tables 4-9 and 4-10. */
	if (!fetch(s, bits(pdpte, 51, 12) * 4096 + bits(s->la, 29, 21) * 8, 8, true, &pde))
		return;
	if (!present(s, pde))
		return;
	if (!no_reserved(s, past_maxphyaddr(s, pde) || any(pde, 62, 52) ||
				    (!s->nxe && bit(pde, 63)) || (bit(pde, 7) && any(pde, 20, 13))))
		return;
	combine(s, pde);
	if (bit(pde, 7)) {
		page(s, pde, bits(pde, 51, 21) << 21, 21, bit(pde, 12));
		return;
	}

	/* Table 4-11. */
	if (!fetch(s, bits(pde, 51, 12) * 4096 + bits(s->la, 20, 12) * 8, 8, true, &pte))
		return;
	if (!present(s, pte))
		return;
	if (!no_reserved(s,
			 past_maxphyaddr(s, pte) || any(pte, 62, 52) || (!s->nxe && bit(pte, 63))))
		return;
	combine(s, pte);
	page(s, pte, bits(pte, 51, 12) * 4096, 12, bit(pte, 7));
}

/* 4.5: 4-level and 5-level paging. */
static void paging_long(struct state *s)
{
	uint64_t table = bits(s->regs->cr3, s->m - 1, 12) * 4096, e;
	unsigned top = s->la57 ? 56 : 47;
	bool sign = bit(s->la, top);

	/* Vol. 1, 3.3.7.1: canonical addressing. */
	for (unsigned n = top; n < 64; n++) {
		if (bit(s->la, n) != sign) {
			s->a->outcome = WALK_NONCANONICAL;
			return;
		}
	}

	/* Tables 4-14 and 4-15: a PML5E, if there is one, and a PML4E. AMD also reserves bit 8. */
	for (unsigned low = s->la57 ? 48 : 39; low >= 39; low -= 9) {
		if (!fetch(s, table + bits(s->la, low + 8, low) * 8, 8, true, &e))
			return;
		if (!present(s, e))
			return;
		if (!no_reserved(s, bit(e, 7) || past_maxphyaddr(s, e) || (!s->nxe && bit(e, 63)) ||
					    (s->regs->amd && bit(e, 8))))
			return;
		combine(s, e);
		table = bits(e, 51, 12) * 4096;
	}

	/* Tables 4-16 and 4-17: a PDPTE. */
	if (!fetch(s, table + bits(s->la, 38, 30) * 8, 8, true, &e))
		return;
	if (!present(s, e))
		return;
	if (!no_reserved(s, past_maxphyaddr(s, e) || (!s->nxe && bit(e, 63)) ||
				    (bit(e, 7) && !s->regs->has_1g) ||
				    (bit(e, 7) && any(e, 29, 13))))
		return;
	combine(s, e);
	if (bit(e, 7)) {
		s->a->pkey = s->pke ? (unsigned)bits(e, 62, 59) : 0;
		page(s, e, bits(e, 51, 30) << 30, 30, bit(e, 12));
		return;
	}
	table = bits(e, 51, 12) * 4096;

	/* Tables 4-18 and 4-19: a PDE. */
	if (!fetch(s, table + bits(s->la, 29, 21) * 8, 8, true, &e))
		return;
	if (!present(s, e))
		return;
	if (!no_reserved(s, past_maxphyaddr(s, e) || (!s->nxe && bit(e, 63)) ||
				    (bit(e, 7) && any(e, 20, 13))))
		return;
	combine(s, e);
	if (bit(e, 7)) {
		s->a->pkey = s->pke ? (unsigned)bits(e, 62, 59) : 0;
		page(s, e, bits(e, 51, 21) << 21, 21, bit(e, 12));
		return;
	}
	table = bits(e, 51, 12) * 4096;

	/* Table 4-20: a PTE. */
	if (!fetch(s, table + bits(s->la, 20, 12) * 8, 8, true, &e))
		return;
	if (!present(s, e))
		return;
	if (!no_reserved(s, past_maxphyaddr(s, e) || (!s->nxe && bit(e, 63))))
		return;
	combine(s, e);
	s->a->pkey = s->pke ? (unsigned)bits(e, 62, 59) : 0;
	page(s, e, bits(e, 51, 12) * 4096, 12, bit(e, 7));
}

/* 4.6.1: which accesses a translation permits. Returns the reasons against this one. */
static unsigned access_rights(const struct state *s)
{
	unsigned against = 0;

	if (s->q->privilege != WALK_USER) {
		bool smap_forbids =
			s->us && s->smap && (s->q->privilege == WALK_IMPLICIT || !s->ac);

		switch (s->q->access) {
		case WALK_READ:
			if (smap_forbids)
				against |= 1 << WALK_CAUSE_SMAP;
			break;
		case WALK_WRITE:
			if (smap_forbids)
				against |= 1 << WALK_CAUSE_SMAP;
			if (s->wp && !s->rw)
				against |= 1 << WALK_CAUSE_READ_ONLY;
			break;
		case WALK_FETCH:
			if (s->us && s->smep)
				against |= 1 << WALK_CAUSE_SMEP;
			if (s->nxe && s->xd)
				against |= 1 << WALK_CAUSE_NO_EXECUTE;
			break;
		}
		return against;
	}
	if (!s->us)
		against |= 1 << WALK_CAUSE_SUPERVISOR_PAGE;
	if (s->q->access == WALK_WRITE && !s->rw)
		against |= 1 << WALK_CAUSE_READ_ONLY;
	if (s->q->access == WALK_FETCH && s->nxe && s->xd)
		against |= 1 << WALK_CAUSE_NO_EXECUTE;
	return against;
}

/* 4.6.2: protection keys. */
static bool key_forbids(const struct state *s)
{
	bool ad = bit(s->regs->pkru, 2 * s->a->pkey);
	bool wd = bit(s->regs->pkru, 2 * s->a->pkey + 1);

	if (!s->lma || !s->pke || !s->us || s->q->access == WALK_FETCH)
		return false;
	if (ad)
		return true;
	return wd && s->q->access == WALK_WRITE && (s->wp || s->q->privilege == WALK_USER);
}

static void no_paging(struct state *s)
{
	s->a->gpa = bits(s->la, 31, 0);
	s->a->shift = 12;
	s->a->writable = s->a->user = s->a->dirty = true;
	s->a->outcome = WALK_OK;
}

void oracle_walk(const struct gmem *mem, const struct walk_regs *regs,
		 const struct walk_query *query, struct oracle_answer *answer)
{
	struct state s = {
		.mem = mem,
		.regs = regs,
		.q = query,
		.a = answer,
		.la = query->gva,
		.wp = bit(regs->cr0, 16),
		.pse = bit(regs->cr4, 4),
		.pae = bit(regs->cr4, 5),
		.pge = bit(regs->cr4, 7),
		.la57 = bit(regs->cr4, 12),
		.smep = bit(regs->cr4, 20),
		.smap = bit(regs->cr4, 21),
		.pke = bit(regs->cr4, 22),
		.lma = bit(regs->efer, 10),
		.nxe = bit(regs->efer, 11),
		.ac = bit(regs->rflags, 18),
		.m = regs->maxphyaddr,
		.rw = true,
		.us = true,
	};

	memset(answer, 0, sizeof(*answer));
	/* 4.1.1: the mode. */
	if (!bit(regs->cr0, 31)) {
		no_paging(&s);
		return;
	}
	if (s.lma)
		paging_long(&s);
	else if (s.pae)
		paging_pae(&s);
	else
		paging_32bit(&s);
	if (!s.ok)
		return;

	answer->writable = s.rw;
	answer->user = s.us;
	answer->nx = s.xd;
	answer->reasons = access_rights(&s);
	if (key_forbids(&s))
		answer->reasons |= 1 << WALK_CAUSE_PKEY;
	if (answer->reasons)
		page_fault(&s, true, false, key_forbids(&s));
	else
		answer->outcome = WALK_OK;
}

const char *oracle_difference(const struct walk_query *q, const struct walk_result *r,
			      const struct walk_path *path, const struct oracle_answer *a)
{
	unsigned reason = r->cause == WALK_CAUSE_NONE ? 0 : 1u << r->cause;

	if (r->outcome != a->outcome)
		return "outcome";
	if (r->error_code != a->error_code)
		return "error code";
	if ((reason & a->reasons) != reason || !reason != !a->reasons)
		return "cause";
	if (path->count != a->count)
		return "length of the path";
	for (unsigned i = 0; i < a->count; i++)
		if (path->step[i].gpa != a->entry[i].gpa)
			return "an entry's address";
	if (r->outcome != WALK_OK)
		return NULL;
	if (r->gpa != a->gpa || r->shift != a->shift)
		return "translation";
	if (r->writable != a->writable || r->user != a->user || r->nx != a->nx)
		return "rights";
	if (r->dirty != (a->dirty || (q->set_ad && q->access == WALK_WRITE)))
		return "dirty flag";
	if (r->global != a->global || r->pkey != a->pkey || r->pat != a->pat)
		return "attributes";
	return NULL;
}
