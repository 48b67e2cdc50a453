/* SPDX-License-Identifier: MIT */
#include "test_emulate_fixture.h"

#include <stdlib.h>

static bool fault(struct exception *e, gva_t gva, unsigned bits, bool write, unsigned access)
{
	*e = (struct exception){.vector = VECTOR_PF, .has_error = true, .cr2 = gva};
	e->error = (bits & PAGE_P ? PF_ERR_PRESENT : 0) | (write ? PF_ERR_WRITE : 0) |
		   (access & EMULATE_USER ? PF_ERR_USER : 0) |
		   (access & EMULATE_FETCH ? PF_ERR_FETCH : 0);
	return false;
}

/* Whether every byte can be reached; the first that cannot is the fault's. */
static bool reach(struct world *w, gva_t gva, unsigned len, unsigned access, bool write,
		  struct exception *e)
{
	bool smap = w->cpu.cr4 & CR4_SMAP && (!w->cpu.ac || access & EMULATE_IMPLICIT);

	/* By distance: the last bytes of the address space end where it begins. */
	for (uint64_t done = 0; done < len; done += 4096 - ((gva + done) & 0xfff)) {
		gva_t at = gva + done;
		uint64_t index = (at - WORLD_FIRST) >> 12;
		unsigned bits = index < WORLD_PAGES ? w->page[index] : 0;

		if (!(bits & PAGE_P) || (write && !(bits & PAGE_W)) ||
		    (access & EMULATE_USER && !(bits & PAGE_U)) ||
		    (access & EMULATE_FETCH && !(bits & PAGE_X)) ||
		    (!(access & (EMULATE_USER | EMULATE_FETCH)) && smap && bits & PAGE_U))
			return fault(e, at, bits, write, access);
	}
	return true;
}

static bool do_read(void *arg, gva_t gva, void *to, unsigned len, unsigned access,
		    struct exception *e)
{
	struct world *w = arg;

	if (access & EMULATE_IMPLICIT)
		w->implicit_reads++;
	if (!reach(w, gva, len, access, access & EMULATE_MODIFY, e))
		return false;
	memcpy(to, world_at(w, gva), len);
	return true;
}

static bool do_write(void *arg, gva_t gva, const void *from, unsigned len, unsigned access,
		     struct exception *e)
{
	struct world *w = arg;

	if (!reach(w, gva, len, access, true, e))
		return false;
	memcpy(world_at(w, gva), from, len);
	return true;
}

static bool do_exchange(void *arg, gva_t gva, const void *expected, const void *to, unsigned len,
			unsigned access, bool *stored, struct exception *e)
{
	struct world *w = arg;

	if (!reach(w, gva, len, access, true, e))
		return false;
	w->exchanges++;
	if (w->exchange_fails) {
		w->exchange_fails--;
		++*(uint8_t *)world_at(w, gva);
	}
	*stored = !memcmp(world_at(w, gva), expected, len);
	if (*stored)
		memcpy(world_at(w, gva), to, len);
	return true;
}

static bool do_port(void *arg, uint16_t port, unsigned size, bool in, uint32_t *value)
{
	struct world *w = arg;

	if (in)
		*value = w->next_in++;
	assert_true(w->ports < COUNT(w->log));
	w->log[w->ports++] = (struct port_log){port, (uint8_t)size, in, *value};
	return w->ports != w->stop_after;
}

static void do_cpuid(void *arg, uint32_t leaf, uint32_t index, uint32_t out[4])
{
	struct world *w = arg;

	memset(out, 0, 4 * sizeof(*out));
	switch (leaf) {
	case 0:
		out[0] = w->last_leaf;
		out[2] = w->amd ? CPUID_ECX_AMD : 0x6c65746e;
		break;
	case 1:
		out[0] = 0x306c3;
		out[2] = w->leaf1_ecx;
		out[3] = w->leaf1_edx;
		break;
	case 7:
		out[1] = w->leaf7_ebx;
		out[2] = w->leaf7_ecx;
		out[3] = index;
		break;
	case 0xd: out[0] = 0xe7; break;
	case 0x80000000: out[0] = 0x80000008; break;
	case 0x80000001: out[3] = w->ext_edx; break;
	case 0x80000008: out[0] = 0x3028; break; /* 40 bits */
	default: break;
	}
}

static uint64_t do_tsc(void *arg)
{
	struct world *w = arg;

	return w->tsc;
}

static const struct emulate_ops ops_plain = {
	.read = do_read, .write = do_write, .port = do_port, .cpuid = do_cpuid, .tsc = do_tsc};
static const struct emulate_ops ops_exchange = {.read = do_read,
						.write = do_write,
						.exchange = do_exchange,
						.port = do_port,
						.cpuid = do_cpuid,
						.tsc = do_tsc};

void world_use_exchange(struct world *w, bool use)
{
	w->e.ops = use ? &ops_exchange : &ops_plain;
}

void *world_at(struct world *w, gva_t gva)
{
	if (gva < WORLD_FIRST || gva >= WORLD_FIRST + WORLD_PAGES * 4096) {
		fail_msg("0x%llx is outside the world", (unsigned long long)gva);
		abort();
	}
	return w->memory + (gva - WORLD_FIRST);
}

uint64_t world_u64(struct world *w, gva_t gva)
{
	uint64_t value;

	memcpy(&value, world_at(w, gva), sizeof(value));
	return value;
}

void world_put64(struct world *w, gva_t gva, uint64_t value)
{
	memcpy(world_at(w, gva), &value, sizeof(value));
}

void world_set_page(struct world *w, gva_t gva, unsigned bits)
{
	w->page[(gva - WORLD_FIRST) >> 12] = (uint8_t)bits;
}

void world_gate(struct world *w, unsigned vector, unsigned type, unsigned dpl, unsigned ist,
		uint16_t selector, uint64_t offset)
{
	uint64_t low = (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)ist << 32 |
		       (uint64_t)(0x80 | dpl << 5 | type) << 40 | (offset >> 16 & 0xffff) << 48;

	world_put64(w, IDT_PAGE + vector * 16, low);
	world_put64(w, IDT_PAGE + vector * 16 + 8, offset >> 32);
}

void world_descriptor(struct world *w, uint16_t selector, uint64_t low)
{
	world_put64(w, GDT_PAGE + (selector & ~7U), low);
}

static uint64_t system_low(uint64_t base, uint32_t limit, uint64_t access)
{
	return (limit & 0xffff) | (base & 0xffffff) << 16 | access << 40 |
	       (base >> 24 & 0xff) << 56;
}

static void fill_gdt(struct world *w)
{
	static const struct {
		uint16_t selector;
		uint64_t low;
	} flat[] = {
		{SEL_CODE, 0x00af9b000000ffff},
		{SEL_DATA, 0x00cf93000000ffff},
		{SEL_USER_DATA, 0x00cff3000000ffff},
		{SEL_USER_CODE, 0x00affb000000ffff},
		{SEL_USER_CODE32, 0x00cffb000000ffff},
		{SEL_CODE_ABSENT, 0x00af1b000000ffff},
		{SEL_DATA_ABSENT, 0x00cf13000000ffff},
		{SEL_DATA_READONLY, 0x00cf91000000ffff},
		{SEL_CODE_CONFORMING, 0x00af9f000000ffff},
		{SEL_CODE_LD, 0x00ef9b000000ffff},
		{SEL_GATE, 0x00008c0000080000},
		{SEL_CODE_UNREADABLE, 0x00af99000000ffff},
		{SEL_CODE_FRESH, 0x00af9a000000ffff},
		{SEL_DATA_FRESH, 0x12cf92345678ffff},
		{SEL_USER_CONFORMING, 0x00afff000000ffff},
		{SEL_USER_DATA_ABSENT, 0x00cf73000000ffff},
	};

	for (size_t i = 0; i < COUNT(flat); i++)
		world_descriptor(w, flat[i].selector, flat[i].low);
	world_descriptor(w, SEL_TSS, system_low(TSS_PAGE, 0x67, 0x89));
	world_descriptor(w, SEL_LDT, system_low(LDT_PAGE, 0x1f, 0x82));
	world_descriptor(w, SEL_TSS_BUSY, system_low(TSS_PAGE, 0x67, 0x8b));
	world_descriptor(w, SEL_TSS_ABSENT, system_low(TSS_PAGE, 0x67, 0x09));
	world_descriptor(w, SEL_LDT_ABSENT, system_low(LDT_PAGE, 0x0f, 0x02));
	world_descriptor(w, SEL_TSS_BASE, system_low(TSS_PAGE, 0x67, 0x89));
	world_put64(w, GDT_PAGE + SEL_TSS_BASE + 8, 0x8000);
	world_descriptor(w, SEL_TSS_TYPED, system_low(TSS_PAGE, 0x67, 0x89));
	world_put64(w, GDT_PAGE + SEL_TSS_TYPED + 8, UINT64_C(1) << 40);
	world_descriptor(w, SEL_TSS_CUT, system_low(TSS_PAGE, 0x67, 0x89));
	world_put64(w, LDT_PAGE, 0x00cf93000000ffff);
	world_put64(w, LDT_PAGE + 8, system_low(TSS_PAGE, 0x67, 0x89));
}

/* A segment register as the load of a flat descriptor leaves it. */
static struct virtual_segment flat(uint16_t selector, uint16_t access)
{
	return (struct virtual_segment){
		.selector = selector, .access = access, .limit = UINT32_MAX};
}

static void fill_cpu(struct world *w)
{
	w->cpu = (struct virtual_cpu){
		.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG,
		.cr3 = 0x1000,
		.cr4 = CR4_PAE,
		.xcr0 = 1,
		.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE,
		.star = UINT64_C(0x0010000800000000),
		.lstar = HANDLER + 0x800,
		.cstar = HANDLER + 0x900,
		.sfmask = RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_AC,
		.kernel_gs_base = 0xffff888000001000,
		.pat = 0x0007040600070406,
		.dr = {[6] = 0xffff0ff0, [7] = 0x400},
		.gdtr = {GDT_PAGE, GDT_LIMIT},
		.idtr = {IDT_PAGE, 0xfff},
		.interrupts = true,
	};
	w->cpu.segment[VIRTUAL_CS] = flat(SEL_CODE, 0xaf9b);
	w->cpu.segment[VIRTUAL_SS] = flat(SEL_DATA, 0xcf93);
	w->cpu.segment[VIRTUAL_TR] = (struct virtual_segment){
		.selector = SEL_TSS, .access = 0x8b, .limit = 0x67, .base = TSS_PAGE};
	w->cpu.segment[VIRTUAL_GS].base = DATA_PAGE;
	w->cpu.segment[VIRTUAL_FS].base = DATA_PAGE + 0x1000;
}

struct world *world_create(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	for (unsigned i = 0; i < WORLD_PAGES; i++)
		w->page[i] = PAGE_P | PAGE_W;
	for (gva_t gva = CODE_PAGE; gva < CODE_PAGE + 0x2000; gva += 0x1000)
		world_set_page(w, gva, PAGE_P | PAGE_U | PAGE_X);
	world_set_page(w, USER_STACK_TOP - 0x1000, PAGE_P | PAGE_W | PAGE_U);
	world_set_page(w, USER_PAGE, PAGE_P | PAGE_W | PAGE_U);
	world_set_page(w, USER_PAGE + 0x1000, PAGE_P | PAGE_W | PAGE_U);
	fill_gdt(w);
	for (unsigned v = 0; v < 256; v++)
		world_gate(w, v, 14, v == 3 || v == 4 || v == 0x80 ? 3 : 0, v == 8 ? 1 : 0,
			   SEL_CODE, HANDLER + v * 16);
	world_put64(w, TSS_PAGE + 4, RSP0_TOP);
	world_put64(w, TSS_PAGE + 36, IST_TOP);
	world_put64(w, TSS_PAGE + 96, UINT64_C(0x68) << 48); /* no I/O bitmap */
	fill_cpu(w);
	w->regs = (struct kvm_regs){
		.rsp = STACK_TOP - 0x100, .rflags = RFLAGS_FIXED | RFLAGS_IF, .rip = RIP_START};
	w->leaf1_ecx = w->leaf1_edx = w->leaf7_ebx = w->leaf7_ecx = w->ext_edx = UINT32_MAX;
	w->last_leaf = 0xd;
	w->next_in = 0x11223344;
	w->tsc = 0x123456789abcdef0;
	w->e = (struct emulate){.cpu = &w->cpu, .regs = &w->regs, .arg = w};
	world_use_exchange(w, true);
	return w;
}

void world_destroy(struct world *w)
{
	free(w);
}

void world_enter_user(struct world *w)
{
	w->cpu.cpl = 3;
	w->cpu.segment[VIRTUAL_CS] = flat(SEL_USER_CODE | 3, 0xaffb);
	w->cpu.segment[VIRTUAL_SS] = flat(SEL_USER_DATA | 3, 0xcff3);
	w->regs.rsp = USER_STACK_TOP - 0x100;
}

enum emulate_end world_run(struct world *w, const struct code *code)
{
	memcpy(world_at(w, RIP_START), code->bytes, code->len);
	w->regs.rip = RIP_START;
	w->old_cpu = w->cpu;
	w->old_regs = w->regs;
	return emulate(&w->e);
}

static const char *end_name(enum emulate_end end)
{
	static const char *const names[] = {"done", "exception", "stop", "unknown", "unprivileged"};

	return names[end];
}

void check_done(struct world *w, struct code code)
{
	enum emulate_end end = world_run(w, &code);

	if (end == EMULATE_EXCEPTION)
		fail_msg("%s: exception %u (0x%x) at 0x%llx", code.text, w->e.exception.vector,
			 w->e.exception.error, (unsigned long long)w->e.exception.cr2);
	if (end != EMULATE_DONE)
		fail_msg("%s: %s %s", code.text, end_name(end), w->e.text);
}

void check_exception(struct world *w, struct code code, unsigned vector, long error)
{
	enum emulate_end end = world_run(w, &code);

	if (end != EMULATE_EXCEPTION)
		fail_msg("%s: %s, not exception %u", code.text, end_name(end), vector);
	CHECK_NUMBER(code.text, "vector", w->e.exception.vector, vector);
	CHECK_NUMBER(code.text, "has_error", w->e.exception.has_error, error != NO_ERROR);
	if (error != NO_ERROR)
		CHECK_NUMBER(code.text, "error", w->e.exception.error, error);
	CHECK_NUMBER(code.text, "effects", w->e.effects, 0);
	CHECK_NUMBER(code.text, "registers changed",
		     memcmp(&w->regs, &w->old_regs, sizeof(w->regs)) != 0, 0);
	if (vector != VECTOR_DB)
		CHECK_NUMBER(code.text, "virtual state changed",
			     memcmp(&w->cpu, &w->old_cpu, sizeof(w->cpu)) != 0, 0);
}

void deliver(struct world *w, struct exception x, bool software)
{
	w->old_regs = w->regs;
	w->old_cpu = w->cpu;
	assert_true(deliver_exception(&w->e, &x, software));
}

void check_frame(struct world *w, unsigned vector, const uint64_t *frame, unsigned words)
{
	static const char *const names[] = {"error", "RIP", "CS", "RFLAGS", "RSP", "SS"};

	CHECK_NUMBER("handler", "RIP", w->regs.rip, HANDLER + vector * 16);
	for (unsigned i = 0; i < words; i++)
		CHECK_NUMBER("frame", names[i + 6 - words], world_u64(w, w->regs.rsp + i * 8),
			     frame[i]);
}

void check_rows(const struct row *rows, size_t count, unsigned cpl,
		void (*prepare)(struct world *w))
{
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		struct world *w = world_create();

		if (cpl == 3)
			world_enter_user(w);
		w->regs.rax = r->rax;
		w->regs.rcx = r->rcx;
		w->regs.rdx = r->rdx;
		if (prepare)
			prepare(w);
		if (r->vector) {
			check_exception(w, r->code, (unsigned)r->vector, r->error);
		} else {
			check_done(w, r->code);
			CHECK_NUMBER(r->code.text, "effects", w->e.effects, r->effects);
			CHECK_NUMBER(r->code.text, "RIP", w->regs.rip, RIP_START + r->code.len);
		}
		world_destroy(w);
	}
}
