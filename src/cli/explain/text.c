/* SPDX-License-Identifier: MIT */
/* An explanation as text, for a person. */
#include "cli/explain/print.h"

#include "kvm/vendor.h"
#include "memory/entry_words.h"

#include <string.h>

typedef unsigned long long ull;

#define COLUMNS 80
#define NEAR	0x100000 /* bytes that a symbol without a size reaches */

/* Prints words with ", " between them, broken into lines that start with `indent` spaces. */
static void print_words(FILE *out, unsigned indent, const char *text)
{
	unsigned column = 0;

	while (*text) {
		const char *comma = strstr(text, ", ");
		unsigned len = (unsigned)(comma ? comma + 1 - text : (long)strlen(text));

		if (column && column + 1 + len > COLUMNS) {
			fputc('\n', out);
			column = 0;
		}
		column += (unsigned)fprintf(out, "%*s%.*s", column ? 1 : (int)indent, "", (int)len,
					    text);
		text += len + (comma ? 1 : 0);
	}
	fputc('\n', out);
}

static void print_backing(FILE *out, unsigned indent, const struct backing *b)
{
	char size[16] = "not told";

	if (!b->in_slot) {
		fprintf(out, "%*sin no memory slot\n", (int)indent, "");
		return;
	}
	if (b->host_shift)
		page_size_words(b->host_shift, size, sizeof(size));
	fprintf(out, "%*sslot 0x%llx-0x%llx%s, HVA 0x%llx, host page %s\n", (int)indent, "",
		(ull)b->slot_gpa, (ull)(b->slot_gpa + b->slot_size - 1), b->readonly ? " ro" : "",
		(ull)b->hva, size);
}

/* " (name+0x12)", or nothing where the last symbol is far below. */
static const char *symbol_words(const struct explain_report *r, gva_t gva, char *text, size_t size)
{
	const struct symbol *s = symbols_at(&r->m->image.symbols, gva);
	char name[36];

	*text = 0;
	if (s && gva - s->gva < NEAR)
		snprintf(text, size, " (%s)",
			 symbols_format(&r->m->image.symbols, gva, name, sizeof(name)));
	return text;
}

static void print_head(FILE *out, const struct explain_report *r)
{
	const struct explanation *x = r->x;
	char symbol[40], place[40], verdict[80];

	fprintf(out, "GVA 0x%llx%s, %s by %s\n", (ull)x->query.gva,
		symbol_words(r, x->query.gva, symbol, sizeof(symbol)),
		walk_access_name(x->query.access),
		x->query.privilege == WALK_USER ? "user code" : "the supervisor");
	fprintf(out, "  is    %s\n", explain_verdict(x, verdict, sizeof(verdict)));
	fprintf(out, "  mode  %s, on %s\n", mode_of(&r->m->vcpu)->name,
		pn_paging_name(pn_host_paging(r->m)));
	fprintf(out, "  at    %.70s\n", r->point);
	fprintf(out, "        RIP 0x%llx%s\n", (ull)r->rip,
		symbol_words(r, r->rip, place, sizeof(place)));
}

static void print_steps(FILE *out, const struct explanation *x)
{
	const struct pt_format *format = x->ctx.format;
	char words[160];

	if (!format) {
		fprintf(out, "\nPaging is off: the address is the GPA.\n");
		return;
	}
	fprintf(out, "\nThe guest's tables, %s, from CR3 0x%llx\n", format->name, (ull)x->ctx.root);
	for (unsigned i = 0; i < x->path.count; i++) {
		const struct walk_step *s = &x->path.step[i];

		fprintf(out, "  %-5s [%3u] at GPA 0x%llx = 0x%016llx%s\n",
			explain_entry_name(x, s->level), s->index, (ull)s->gpa, (ull)s->entry,
			s->in_register ? ", in a register" : "");
		print_words(out, 6,
			    entry_words(format, s->level, s->entry, explain_is_leaf(x, i), words,
					sizeof(words)));
		print_backing(out, 6, &x->entry[i]);
	}
}

static void print_page(FILE *out, const struct explanation *x)
{
	const struct walk_result *r = &x->result;
	char size[16];

	fprintf(out, "  page  of %s, byte at GPA 0x%llx: %s, %s, %s\n",
		page_size_words(r->shift, size, sizeof(size)), (ull)r->gpa,
		r->writable ? "writable" : "read-only", r->user ? "user" : "supervisor",
		r->nx ? "no-execute" : "executable");
	print_backing(out, 6, &x->page);
	if (!x->page.in_slot)
		fprintf(out, "      so the access would leave the guest as MMIO\n");
	else if (x->page.readonly && x->query.access == WALK_WRITE)
		fprintf(out, "      so the write would leave the guest as MMIO\n");
}

static void print_fault(FILE *out, const struct explanation *x)
{
	const struct walk_result *r = &x->result;
	char words[96];

	switch (r->outcome) {
	case WALK_OK: print_page(out, x); return;
	case WALK_NONCANONICAL:
		fprintf(out, "  No table is read: #GP, or #SS if it goes through SS.\n");
		return;
	case WALK_NO_MEMORY:
		fprintf(out, "  The %s would be at GPA 0x%llx, in no memory slot.\n",
			explain_entry_name(x, r->level), (ull)r->entry);
		return;
	case WALK_FAULT: break;
	}
	fprintf(out, "  #PF: %s, by the %s\n", walk_cause_name(r->cause),
		explain_entry_name(x, r->level));
	fprintf(out, "       error code 0x%x: %s\n", r->error_code,
		error_code_words(r->error_code, words, sizeof(words)));
	if (r->reserved)
		fprintf(out, "       bits that should be 0: 0x%llx\n", (ull)r->reserved);
}

/* Shadow entries have the format of long mode, five levels or four. */
static void print_shadow(FILE *out, const struct explanation *x)
{
	const struct shadow_path *p = &x->shadow;
	char words[160], size[16];

	fprintf(out, "\nThe shadow's tables, %s view", shadow_view_name(x->view));
	if (p->end != SHADOW_PATH_NO_ROOT)
		fprintf(out, ", from 0x%llx, %sin the real CR3 now", (ull)p->root,
			x->current ? "" : "not ");
	fputc('\n', out);
	for (unsigned i = 0; i < p->count; i++) {
		const struct shadow_step *s = &p->step[i];
		bool leaf = p->end == SHADOW_PATH_PAGE && i == p->count - 1;

		fprintf(out, "  %-5s [%3u] at GPA 0x%llx = 0x%016llx\n",
			explain_shadow_name(s->level), s->index, (ull)s->gpa, (ull)s->entry);
		print_words(out, 6,
			    entry_words(&pt_format_5level, s->level, s->entry, leaf, words,
					sizeof(words)));
		if (s->wanted != s->entry)
			fprintf(out, "      will be 0x%016llx when the monitor runs next\n",
				(ull)s->wanted);
	}
	if (p->end != SHADOW_PATH_PAGE) {
		fprintf(out, "  %s\n", shadow_path_end_name(p->end));
		return;
	}
	fprintf(out, "  page  of %s, byte at GPA 0x%llx\n",
		page_size_words(p->shift, size, sizeof(size)), (ull)p->gpa);
	print_backing(out, 6, &x->shadow_page);
}

/* Host entries behind each address of the walk, if that is the same for all; else 0. */
static unsigned uniform(const struct reference_walk *w)
{
	for (unsigned i = 0; i < w->entries; i++)
		if (w->host[i] != w->host[0])
			return 0;
	return w->entries && (!w->reaches_page || w->host_page == w->host[0]) ? w->host[0] : 0;
}

static void print_formula(FILE *out, const struct explanation *x)
{
	const struct reference_walk *w = explain_real(x);
	unsigned m = uniform(w);

	if (m)
		fprintf(out, "  two dimensions: n = %u entries over m = %u: %s\n", w->entries, m,
			w->reaches_page ? "(n + 1)(m + 1) - 1"
					: "n(m + 1), for no page is reached");
	else
		fprintf(out,
			"  two dimensions: n = %u entries over %u host levels, huge pages less\n",
			w->entries, x->host_levels);
}

static void print_references(FILE *out, const struct explain_report *r)
{
	const struct explanation *x = r->x;
	struct explain_cache list[PT_LEVEL_MAX];
	unsigned count = explain_caches(x, list);
	bool tdp = kvm_paging_is_tdp(pn_host_paging(r->m));

	fprintf(out, "\nMemory references of this walk of %s tables: a model, without TLBs\n",
		x->shadowed ? "the shadow's" : "the guest's");
	fprintf(out, "  %-36s %13s %13s\n", "", "one dimension", "two");
	fprintf(out, "  %-36s %13u %13u\n", "nothing cached", list[0].one, list[0].two);
	for (unsigned i = 1; i < count; i++)
		fprintf(out, "  page-walk cache holds the %-10s %13u %13u\n", list[i].name,
			list[i].one, list[i].two);
	print_formula(out, x);
	fprintf(out, "  this host has %s\n",
		tdp ? "two" : "one: its kernel folds both into tables of its own");
}

void explain_print_text(FILE *out, const struct explain_report *r)
{
	print_head(out, r);
	print_steps(out, r->x);
	print_fault(out, r->x);
	if (r->x->result.outcome == WALK_NONCANONICAL)
		return;
	if (r->x->shadowed)
		print_shadow(out, r->x);
	print_references(out, r);
}
