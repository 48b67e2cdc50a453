/* SPDX-License-Identifier: MIT */
/* The report of a guest's death. */
#include "vcpu/report.h"

#include "memory/walk_text.h"
#include "vcpu/mode.h"
#include "vcpu/translate.h"
#include "x86.h"

#include <Zydis/Zydis.h>
#include <stdio.h>
#include <string.h>

typedef unsigned long long ull;

static void print_registers(FILE *out, const struct vcpu_registers *r)
{
	const struct kvm_regs *g = &r->regs;
	const struct kvm_sregs *s = &r->sregs;

	fprintf(out, "  rax %016llx  rbx %016llx  rcx %016llx\n", g->rax, g->rbx, g->rcx);
	fprintf(out, "  rdx %016llx  rsi %016llx  rdi %016llx\n", g->rdx, g->rsi, g->rdi);
	fprintf(out, "  rbp %016llx  rsp %016llx  r8  %016llx\n", g->rbp, g->rsp, g->r8);
	fprintf(out, "  r9  %016llx  r10 %016llx  r11 %016llx\n", g->r9, g->r10, g->r11);
	fprintf(out, "  r12 %016llx  r13 %016llx  r14 %016llx\n", g->r12, g->r13, g->r14);
	fprintf(out, "  r15 %016llx  rip %016llx  rflags %08llx\n", g->r15, g->rip, g->rflags);
	fprintf(out, "  cr0 %016llx  cr2 %016llx  cr3 %016llx\n", s->cr0, s->cr2, s->cr3);
	fprintf(out, "  cr4 %016llx  efer %04llx  cpl %u  cs %04x  ss %04x  tr %04x\n", s->cr4,
		s->efer, s->ss.dpl, s->cs.selector, s->ss.selector, s->tr.selector);
	fprintf(out, "  gdt %016llx limit %04x  idt %016llx limit %04x\n", s->gdt.base,
		s->gdt.limit, s->idt.base, s->idt.limit);
}

/* Prints the instruction at a GVA as text, if it can be read. */
static void print_instruction(FILE *out, const struct vcpu *v, const struct walk_context *ctx,
			      gva_t rip)
{
	ZydisDisassembledInstruction instruction;
	uint8_t bytes[ZYDIS_MAX_INSTRUCTION_LENGTH];
	size_t len = 0;

	while (len < sizeof(bytes) && !translate_read(v, ctx, rip + len, bytes + len, 1))
		len++;
	if (len == 0)
		fprintf(out, "  cannot be read");
	else if (ZYAN_SUCCESS(ZydisDisassembleIntel(ZYDIS_MACHINE_MODE_LONG_64, rip, bytes, len,
						    &instruction)))
		fprintf(out, "  %s", instruction.text);
	else
		fprintf(out, "  no instruction: %02x ...", bytes[0]);
	fputc('\n', out);
}

static void print_walk(FILE *out, const struct vcpu *v, const struct walk_context *ctx,
		       const char *name, gva_t gva, enum walk_access access)
{
	struct walk_query query = {.gva = gva, .access = access, .privilege = WALK_SUPERVISOR};
	struct walk_result result;
	struct walk_path path;

	fprintf(out, "walk of %s, GVA 0x%llx, %s:\n", name, (ull)gva, walk_access_name(access));
	walk(v->mem, ctx, &query, &result, &path);
	walk_print(out, 2, ctx, &query, &result, &path);
}

static void print_history(FILE *out, const struct history *h)
{
	uint64_t first = h->total > HISTORY_LAST ? h->total - HISTORY_LAST : 0;
	char text[160];

	fprintf(out, "last %llu of %llu exits, oldest first:\n", (ull)(h->total - first),
		(ull)h->total);
	for (uint64_t i = first; i < h->total; i++)
		fprintf(out, "  %llu %s\n", (ull)i + 1,
			history_format(&h->last[i % HISTORY_LAST], text, sizeof(text)));
}

static void print_report(FILE *out, const struct vcpu *v)
{
	struct vcpu_registers now = mode_of(v)->registers(v);
	const struct vcpu_registers *r = &now;
	struct walk_context ctx;
	char symbol[42]; /* what is left of 80 columns */

	if (vcpu_was_reset(v)) {
		r = &v->last;
		fprintf(out, "registers at the %s:\n",
			v->history.total > 1 ? "exit before" : "entry");
	} else {
		fprintf(out, "registers:\n");
	}
	print_registers(out, r);
	translate_init(&ctx, v, &r->sregs);
	fprintf(out, "instruction at RIP 0x%llx, %s:\n", (ull)r->regs.rip,
		symbols_format(v->symbols, r->regs.rip, symbol, sizeof(symbol)));
	print_instruction(out, v, &ctx, r->regs.rip);
	print_walk(out, v, &ctx, "RIP", r->regs.rip, WALK_FETCH);
	print_walk(out, v, &ctx, "RSP", r->regs.rsp, WALK_WRITE);
	print_history(out, &v->history);
}

char *report_death(const struct vcpu *v)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	pthread_rwlock_rdlock(&v->mem->lock);
	print_report(out, v);
	pthread_rwlock_unlock(&v->mem->lock);
	fclose(out);
	return text;
}
