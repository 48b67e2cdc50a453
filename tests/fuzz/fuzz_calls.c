/* SPDX-License-Identifier: MIT */
/*
 * Host calls (src/vcpu/calls.c): the arguments of IN from PN_PORT_CALL, which are the guest's words,
 * under tables that are the guest's too. Needs no KVM: the vCPU is one that never ran, in hw mode,
 * and its paging registers are given. The input:
 *
 *   u8 choices of registers, u8 number of entries; these, each u8 page, u8 index, u8 where to,
 *   u8 flags; then calls: u8 number, u8 kinds of RDI and RSI, and their values
 *
 * Held true of each call:
 *   - an unknown number is PN_CALL_EUNKNOWN, and nothing has happened;
 *   - the console gets exactly the bytes that walk_oracle.c finds at RDI, RSI of them and at most
 *     PN_CONSOLE_MAX, or else nothing at all;
 *   - the time is stored in those 8 bytes, and nowhere else; time does not go back;
 *   - a mark is counted and kept, and ends the run at the one asked for;
 *   - a mode is wished for, or the wish is as it was;
 *   - memory has changed by A and D flags, and by what a call is to store, and in no other bit.
 */
#include "fuzz.h"

#include "vcpu/mode.h"
#include "walk_fixture.h"
#include "walk_oracle.h"

#include <penumbra/guest.h>
#include <stdlib.h>

#define PAGES	14 /* of memory that is looked at: tables and data alike */
#define MAPPED	8  /* entries of each table that are of use */
#define CALLS	16
#define ROM_GPA (VM_PAGES * PAGE_SIZE)

static struct vm vm;
static uint8_t *rom;
static uint8_t before[PAGES * PAGE_SIZE], data[(PAGES - 4) * PAGE_SIZE];
static char written[PN_CONSOLE_MAX];
static size_t written_len;
static unsigned writes;

static void take_console(void *arg, const char *bytes, size_t len)
{
	(void)arg;
	CHECK_TRUE("console", len <= PN_CONSOLE_MAX);
	memcpy(written, bytes, len);
	written_len = len;
	writes++;
}

static void set_up(void)
{
	vm_init(&vm, &pt_format_4level);
	rom = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	assert_non_null(rom);
	memset(rom, 'r', PAGE_SIZE);
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / PAGE_SIZE);
	assert_int_equal(gmem_add(&vm.mem, ROM_GPA, rom, PAGE_SIZE, true, NULL), 0);
}

/* Four tables at pages 0 to 3 lead to each other, and to data, to begin with. */
static void take_tables(struct fuzz_input *in)
{
	unsigned choices = fuzz_u8(in), count = fuzz_u8(in);
	uint64_t *table = (uint64_t *)vm.ram;

	vm.regs.cr0 = CR0_PE | CR0_PG | fuzz_flag(choices, 0, CR0_WP);
	vm.regs.cr4 = CR4_PAE | fuzz_flag(choices, 1, CR4_SMAP) | fuzz_flag(choices, 2, CR4_SMEP);
	vm.regs.efer = EFER_LME | EFER_LMA | fuzz_flag(choices, 3, EFER_NXE);
	vm.regs.rflags = RFLAGS_AC;
	memset(vm.ram, 0, 4 * PAGE_SIZE);
	memcpy(vm.ram + 4 * PAGE_SIZE, data, sizeof(data));
	for (unsigned level = 0; level < 3; level++)
		table[level * 512] = (level + 1) << PAGE_SHIFT | VM_UPPER;
	for (unsigned i = 0; i < MAPPED; i++)
		table[3 * 512 + i] = (4 + i) << PAGE_SHIFT | VM_UPPER;
	for (; count && in->left; count--) {
		unsigned page = fuzz_u8(in), index = fuzz_u8(in);
		uint64_t to = fuzz_u8(in);
		gpa_t gpa = to < 0xc0 ? to % PAGES << PAGE_SHIFT : to << 10;

		table[page % 4 * 512 + index % MAPPED] = gpa | fuzz_u8(in) | (to & 0x20) << 58;
	}
}

/* An address near what is mapped, near the end of a page, a length near the greatest, or anything. */
static uint64_t take_argument(struct fuzz_input *in, unsigned kind)
{
	switch (kind & 7) {
	case 0: return fuzz_u8(in);
	case 1: return fuzz_u16(in) % ((MAPPED + 1) * PAGE_SIZE);
	case 2: return (fuzz_u8(in) % MAPPED + 1) * PAGE_SIZE - 4;
	case 3: return PN_CONSOLE_MAX - 2 + fuzz_u8(in) % 4;
	default: return fuzz_u64(in);
	}
}

/* Where the oracle finds a byte of the kernel's; false if nowhere, or not to be written. */
static bool find(gva_t gva, enum walk_access access, gpa_t *gpa)
{
	const struct walk_query q = {.gva = gva, .access = access, .privilege = WALK_SUPERVISOR};
	struct oracle_answer a;

	oracle_walk(&vm.mem, &vm.regs, &q, &a);
	*gpa = a.gpa;
	return a.outcome == WALK_OK && gmem_ptr(&vm.mem, a.gpa, 1) &&
	       (access != WALK_WRITE || a.gpa < ROM_GPA);
}

/* But for the flags that a walk sets, and these `count` bytes, memory is as it was. */
static void check_memory(const gpa_t *stored, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (stored[i] < sizeof(before))
			before[stored[i]] = vm.ram[stored[i]];
	if (memcmp(before, vm.ram, sizeof(before)) == 0)
		return;
	for (gpa_t at = 0; at < sizeof(before); at++) {
		unsigned changed = before[at] ^ vm.ram[at];

		if (!changed)
			continue;
		CHECK_NUMBER("memory", "bits other than A and D",
			     changed & ~(unsigned)(PTE_ACCESSED | PTE_DIRTY), 0);
		CHECK_NUMBER("memory", "flags taken away", changed & before[at], 0);
		CHECK_TRUE("memory", at % 8 == 0 && at < 4 * PAGE_SIZE);
	}
	memcpy(before, vm.ram, sizeof(before));
}

static void check_console(struct vcpu *v, const struct kvm_regs *regs,
			  const struct walk_context *ctx)
{
	static uint8_t expected[PN_CONSOLE_MAX], mask[PN_CONSOLE_MAX];
	uint32_t want = regs->rsi > PN_CONSOLE_MAX ? PN_CALL_EINVAL : (uint32_t)regs->rsi, got;

	for (uint64_t i = 0; i < regs->rsi && want == regs->rsi; i++) {
		gpa_t gpa;

		if (!find(regs->rdi + i, WALK_READ, &gpa)) {
			want = PN_CALL_EFAULT;
			break;
		}
		/* The call's own walks set flags in what it reads, if that is a table. */
		mask[i] = gpa < 4 * PAGE_SIZE && gpa % 8 == 0 ? (uint8_t)~PTE_ACCESSED : 0xff;
		expected[i] = *gmem_ptr(&vm.mem, gpa, 1);
	}
	writes = 0;
	got = vcpu_call(v, regs, ctx);
	CHECK_NUMBER("console", "result", got, want);
	CHECK_NUMBER("console", "writes", writes, want == regs->rsi);
	for (uint64_t i = 0; writes && i < want; i++)
		CHECK_NUMBER("console", "byte", (uint8_t)written[i] & mask[i],
			     expected[i] & mask[i]);
	CHECK_TRUE("console", !writes || written_len == want);
	check_memory(NULL, 0);
}

static void check_time(struct vcpu *v, const struct kvm_regs *regs, const struct walk_context *ctx)
{
	static uint64_t last;
	uint64_t now = 0;
	gpa_t gpa[8];
	unsigned count = 0;
	uint32_t got;

	while (count < 8 && find(regs->rdi + count, WALK_WRITE, &gpa[count]))
		count++;
	got = vcpu_call(v, regs, ctx);
	/* A time that is stored into the tables on its way may lead its second half elsewhere. */
	if (regs->rdi % PAGE_SIZE > PAGE_SIZE - 8 && count && gpa[0] < 4 * PAGE_SIZE) {
		memcpy(before, vm.ram, sizeof(before));
		return;
	}
	CHECK_NUMBER("time", "result", got, count == 8 ? 0 : PN_CALL_EFAULT);
	for (unsigned i = 0; i < 8 && !got; i++)
		now |= (uint64_t)*gmem_ptr(&vm.mem, gpa[i], 1) << 8 * i;
	/* Bytes of it may lie on top of each other, if one page is mapped twice. */
	if (!got && gpa[7] == gpa[0] + 7) {
		CHECK_TRUE("time", now >= last);
		last = now;
	}
	check_memory(gpa, count);
}

static void check_mark(struct vcpu *v, const struct kvm_regs *regs, const struct walk_context *ctx)
{
	uint64_t count = v->marks.count, left = v->stop_at.left;

	CHECK_NUMBER("mark", "result", vcpu_call(v, regs, ctx), 0);
	CHECK_NUMBER("mark", "count", v->marks.count, count + 1);
	CHECK_NUMBER("mark", "number", v->marks.number, regs->rdi & UINT32_MAX);
	CHECK_NUMBER("mark", "value", v->marks.value, regs->rsi);
	CHECK_NUMBER("mark", "stops", v->stop_at.reached, left <= 1);
	CHECK_NUMBER("mark", "stop is asked for", atomic_load(&v->stop), left <= 1);
	check_memory(NULL, 0);
}

static void check_mode(struct vcpu *v, const struct kvm_regs *regs, const struct walk_context *ctx)
{
	int wish = atomic_load(&v->wish);
	uint32_t want = PN_GUEST_MODE_HW; /* it is left */

	if (regs->rdi == PN_GUEST_MODE_HW)
		wish = WISH_HW;
	else if (regs->rdi == PN_GUEST_MODE_SHADOW)
		wish = WISH_SHADOW;
	else
		want = PN_CALL_EINVAL;
	CHECK_NUMBER("mode", "result", vcpu_call(v, regs, ctx), want);
	CHECK_NUMBER("mode", "wish", atomic_load(&v->wish), wish);
	check_memory(NULL, 0);
}

static void one_call(struct fuzz_input *in, struct vcpu *v)
{
	unsigned number = fuzz_u8(in), kinds = fuzz_u8(in);
	struct kvm_regs regs = {.rip = 0x1000};
	struct walk_context ctx;

	regs.rdi = take_argument(in, kinds);
	regs.rsi = take_argument(in, kinds >> 3);
	/* The upper half of RAX is not looked at. */
	regs.rax = number | (kinds & 0x80 ? ~(uint64_t)UINT32_MAX : 0);
	walk_context_init(&ctx, &vm.regs);
	switch (number) {
	case PN_CALL_CONSOLE: check_console(v, &regs, &ctx); break;
	case PN_CALL_MARK: check_mark(v, &regs, &ctx); break;
	case PN_CALL_TIME: check_time(v, &regs, &ctx); break;
	case PN_CALL_SET_MODE: check_mode(v, &regs, &ctx); break;
	default:
		writes = 0;
		CHECK_NUMBER("unknown", "result", vcpu_call(v, &regs, &ctx), PN_CALL_EUNKNOWN);
		CHECK_NUMBER("unknown", "writes", writes, 0);
		check_memory(NULL, 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct console console = {.write = take_console};
	struct fuzz_input in = {bytes, size};
	struct vcpu *v = calloc(1, sizeof(*v));

	assert_non_null(v);
	if (!rom)
		set_up();
	v->mem = &vm.mem;
	v->console = &console;
	stop_at_mark(v, 3);
	take_tables(&in);
	memcpy(before, vm.ram, sizeof(before));
	for (unsigned n = 0; n < CALLS && in.left; n++)
		one_call(&in, v);
	free(v);
	return 0;
}
