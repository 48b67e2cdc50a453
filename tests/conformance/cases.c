/* SPDX-License-Identifier: MIT */
/*
 * Sets of cases. Every one starts from a way down the tables that allows everything, and each of
 * its dimensions takes something away or sets a bit that may not be there.
 */
#include "cases.h"

#include "check.h"

#define RIGHTS	  8  /* RW, US, NX of an entry, as a number: what is withheld */
#define PAIRS	  10 /* of levels 1 to 5 */
#define REGISTERS 64

static uint64_t withheld(uint64_t entry, unsigned rights)
{
	if (rights & 1)
		entry &= ~PTE_WRITE;
	if (rights & 2)
		entry &= ~PTE_USER;
	if (rights & 4)
		entry |= PTE_NX;
	return entry;
}

/* The registers of number n; false if this machine has them not. AC counts under SMAP only. */
static bool set_regs(struct conf_case *c, unsigned offered, unsigned n)
{
	static const uint8_t bit[] = {CONF_WP, CONF_NXE, CONF_SMEP, CONF_SMAP, CONF_AC, CONF_PGE};

	for (unsigned i = 0; i < COUNT(bit); i++)
		if (n >> i & 1)
			c->regs |= bit[i];
	if (c->regs & ~offered & (CONF_SMEP | CONF_SMAP))
		return false;
	/* CR4.PGE and AC without SMAP change nothing about rights: with both, or with neither. */
	if (!(c->regs & CONF_SMAP) && !(c->regs & CONF_AC) != !(c->regs & CONF_PGE))
		return false;
	return c->regs & CONF_SMAP ? !!(c->regs & CONF_PGE) == !!(c->regs & CONF_NXE) : true;
}

/* An entry of PAE's top level, which has no flags but P. */
static bool is_pdpte(const struct conf_world *w, unsigned level)
{
	return w->levels == 3 && level == 3;
}

/* The way that allows everything, to a page mapped at `leaf`. Below it is nothing. */
static bool set_way(const struct conf_world *w, struct conf_case *c, unsigned leaf)
{
	const uint64_t all = PTE_PRESENT | PTE_WRITE | PTE_USER;

	if (leaf > 3 || (leaf == 3 && w->levels < 4) ||
	    (leaf == 3 && !w->has_1g && !conf_sets[c->set].about_bits))
		return false;
	c->leaf = (uint8_t)leaf;
	c->slot = (uint8_t)(c->index / CONF_RUN % w->slots);
	for (unsigned level = leaf + 1; level <= w->levels; level++)
		c->entry[level - 1] = conf_table(w, c->slot, level - 1) |
				      (is_pdpte(w, level) ? PTE_PRESENT : all);
	c->entry[leaf - 1] = (w->data & ~((UINT64_C(1) << conf_shift(w, leaf)) - 1)) | all |
			     (leaf > 1 ? PTE_PS : 0);
	return true;
}

static uint64_t pattern(uint64_t n)
{
	return (n + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 32;
}

/*
 * Flags A and D here and there, in a pattern without meaning. In most runs A is set all the way above
 * the leaf: what it is cleared in is written anew for each case, and then nothing below it lasts.
 */
static void sprinkle(const struct conf_world *w, struct conf_case *c)
{
	uint64_t run = c->index / CONF_RUN, leaf = pattern(c->index / CONF_ACCESSES);
	uint64_t upper = pattern(run) & 3 ? UINT64_MAX : pattern(run + 1);

	c->entry[c->leaf - 1] |= (leaf & 1 ? PTE_ACCESSED : 0) | (leaf & 2 ? PTE_DIRTY : 0);
	for (unsigned level = c->leaf + 1u; level <= w->levels && !is_pdpte(w, level); level++)
		c->entry[level - 1] |= (upper >> level & 1 ? PTE_ACCESSED : 0) |
				       (pattern(run) >> level & 1 ? PTE_DIRTY : 0);
}

/* Values: registers WP and NXE; rights withheld at levels 4, 3, 2, 1; access. */
static bool make_rights(const struct conf_world *w, unsigned offered, const uint16_t *v,
			struct conf_case *c)
{
	(void)offered;
	c->regs = (uint8_t)v[0] | CONF_PGE;
	c->access = (uint8_t)v[5];
	if (!set_way(w, c, 1))
		return false;
	for (unsigned i = 0; i < 4; i++) {
		if (4 - i > w->levels && v[1 + i])
			return false;
		c->entry[3 - i] = withheld(c->entry[3 - i], v[1 + i]);
	}
	sprinkle(w, c);
	return true;
}

/* The n-th pair of levels with the lower one first: 1 2, 1 3, 2 3, 1 4, ... */
static void pair(unsigned n, unsigned *low, unsigned *high)
{
	for (*high = 2; n >= *high - 1; n -= *high - 1, ++*high)
		;
	*low = n + 1;
}

/* Values: registers; leaf; pair of levels; rights withheld at the upper, at the lower; access. */
static bool make_pairs(const struct conf_world *w, unsigned offered, const uint16_t *v,
		       struct conf_case *c)
{
	unsigned low, high;

	pair(v[2], &low, &high);
	c->access = (uint8_t)v[5];
	if (!set_regs(c, offered, v[0]) || !set_way(w, c, 1u + v[1]) || low < c->leaf ||
	    high > w->levels)
		return false;
	c->entry[high - 1] = withheld(c->entry[high - 1], v[3]);
	c->entry[low - 1] = withheld(c->entry[low - 1], v[4]);
	sprinkle(w, c);
	return true;
}

/* Values: WP; leaf; P at each level; A at each level; D at the leaf; whether the leaf is
 * read-only; access. */
static bool make_flags(const struct conf_world *w, unsigned offered, const uint16_t *v,
		       struct conf_case *c)
{
	(void)offered;
	c->regs = (uint8_t)(v[0] ? CONF_WP : 0) | CONF_NXE | CONF_PGE;
	c->access = (uint8_t)v[6];
	if (!set_way(w, c, 1u + v[1]))
		return false;
	/* What a level below the leaf would have is one value, not two. */
	if ((v[2] | v[3]) & ((1u << v[1]) - 1) || (v[2] | v[3]) >> w->levels)
		return false;
	for (unsigned level = c->leaf; level <= w->levels; level++) {
		if (v[2] >> (level - 1) & 1)
			c->entry[level - 1] &= ~PTE_PRESENT;
		if (v[3] >> (level - 1) & 1)
			c->entry[level - 1] |= PTE_ACCESSED;
	}
	c->entry[c->leaf - 1] = withheld(c->entry[c->leaf - 1] | (v[4] ? PTE_DIRTY : 0), v[5]);
	return true;
}

/* Values: NXE; leaf; level; bit that is turned over there; rights withheld at the leaf; access. */
static bool make_bits(const struct conf_world *w, unsigned offered, const uint16_t *v,
		      struct conf_case *c)
{
	(void)offered;
	c->regs = CONF_WP | CONF_PGE | (uint8_t)(v[0] ? CONF_NXE : 0);
	c->access = (uint8_t)v[5];
	if (!set_way(w, c, 1u + v[1]) || v[2] + 1u < c->leaf || v[2] + 1u > w->levels)
		return false;
	c->entry[c->leaf - 1] = withheld(c->entry[c->leaf - 1], v[4]);
	c->entry[v[2]] ^= UINT64_C(1) << v[3];
	return true;
}

/* Two things wrong at once. Values: NXE; leaf; pair of levels; wrong at the upper; at the lower;
 * access. */
static bool make_order(const struct conf_world *w, unsigned offered, const uint16_t *v,
		       struct conf_case *c)
{
	const uint64_t wrong[] = {PTE_PRESENT,
				  PTE_WRITE,
				  PTE_USER,
				  PTE_NX,
				  PTE_PS,
				  PTE_GLOBAL,
				  UINT64_C(1) << (w->maxphyaddr < 52 ? w->maxphyaddr : 13),
				  UINT64_C(1) << 51,
				  UINT64_C(1) << 13};
	unsigned low, high;

	(void)offered;
	pair(v[2], &low, &high);
	c->regs = CONF_WP | CONF_PGE | (uint8_t)(v[0] ? CONF_NXE : 0);
	c->access = (uint8_t)v[5];
	if (!set_way(w, c, 1u + v[1]) || low < c->leaf || high > w->levels)
		return false;
	c->entry[high - 1] ^= wrong[v[3]];
	c->entry[low - 1] ^= wrong[v[4]];
	return true;
}

/* Values: WP, SMAP, PKE; key; PKRU bits of that key; the same of all others; leaf; rights withheld
 * there; access. */
static bool make_keys(const struct conf_world *w, unsigned offered, const uint16_t *v,
		      struct conf_case *c)
{
	static const uint8_t keys[] = {0, 1, 9, 15};
	uint32_t others = UINT32_C(0x55555555) * v[3], own = UINT32_C(3) << 2 * keys[v[1]];

	c->regs = CONF_NXE | CONF_PGE |
		  (uint8_t)((v[0] & 1 ? CONF_WP : 0) | (v[0] & 2 ? CONF_SMAP : 0) |
			    (v[0] & 4 ? CONF_PKE : 0));
	c->access = (uint8_t)v[6];
	c->pkru = (others & ~own & ~(UINT32_C(3) << 2 * CONF_USER_KEY)) | (uint32_t)v[2]
										  << 2 * keys[v[1]];
	if (c->regs & ~offered & (CONF_SMAP | CONF_PKE) || !(offered & CONF_PKE) ||
	    !set_way(w, c, 1u + v[4]))
		return false;
	c->entry[c->leaf - 1] = withheld(c->entry[c->leaf - 1], v[5]) | (uint64_t)keys[v[1]]
										<< PTE_PKEY_SHIFT;
	return true;
}

/* Where there are two levels. Values: PSE; PS turned over; bit that is turned over besides; leaf;
 * access. */
static bool make_pse(const struct conf_world *w, unsigned offered, const uint16_t *v,
		     struct conf_case *c)
{
	(void)offered;
	c->regs = CONF_WP | CONF_PGE | (uint8_t)(v[0] ? CONF_PSE : 0);
	c->access = (uint8_t)v[4];
	if (w->levels != 2 || !set_way(w, c, 1u + v[3]))
		return false;
	c->entry[1] ^= v[1] ? PTE_PS : 0;
	c->entry[1] ^= UINT64_C(1) << v[2];
	return true;
}

const struct conf_set conf_sets[] = {
	{"rights at four levels",
	 {4, RIGHTS, RIGHTS, RIGHTS, RIGHTS, CONF_ACCESSES},
	 make_rights,
	 false},
	{"rights and registers",
	 {REGISTERS, 3, PAIRS, RIGHTS, RIGHTS, CONF_ACCESSES},
	 make_pairs,
	 false},
	{"P, A and D", {2, 3, 32, 32, 2, 2, CONF_ACCESSES}, make_flags, false},
	{"protection keys", {8, 4, 4, 4, 3, RIGHTS, CONF_ACCESSES}, make_keys, false},
	{"each bit", {2, 3, 5, 64, 4, CONF_ACCESSES}, make_bits, true},
	{"PSE", {2, 2, 32, 2, CONF_ACCESSES}, make_pse, true},
	{"two things wrong", {2, 3, PAIRS, 9, 9, CONF_ACCESSES}, make_order, true},
};

const unsigned conf_set_count = COUNT(conf_sets);

uint64_t conf_set_size(const struct conf_set *set)
{
	uint64_t size = 1;

	for (unsigned i = 0; i < CONF_DIMENSIONS && set->values[i]; i++)
		size *= set->values[i];
	return size;
}

/* Half of the cases have a read or a write before, in a pattern without meaning. */
static uint8_t first_of(uint64_t index)
{
	static const uint8_t first[] = {CONF_USER_READ, CONF_USER_WRITE, CONF_KERNEL_READ,
					CONF_KERNEL_WRITE};
	uint64_t hash = (index + 1) * UINT64_C(0xd1b54a32d192ed03) >> 40;

	return hash & 4 ? first[hash & 3] : CONF_ACCESSES;
}

/* INVLPG for most; the same for a whole run, so that nothing of it depends on another flush. */
static uint8_t flush_of(const struct conf_set *s, uint64_t index)
{
	uint64_t hash = (index / CONF_RUN + 1) * UINT64_C(0xa0761d6478bd642f) >> 40 & 15;

	if (hash < 2)
		return CONF_FLUSH_ALL;
	return hash < 6 && !s->about_bits ? CONF_FLUSH_CONTEXT : CONF_FLUSH_PAGE;
}

bool conf_set_case(const struct conf_world *w, unsigned offered, unsigned set, uint64_t index,
		   struct conf_case *c)
{
	const struct conf_set *s = &conf_sets[set];
	uint16_t value[CONF_DIMENSIONS];
	uint64_t rest = index;

	*c = (struct conf_case){.set = (uint8_t)set, .index = index, .first = first_of(index)};
	c->flush = flush_of(s, index);
	for (unsigned i = CONF_DIMENSIONS; i-- > 0;) {
		value[i] = 0;
		if (!s->values[i])
			continue;
		value[i] = (uint16_t)(rest % s->values[i]);
		rest /= s->values[i];
	}
	if (!s->make(w, offered, value, c))
		return false;
	if (w->levels == 2) {
		c->regs |= s->make == make_pse ? 0 : CONF_PSE;
		if ((c->entry[0] | c->entry[1]) >> 32)
			return false;
	}
	return (c->access != CONF_IMPLICIT_USER && c->access != CONF_IMPLICIT_WRITE_USER) ||
	       offered & CONF_LDT;
}
