/* SPDX-License-Identifier: MIT */
/*
 * The monitor's protocol (src/vcpu/monitor/monitor.h) from the host's side: traps of a guest that
 * does whatever it likes come in as exits, and what the host does about each, as frame and mail, is
 * carried out by a model of the monitor (monitor_model.c), which says what must be true of it. The
 * guest's world is the unit tests' (descriptor tables, stacks, code), behind page tables. The input:
 *
 *   u8 strategy and whether CR2 comes with every exit; the virtual CPU, registers and stores to
 *   memory (world_input.h); u8 count of stores to the page tables, each u8 table and index, u8
 *   where to, u8 flags; then traps: u8 kind, and what that needs
 *
 * Held true after each: monitor_model.h; an exception that the guest gets is at its handler; the run
 * ends with one line; a change of mode there and back changes no register.
 */
#include "monitor_model.h"
#include "world_input.h"

#include <stdlib.h>

#define TRAPS  40
#define LEAVES 40 /* entries of the leaf table that mean something */

/* Tables at pages 1 to 4, the world at its own addresses, all of it the user's if its page is. */
static void make_tables(struct model *m, const struct world *w)
{
	uint64_t *table = (uint64_t *)(void *)(m->ram + PAGE_SIZE);

	for (unsigned level = 0; level < 3; level++)
		table[level * 512] = (level + 2) << PAGE_SHIFT | PTE_PRESENT | PTE_WRITE | PTE_USER;
	for (unsigned i = 0; i < WORLD_PAGES; i++)
		table[3 * 512 + (WORLD_FIRST >> PAGE_SHIFT) + i] =
			(WORLD_FIRST + ((gpa_t)i << PAGE_SHIFT)) |
			(w->page[i] & PAGE_P ? PTE_PRESENT : 0) |
			(w->page[i] & PAGE_W ? PTE_WRITE : 0) |
			(w->page[i] & PAGE_U ? PTE_USER : 0);
	/* The tables themselves, for whoever maps them. */
	for (unsigned i = 0; i < 6; i++)
		table[3 * 512 + i] = i << PAGE_SHIFT | PTE_PRESENT | PTE_WRITE;
	memcpy(m->ram + WORLD_FIRST, w->memory, sizeof(w->memory));
}

static void take_entries(struct fuzz_input *in, struct model *m)
{
	uint64_t *table = (uint64_t *)(void *)(m->ram + PAGE_SIZE);
	unsigned count = fuzz_u8(in) % 17;

	while (count--) {
		unsigned where = fuzz_u8(in), index = fuzz_u8(in), to = fuzz_u8(in);
		uint64_t flags = fuzz_u8(in);

		table[where % 4 * 512 + index % LEAVES] = (gpa_t)to << PAGE_SHIFT | flags |
							  (where & 0x80 ? PTE_NX : 0) |
							  (where & 0x40 ? UINT64_C(1) << 45 : 0);
	}
}

/* The instruction that traps: at RIP, through identity, if that is memory of the world's. */
static void take_code(struct fuzz_input *in, struct model *m, gva_t rip)
{
	unsigned count = fuzz_u8(in) % 16;

	while (count--) {
		uint8_t byte = fuzz_u8(in);

		if (rip < MODEL_PAGES * PAGE_SIZE)
			m->ram[rip++] = byte;
	}
}

/* Where the next trap is: where the guest was left, a place, or on its way. */
static gva_t take_rip(struct fuzz_input *in, const struct deprivileged *d, unsigned kind)
{
	gva_t rip = d->regs.rip;

	switch (kind >> 4 & 3) {
	case 1: rip = take_place(in); break;
	case 2: rip += fuzz_u8(in); break;
	case 3: rip = CODE_PAGE + fuzz_u16(in) % 0x2000; break;
	default: break;
	}
	/* No processor is elsewhere. */
	return virtual_is_canonical(&d->cpu, rip) ? rip : RIP_START;
}

static bool one_trap(struct fuzz_input *in, struct model *m)
{
	static const uint8_t vectors[] = {VECTOR_PF, VECTOR_GP, VECTOR_UD, VECTOR_GP,
					  VECTOR_PF, VECTOR_DB, VECTOR_BP, VECTOR_NP};
	struct deprivileged *d = m->v.deprivileged;
	struct kvm_sync_regs *s = &m->run.s.regs;
	struct monitor_frame frame = {.cs = MONITOR_USER_CS, .ss = MONITOR_USER_DS};
	unsigned kind = fuzz_u8(in);
	uint16_t port = MONITOR_PORT;
	gva_t cr2 = 0;

	frame_catch_up(d);
	s->regs = d->regs;
	if (kind & 0x80)
		take_registers(in, &s->regs);
	frame.vector = vectors[kind & 7];
	frame.rip = take_rip(in, d, kind);
	frame.rsp = s->regs.rsp;
	/* What ring 3 can have done to its flags. */
	frame.rflags = d->given_flags ^ (fuzz_u8(in) & 0xd5);
	if (kind & 0x40)
		frame.rflags ^= fuzz_u32(in) & (RFLAGS_DF | RFLAGS_TF | RFLAGS_AC | RFLAGS_NT);
	switch (kind & 15) {
	case 8: frame.vector = MONITOR_VECTOR_SYSCALL; break;
	case 9: frame.vector = fuzz_u8(in); break;
	case 10:
		atomic_store(&m->v.memory_changed, true);
		frame.vector = VECTOR_UD;
		break;
	case 11: return model_change_mode(m) || !m->end.reason[0];
	default: break;
	}
	if (frame.vector == VECTOR_PF) {
		cr2 = kind & 8 ? take_place(in) + fuzz_u8(in) : fuzz_u32(in) % (80 * PAGE_SIZE);
		frame.error = PF_ERR_USER |
			      (fuzz_u8(in) & (PF_ERR_WRITE | PF_ERR_FETCH | PF_ERR_PRESENT));
		port = kind & 4 ? MONITOR_PORT_FAULT_CR2 : MONITOR_PORT_FAULT;
	} else {
		frame.error = fuzz_u16(in);
		take_code(in, m, frame.rip);
		/* Behind what has raised it. */
		if (frame.vector == VECTOR_BP || frame.vector == MONITOR_VECTOR_SYSCALL)
			frame.rip++;
	}
	return model_trap(m, &frame, port, cr2);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct model m;
	struct fuzz_input in = {bytes, size};
	unsigned how = fuzz_u8(&in);
	struct world *w = world_create();
	struct vcpu_state state;
	bool goes_on;

	memset(&state, 0, sizeof(state));
	model_init(&m, (enum shadow_strategy)(how % 3));
	m.v.deprivileged->area.cr2_comes = how & 4;
	take_state(&in, w);
	take_registers(&in, &w->regs);
	take_stores(&in, w);
	make_tables(&m, w);
	take_entries(&in, &m);
	state.cpu = w->cpu;
	state.cpu.cr3 = PAGE_SIZE;
	state.regs = w->regs;
	state.regs.rflags = virtual_rflags(&w->cpu, w->regs.rflags);
	goes_on = model_enter(&m, &state);
	for (unsigned n = 0; goes_on && n < TRAPS && in.left; n++)
		goes_on = one_trap(&in, &m);
	model_fini(&m);
	world_destroy(w);
	return 0;
}
