/* SPDX-License-Identifier: MIT */
#include "world_input.h"

/* Addresses that mean something in the world, and some that do so anywhere. */
static const uint64_t places[] = {
	0,
	DATA_PAGE,
	DATA_PAGE + 0x1ffc,
	USER_PAGE,
	USER_PAGE + 0xffe,
	STACK_TOP - 0x100,
	USER_STACK_TOP - 0x100,
	GDT_PAGE,
	IDT_PAGE,
	TSS_PAGE,
	LDT_PAGE,
	CODE_PAGE,
	RIP_START,
	RSP0_TOP - 8,
	UINT64_C(0x7fffffffffff),
	UINT64_C(0x800000000000),
	UINT64_MAX,
	UINT64_C(0xffff800000000000),
	0xffffffff,
	0x80000000,
	0xc0000080,
	0xc0000100,
	0x277,
	0x10,
};

uint64_t take_place(struct fuzz_input *in)
{
	return places[fuzz_u8(in) % COUNT(places)];
}

void take_registers(struct fuzz_input *in, struct kvm_regs *regs)
{
	unsigned count = fuzz_u8(in) % 17;

	while (count--) {
		__u64 *all[] = {&regs->rax, &regs->rbx, &regs->rcx, &regs->rdx,
				&regs->rsi, &regs->rdi, &regs->rbp, &regs->rsp,
				&regs->r8,  &regs->r9,	&regs->r10, &regs->r11,
				&regs->r12, &regs->r13, &regs->r14, &regs->r15};
		unsigned which = fuzz_u8(in);
		__u64 *reg = all[which % 16];

		switch (which >> 4 & 3) {
		case 0: *reg = take_place(in); break;
		case 1: *reg = fuzz_u8(in); break;
		case 2: *reg = fuzz_u32(in); break;
		case 3: *reg = fuzz_u64(in); break;
		}
	}
}

void take_state(struct fuzz_input *in, struct world *w)
{
	unsigned who = fuzz_u8(in);
	uint32_t c = fuzz_u32(in);

	if (who & 1)
		world_enter_user(w);
	if ((who & 3) == 3)
		w->cpu.segment[VIRTUAL_CS].access = 0xcffb; /* compatibility mode */
	w->cpu.iopl = who >> 2 & 3;
	w->cpu.interrupts = who >> 4 & 1;
	w->cpu.ac = !(who & 1) && who >> 5 & 1;
	w->cpu.nmi_blocked = who >> 6 & 1;
	world_use_exchange(w, who >> 7);

	w->cpu.cr0 |= fuzz_flag(c, 0, CR0_AM) | fuzz_flag(c, 1, CR0_TS);
	w->cpu.cr4 |= fuzz_flag(c, 2, CR4_SMAP) | fuzz_flag(c, 3, CR4_SMEP) |
		      fuzz_flag(c, 4, CR4_UMIP) | fuzz_flag(c, 5, CR4_TSD) |
		      fuzz_flag(c, 6, CR4_PCIDE) | fuzz_flag(c, 7, CR4_FSGSBASE) |
		      fuzz_flag(c, 8, CR4_OSXSAVE) | fuzz_flag(c, 9, CR4_PKE) |
		      fuzz_flag(c, 10, CR4_DE);
	w->cpu.efer &= ~fuzz_flag(c, 11, EFER_SCE);
	w->cpu.dr[7] |= fuzz_flag(c, 12, 1 << 13); /* GD */
	w->regs.rflags |= fuzz_flag(c, 13, RFLAGS_TF) | fuzz_flag(c, 14, RFLAGS_DF) |
			  fuzz_flag(c, 15, RFLAGS_CF) | fuzz_flag(c, 16, RFLAGS_ZF) |
			  fuzz_flag(c, 17, RFLAGS_NT);
	w->amd = c >> 18 & 1;
	if (c >> 19 & 1)
		w->leaf1_ecx = w->leaf1_edx = w->leaf7_ebx = w->leaf7_ecx = w->ext_edx = 0;
	w->exchange_fails = c >> 20 & 3;
	w->stop_after = c >> 22 & 3;
	w->cpu.gdtr.limit = (uint16_t)(c >> 24 & 3 ? GDT_LIMIT : c >> 26);
	if (c >> 30 & 1)
		world_put64(w, TSS_PAGE + 96, UINT64_C(0x68) << 48 | c);
}

void take_stores(struct fuzz_input *in, struct world *w)
{
	unsigned count = fuzz_u8(in) % 9;

	while (count--) {
		unsigned at = fuzz_u16(in) % (WORLD_PAGES * 4096 / 8) * 8;
		uint64_t value = fuzz_u64(in);

		memcpy(w->memory + at, &value, sizeof(value));
	}
}
