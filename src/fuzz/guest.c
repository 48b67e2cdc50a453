/* SPDX-License-Identifier: MIT */
#include "fuzz/guest.h"

#include "error.h"
#include "fuzz/deviations.h"
#include "memory/format.h"
#include "x86.h"

#include <string.h>

const struct fuzz_mode fuzz_modes[FUZZ_MODES] = {
	{"hw", PN_MODE_HW, PN_STRATEGY_UNSYNC, false},
	{"shadow:vtlb", PN_MODE_SHADOW, PN_STRATEGY_VTLB, false},
	{"shadow:wp", PN_MODE_SHADOW, PN_STRATEGY_WP, false},
	{"shadow:unsync", PN_MODE_SHADOW, PN_STRATEGY_UNSYNC, false},
	{"toggle:vtlb", PN_MODE_HW, PN_STRATEGY_VTLB, true},
	{"toggle:wp", PN_MODE_HW, PN_STRATEGY_WP, true},
	{"toggle:unsync", PN_MODE_HW, PN_STRATEGY_UNSYNC, true},
};

enum routine {
	DO_SYNC,
	DO_SET,
	DO_COPY,
	DO_CR0,
	DO_CR3,
	DO_FLUSH,
	DO_CR4,
	DO_EFER,
	DO_PKRU,
	DO_INVLPG,
	DO_INVPCID,
	DO_MODE,
	DO_KERNEL_READ,
	DO_KERNEL_WRITE,
	DO_KERNEL_FETCH,
	DO_CLAC_READ,
	DO_CLAC_WRITE,
	DO_CLAC_FETCH,
	DO_STAC_READ,
	DO_STAC_WRITE,
	DO_STAC_FETCH,
	DO_USER,
	DO_ROUTINES
};

_Static_assert(DO_ROUTINES <= FUZZ_ROUTINES, "room for all");

static const char *const routines[DO_ROUTINES] = {
	[DO_SYNC] = "fuzz_sync",
	[DO_SET] = "fuzz_set",
	[DO_COPY] = "fuzz_copy",
	[DO_CR0] = "fuzz_cr0",
	[DO_CR3] = "fuzz_cr3",
	[DO_FLUSH] = "fuzz_flush",
	[DO_CR4] = "fuzz_cr4",
	[DO_EFER] = "fuzz_efer",
	[DO_PKRU] = "fuzz_pkru",
	[DO_INVLPG] = "fuzz_invlpg",
	[DO_INVPCID] = "fuzz_invpcid",
	[DO_MODE] = "fuzz_mode",
	[DO_KERNEL_READ] = "fuzz_kernel_read",
	[DO_KERNEL_WRITE] = "fuzz_kernel_write",
	[DO_KERNEL_FETCH] = "fuzz_kernel_fetch",
	[DO_CLAC_READ] = "fuzz_clac_read",
	[DO_CLAC_WRITE] = "fuzz_clac_write",
	[DO_CLAC_FETCH] = "fuzz_clac_fetch",
	[DO_STAC_READ] = "fuzz_stac_read",
	[DO_STAC_WRITE] = "fuzz_stac_write",
	[DO_STAC_FETCH] = "fuzz_stac_fetch",
	[DO_USER] = "fuzz_user",
};

/* Leaf 7: what of it a program can use. */
static const struct {
	unsigned has;
	bool in_ecx;
	uint8_t bit;
} features[] = {
	{FUZZ_HAS_SMEP, false, 7},
	{FUZZ_HAS_SMAP, false, 20},
	{FUZZ_HAS_PKE, true, 3},
	{FUZZ_HAS_INVPCID, false, 10},
};

/*
 * SMEP, SMAP and keys are the shadow's own: in shadow mode alone a guest can have them whatever the
 * processor has.
 */
static void find_facts(struct fuzz_guest *g, unsigned levels)
{
	const struct cpuid_facts *cpu = &g->m->vcpu.facts;
	struct kvm_cpuid_entry2 *leaf = kvm_cpuid_find(g->m->cpuid, 7, 0);
	bool is_shadow = g->mode->start == PN_MODE_SHADOW && !g->mode->toggles;

	if (leaf && is_shadow) {
		leaf->ebx |= CPUID_7_EBX_SMEP | CPUID_7_EBX_SMAP;
		leaf->ecx |= CPUID_7_ECX_PKU;
	}
	g->facts = (struct fuzz_facts){.levels = levels,
				       .maxphyaddr = cpu->maxphyaddr,
				       .has_1g = cpu->has_1g,
				       .amd = cpu->amd,
				       .fault_forgets = is_shadow || !cpu->amd,
				       .mixed = g->mode->toggles,
				       .offered = FUZZ_HAS_NXE_OFF};
	for (size_t i = 0; leaf && i < sizeof(features) / sizeof(features[0]); i++)
		if ((features[i].in_ecx ? leaf->ecx : leaf->ebx) >> features[i].bit & 1)
			g->facts.offered |= features[i].has;
	if (!is_shadow) {
		const struct fuzz_host host = fuzz_host();

		g->deviations = fuzz_deviate(&host, &g->facts);
	}
}

static void *memory(const struct fuzz_guest *g, gpa_t gpa)
{
	return gmem_ptr(&g->m->mem, gpa, PAGE_SIZE);
}

/* Descriptor tables. SDM vol. 3, 3.4.5, 6.14.1, 8.7. */
static void lay_out_cpu(const struct fuzz_guest *g, gva_t stubs, gva_t stack)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} reg;
	uint8_t *page = memory(g, FUZZ_CPU);
	uint64_t *gdt = (void *)(page + FUZZ_GDT - FUZZ_CPU);
	const uint64_t tss = FUZZ_TSS, tss_limit = 0x67;
	const uint16_t no_bitmap = 0x68;

	gdt[FUZZ_CS / 8] = UINT64_C(0x00af9b000000ffff);
	gdt[FUZZ_DS / 8] = UINT64_C(0x00cf93000000ffff);
	gdt[FUZZ_USER_DS / 8] = UINT64_C(0x00cff3000000ffff);
	gdt[FUZZ_USER_CS / 8] = UINT64_C(0x00affb000000ffff);
	gdt[FUZZ_TR / 8] = tss_limit | (tss & 0xffffff) << 16 | UINT64_C(0x89) << 40;
	memcpy(page + FUZZ_TSS - FUZZ_CPU + 4, &stack, sizeof(stack));
	memcpy(page + FUZZ_TSS - FUZZ_CPU + 0x66, &no_bitmap, sizeof(no_bitmap));
	for (unsigned v = 0; v < 32; v++) {
		/* A trap gate: interrupts stay on. */
		const uint64_t type = 0x8f, to = stubs + (uint64_t)v * 16;
		const uint64_t gate[2] = {(to & 0xffff) | FUZZ_CS << 16 | type << 40 |
						  (to >> 16 & 0xffff) << 48,
					  to >> 32};

		memcpy(page + FUZZ_IDT - FUZZ_CPU + v * sizeof(gate), gate, sizeof(gate));
	}
	reg.limit = FUZZ_USER_CS | 7;
	reg.base = FUZZ_GDT;
	memcpy(page + FUZZ_GDTR - FUZZ_CPU, &reg, sizeof(reg));
	reg.limit = 32 * 16 - 1;
	reg.base = FUZZ_IDT;
	memcpy(page + FUZZ_IDTR - FUZZ_CPU, &reg, sizeof(reg));
}

/* Maps the page at a GPA at the same GVA for ring 0, in tables of the home's own; `next` is the first
 * frame that is not one yet. */
static void map_home(const struct fuzz_guest *g, uint64_t *top, gpa_t gpa, gpa_t *next)
{
	uint64_t *table = top;

	for (unsigned level = g->facts.levels; level > 1; level--) {
		uint64_t *entry = &table[fuzz_index(gpa, level)];

		if (!*entry) {
			*entry = *next | PTE_PRESENT | PTE_WRITE;
			*next += PAGE_SIZE;
		}
		table = memory(g, *entry & PTE_BITS(47, 12));
	}
	table[fuzz_index(gpa, 1)] = gpa | PTE_PRESENT | PTE_WRITE;
}

/*
 * The home: what the guest needs of itself, and the world's frames, to store to them. Few pages: an
 * audit looks at each of them, in each view of each root. And the page of ring 3's code, which has a
 * key of its own that PKRU leaves alone, as shadow mode has no code that can be run and not read
 * (docs/guest-rules.md).
 */
#define USER_KEY UINT64_C(15)

static gva_t lay_out_home(const struct fuzz_guest *g, gpa_t user_page)
{
	const unsigned levels = g->facts.levels;
	const uint16_t index[5] = {FUZZ_HOME_USER, FUZZ_HOME_USER, FUZZ_HOME_USER, FUZZ_HOME_USER,
				   FUZZ_HOME_USER};
	uint64_t below = user_page | PTE_PRESENT | PTE_USER | USER_KEY << PTE_PKEY_SHIFT;
	uint64_t *first = memory(g, fuzz_frame_gpa(0));
	gpa_t next = FUZZ_HOME;

	for (unsigned level = 1; level < levels; level++) {
		uint64_t *table = memory(g, next);

		table[FUZZ_HOME_USER] = below;
		below = next | PTE_PRESENT | PTE_WRITE | PTE_USER;
		next += PAGE_SIZE;
	}
	map_home(g, first, FUZZ_SLOTS, &next);
	map_home(g, first, FUZZ_CPU, &next);
	for (gpa_t gpa = g->m->image.start & ~(PAGE_SIZE - 1); gpa < g->m->image.end;
	     gpa += PAGE_SIZE)
		map_home(g, first, gpa, &next);
	for (unsigned f = 0; f < FUZZ_FRAMES; f++)
		map_home(g, first, fuzz_frame_gpa(f), &next);
	for (unsigned r = 0; r < FUZZ_ROOTS; r++) {
		uint64_t *root = memory(g, fuzz_frame_gpa(r));

		root[FUZZ_HOME_KERNEL] = first[FUZZ_HOME_KERNEL];
		root[FUZZ_HOME_USER] = below;
	}
	return fuzz_gva(index, levels);
}

static int find(const struct fuzz_guest *g, const char *name, gva_t *gva, struct pn_error *err)
{
	if (pn_symbol(g->m, name, gva))
		return PN_OK;
	return pn_fail(err, PN_ERR_IMAGE, "the fuzzer's guest has no %s", name);
}

static int lay_out(struct fuzz_guest *g, struct pn_error *err)
{
	gva_t stubs, stack, page, write, home;
	int code = find(g, "fuzz_stubs", &stubs, err);

	if (!code)
		code = find(g, "fuzz_trap_stack", &stack, err);
	if (!code)
		code = find(g, "fuzz_user_page", &page, err);
	if (!code)
		code = find(g, "fuzz_user_write", &write, err);
	for (unsigned i = 0; i < DO_ROUTINES && !code; i++)
		code = find(g, routines[i], &g->routine[i], err);
	if (code)
		return code;
	/* Nothing of it has been run, used or mapped yet: plain stores do. */
	lay_out_cpu(g, stubs, stack);
	home = lay_out_home(g, page);
	g->user_read = home;
	g->user_write = home + (write - page);
	g->slot = memory(g, FUZZ_SLOTS);
	for (unsigned f = 0; f < FUZZ_FRAMES; f++)
		fuzz_frame_code(memory(g, fuzz_frame_gpa(f)));
	for (unsigned w = 0; w < FUZZ_WORDS; w++)
		g->live[w] = (void *)gmem_ptr(&g->m->mem, fuzz_word_gpa(w), 8);
	g->cr0 = g->m->vcpu.last.sregs.cr0;
	g->cr4 = g->m->vcpu.last.sregs.cr4;
	g->efer = g->m->vcpu.last.sregs.efer;
	return PN_OK;
}

int fuzz_guest_make(struct fuzz_guest *g, const struct fuzz_mode *mode, unsigned levels,
		    const struct fuzz_options *options, struct pn_error *err)
{
	const struct pn_config config = {
		.ram_size = FUZZ_RAM,
		.mode = mode->start,
		.levels = levels,
		.strategy = mode->strategy,
		.audit_every = options->audit_every,
		.toggle_ns = mode->toggles ? options->toggle_ns : 0,
		.shadow_size = UINT64_C(2) << 20,
	};
	int code;

	*g = (struct fuzz_guest){.mode = mode};
	g->m = pn_machine_create(&config, err);
	if (!g->m)
		return err->code;
	find_facts(g, levels);
	code = pn_load_elf(g->m, options->guest, err);
	if (!code)
		code = lay_out(g, err);
	if (code)
		fuzz_guest_free(g);
	return code;
}

void fuzz_guest_free(struct fuzz_guest *g)
{
	pn_machine_destroy(g->m);
	g->m = NULL;
}

/* --- Slots ---------------------------------------------------------------------------------- */

static uint64_t cr4_of(const struct fuzz_guest *g, const struct fuzz_registers *r)
{
	return (g->cr4 & ~CR4_PGE) | (r->pge ? CR4_PGE : 0) | (r->smep ? CR4_SMEP : 0) |
	       (r->smap ? CR4_SMAP : 0) | (r->pke ? CR4_PKE : 0);
}

static void fill(struct fuzz_guest *g, unsigned n, enum routine routine, uint64_t a, uint64_t b,
		 uint64_t c)
{
	volatile struct fuzz_slot *s = &g->slot[n];

	s->routine = g->routine[routine];
	s->arg[0] = a;
	s->arg[1] = b;
	s->arg[2] = c;
	s->vector = FUZZ_NO_TRAP;
}

static void ask_access(struct fuzz_guest *g, unsigned n, const struct fuzz_op *op, bool smap)
{
	const unsigned kind = op->kind - FUZZ_READ;
	const gva_t gva = fuzz_query(op).gva;
	enum routine first = !smap			 ? DO_KERNEL_READ
			     : op->who == FUZZ_KERNEL_AC ? DO_STAC_READ
							 : DO_CLAC_READ;

	if (op->who == FUZZ_USER)
		fill(g, n, DO_USER, gva, op->value,
		     op->kind == FUZZ_READ    ? g->user_read
		     : op->kind == FUZZ_WRITE ? g->user_write
					      : gva);
	else
		fill(g, n, first + kind, gva, op->value, 0);
}

void fuzz_guest_ask(struct fuzz_guest *g, unsigned n, const struct fuzz_op *op,
		    const struct fuzz_registers *regs, enum pn_mode to)
{
	const uint64_t cr4 = cr4_of(g, regs);

	switch (op->kind) {
	case FUZZ_SET:
		fill(g, n, DO_SET, fuzz_word_gpa(fuzz_word(op->frame, op->other)), op->value, 0);
		break;
	case FUZZ_COPY:
		fill(g, n, DO_COPY, fuzz_frame_gpa(op->frame), fuzz_frame_gpa(op->other), 0);
		break;
	case FUZZ_INVLPG: fill(g, n, DO_INVLPG, op->gva, 0, 0); break;
	case FUZZ_INVPCID: fill(g, n, DO_INVPCID, op->other, 0, op->gva); break;
	case FUZZ_CR3: fill(g, n, DO_CR3, fuzz_frame_gpa(op->frame), 0, 0); break;
	case FUZZ_WP: fill(g, n, DO_CR0, (g->cr0 & ~CR0_WP) | (regs->wp ? CR0_WP : 0), 0, 0); break;
	case FUZZ_NXE:
		fill(g, n, DO_EFER, (g->efer & ~EFER_NXE) | (regs->nxe ? EFER_NXE : 0),
		     cr4 ^ CR4_PGE, cr4);
		break;
	case FUZZ_FLUSH: fill(g, n, DO_FLUSH, cr4, cr4 ^ CR4_PGE, 0); break;
	case FUZZ_PKRU: fill(g, n, DO_PKRU, (uint32_t)op->value, 0, 0); break;
	case FUZZ_TOGGLE:
		fill(g, n, DO_MODE, to == PN_MODE_HW ? PN_GUEST_MODE_HW : PN_GUEST_MODE_SHADOW, 0,
		     0);
		break;
	case FUZZ_READ:
	case FUZZ_WRITE:
	case FUZZ_FETCH: ask_access(g, n, op, regs->smap); break;
	default: fill(g, n, DO_CR4, cr4, 0, 0); break;
	}
}

void fuzz_guest_end(struct fuzz_guest *g, unsigned n)
{
	g->slot[n].routine = g->routine[DO_SYNC];
}

struct fuzz_outcome fuzz_guest_outcome(const struct fuzz_guest *g, unsigned n)
{
	const volatile struct fuzz_slot *s = &g->slot[n];

	return (struct fuzz_outcome){
		.vector = (uint8_t)s->vector,
		.error = (uint32_t)s->error,
		.cr2 = s->cr2,
		.value = s->rax,
	};
}
