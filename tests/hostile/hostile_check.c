/* SPDX-License-Identifier: MIT */
#include "hostile_check.h"

#include "kvm/vendor.h"
#include "machine.h"

#include <stdlib.h>

#define RAM  MIB(32)
#define POOL MIB(2)

static const struct {
	const char *name;
	enum pn_mode mode;
	enum pn_strategy strategy;
	uint64_t toggle_every; /* exits */
} runs[] = {
	{"vtlb", PN_MODE_SHADOW, PN_STRATEGY_VTLB, 0},
	{"wp", PN_MODE_SHADOW, PN_STRATEGY_WP, 0},
	{"unsync", PN_MODE_SHADOW, PN_STRATEGY_UNSYNC, 0},
	{"both in turn", PN_MODE_SHADOW, PN_STRATEGY_UNSYNC, 1},
	{"hw", PN_MODE_HW, PN_STRATEGY_UNSYNC, 0},
};

/* What only the host can put a number to, of the guests here. */
struct place {
	gpa_t area, limit; /* of the VMM area: its first GPA, and the first past it */
	gva_t syscall_entry;
};

static const struct place *place(void)
{
	const struct pn_config config = {
		.mode = PN_MODE_SHADOW, .ram_size = RAM, .shadow_size = POOL};
	static struct place p;
	struct pn_machine *m;
	struct pn_error err;

	if (p.limit)
		return &p;
	m = pn_machine_create(&config, &err);
	if (!m)
		fail_msg("no machine: %s", err.text);
	p.area = m->vcpu.deprivileged->area.gpa;
	p.limit = p.area + m->vcpu.deprivileged->area.size;
	p.syscall_entry = area_syscall_entry(&m->vcpu.deprivileged->area);
	pn_machine_destroy(m);
	return &p;
}

gpa_t hostile_area(void)
{
	return place()->area;
}

uint64_t hostile_wide(void)
{
	return place()->limit;
}

static uint64_t syscall_entry(void)
{
	return place()->syscall_entry;
}

/* Names in the words of a case that only the host can put a number to. */
static void put_numbers(const char *words, char *text, size_t size)
{
	const struct {
		const char *name;
		uint64_t (*number)(void);
	} names[] = {{"AREA", hostile_area}, {"WIDE", hostile_wide}, {"ENTRY", syscall_entry}};

	snprintf(text, size, "%s", words);
	for (size_t i = 0; i < COUNT(names); i++) {
		char *at = strstr(text, names[i].name), rest[128];

		if (!at)
			continue;
		snprintf(rest, sizeof(rest), "%s", at + strlen(names[i].name));
		snprintf(at, size - (size_t)(at - text), "%llx%s",
			 (unsigned long long)names[i].number(), rest);
	}
}

static unsigned host(void)
{
	const char *rig = getenv("PENUMBRA_RIG");

	if (kvm_vendor_paging() == PN_PAGING_SHADOW_PVM)
		return ON_PVM;
	if (!rig)
		return 0;
	return strstr(rig, "kvm_amd") ? ON_QEMU : ON_BOCHS;
}

/* Whether a case is run in one of `runs`. Bochs is slow: there, each case has one strategy. */
static bool is_run(const struct hostile_case *c, size_t i)
{
	static const struct hostile_case *last;
	static size_t turn;

	turn += c != last;
	last = c;
	if (runs[i].mode == PN_MODE_HW)
		return c->hw != HW_NOT_RUN && !(c->differs & host());
	if (runs[i].toggle_every)
		return c->hw == HW_SAME && !((c->differs | ON_BOCHS) & host()) && !c->look;
	return host() != ON_BOCHS || i == turn % 3;
}

/* QEMU's SVM leaves P out of the error code of a reserved bit, with nested paging. */
static uint64_t mended(const struct hostile_frame *f)
{
	const char *rig = getenv("PENUMBRA_RIG");

	return f->error | (f->vector == 14 && f->error & 8 && rig && !strcmp(rig, "kvm_amd-npt1"));
}

static void mend(struct hostile_record *r)
{
	for (unsigned i = 0; i < HOSTILE_FRAMES; i++)
		r->frame[i].error = mended(&r->frame[i]);
}

static void run(struct subject *s, const struct hostile_case *c, size_t i, const char *words)
{
	const struct pn_config config = {
		.mode = runs[i].mode,
		.toggle_every = runs[i].toggle_every,
		.strategy = runs[i].strategy,
		.ram_size = c->ram ? c->ram : RAM,
		.shadow_size = POOL, /* the least there is: quick to make, and soon full */
		/* Not for those that fill the pool, nor where it takes seconds. */
		.audit_every = !c->look && host() != ON_BOCHS ? 1 : 0,
		.cmdline = words,
	};

	subject_make(s, &config);
	if (pn_load_elf(s->m, HOSTILE, &s->err))
		fail_msg("no guest: %s", s->err.text);
	if (c->prepare)
		c->prepare(s);
	subject_run(s);
}

static void read_record(struct subject *s, struct hostile_record *r)
{
	assert_int_equal(pn_read(s->m, subject_symbol(s, "hostile_record"), r, sizeof(*r)), PN_OK);
}

static void check_end(const struct subject *s, const struct hostile_case *c, const char *name)
{
	if (s->result.end != c->end)
		fail_msg("%s: end %d, and not %d: %s\n%s", name, (int)s->result.end, (int)c->end,
			 s->result.reason, s->result.report);
	CHECK_ONE_LINE(name, s->result.reason);
	if (c->end == PN_END_STATUS)
		CHECK_NUMBER(name, "status", s->result.status, c->status);
}

static void check_record(const struct hostile_record *r, const struct hostile_case *c,
			 const char *name)
{
	char what[32];

	for (unsigned i = 0; i < c->traps && i < r->traps; i++) {
		snprintf(what, sizeof(what), "vector %u", i);
		CHECK_NUMBER(name, what, r->frame[i].vector, c->trap[i].vector);
		snprintf(what, sizeof(what), "error code %u", i);
		CHECK_NUMBER(name, what, r->frame[i].error, c->trap[i].error);
		snprintf(what, sizeof(what), "CR2 %u", i);
		if (c->trap[i].cr2)
			CHECK_NUMBER(name, what, r->frame[i].cr2, c->trap[i].cr2);
	}
	CHECK_NUMBER(name, "number of exceptions", r->traps, c->traps);
	for (unsigned i = 0; i < c->values && i < r->values; i++) {
		snprintf(what, sizeof(what), "value %u", i);
		CHECK_NUMBER(name, what, r->value[i], c->value[i]);
	}
	CHECK_NUMBER(name, "number of values", r->values, c->values);
}

/* What the guest saw in hw mode and in shadow mode. */
static void check_same(const struct hostile_record *hw, const struct hostile_record *shadow,
		       const struct hostile_case *c, const char *name)
{
	char what[32];

	CHECK_NUMBER(name, "number of exceptions", hw->traps, shadow->traps);
	for (unsigned i = 0; i < c->traps; i++) {
		const struct hostile_frame *h = &hw->frame[i], *s = &shadow->frame[i];

		snprintf(what, sizeof(what), "vector %u", i);
		CHECK_NUMBER(name, what, h->vector, s->vector);
		snprintf(what, sizeof(what), "RIP %u", i);
		CHECK_NUMBER(name, what, h->rip, s->rip);
		snprintf(what, sizeof(what), "RSP %u", i);
		CHECK_NUMBER(name, what, h->rsp, s->rsp);
		if (h->vector == 14) {
			snprintf(what, sizeof(what), "CR2 %u", i);
			CHECK_NUMBER(name, what, h->cr2, s->cr2);
		}
		snprintf(what, sizeof(what), "error code %u", i);
		CHECK_NUMBER(name, what, mended(h), s->error);
		snprintf(what, sizeof(what), "CS %u", i);
		CHECK_NUMBER(name, what, h->cs, s->cs);
		snprintf(what, sizeof(what), "SS %u", i);
		CHECK_NUMBER(name, what, h->ss, s->ss);
	}
	CHECK_NUMBER(name, "number of values", hw->values, shadow->values);
	for (unsigned i = 0; i < hw->values && i < HOSTILE_VALUES; i++) {
		snprintf(what, sizeof(what), "value %u", i);
		CHECK_NUMBER(name, what, hw->value[i], shadow->value[i]);
	}
}

static struct subject subject;

int hostile_clean(void **state)
{
	(void)state;
	subject_unmake(&subject);
	return 0;
}

void hostile_check(void **state)
{
	const struct hostile_case *c = *state;
	struct hostile_record record, last = {0};
	struct subject *s = &subject;
	char words[128], name[160];

	put_numbers(c->words, words, sizeof(words));
	for (size_t i = 0; i < COUNT(runs); i++) {
		bool hw = runs[i].mode == PN_MODE_HW;

		if (!is_run(c, i))
			continue;
		snprintf(name, sizeof(name), "%s: %s", runs[i].name, words);
		run(s, c, i, words);
		check_end(s, c, name);
		if (c->says && !(hw && c->hw == HW_END))
			CHECK_CONTAINS(name, s->result.reason, c->says);
		read_record(s, &record);
		if (hw && c->hw != HW_END) {
			check_same(&record, &last, c, name);
		} else if (!hw) {
			if (runs[i].toggle_every)
				mend(&record);
			check_record(&record, c, name);
			if (c->look)
				c->look(s, name);
			last = record;
		}
		subject_unmake(s);
	}
}
