/* SPDX-License-Identifier: MIT */
/*
 * An explanation as one JSON object, as docs/man/penumbra-explain.1 describes it. Addresses and
 * entries are strings of hexadecimal digits: JSON's own numbers do not hold 64 bits.
 */
#include "cli/explain/print.h"

#include "cli/json_make.h"
#include "kvm/vendor.h"
#include "memory/entry_words.h"

#include <inttypes.h>
#include <jansson.h>

static json_t *hex(uint64_t n)
{
	return json_sprintf("0x%" PRIx64, n);
}

static json_t *bytes(unsigned shift)
{
	return json_integer((json_int_t)1 << shift);
}

static json_t *backing(const struct backing *b)
{
	if (!b->in_slot)
		return json_null();
	return json_pack("{s:o, s:o, s:b, s:o, s:o}", "slot_gpa", hex(b->slot_gpa), "slot_size",
			 hex(b->slot_size), "read_only", b->readonly, "hva", hex((uint64_t)b->hva),
			 "host_page", b->host_shift ? bytes(b->host_shift) : json_null());
}

static json_t *steps(const struct explanation *x)
{
	const struct pt_format *format = x->ctx.format;
	json_t *list = json_array();
	char words[160];

	for (unsigned i = 0; format && i < x->path.count; i++) {
		const struct walk_step *s = &x->path.step[i];

		entry_words(format, s->level, s->entry, explain_is_leaf(x, i), words,
			    sizeof(words));
		list = json_and(list, json_pack("{s:s, s:i, s:i, s:o, s:o, s:b, s:s, s:o}", "name",
						explain_entry_name(x, s->level), "level", s->level,
						"index", s->index, "gpa", hex(s->gpa), "value",
						hex(s->entry), "in_register", s->in_register,
						"words", words, "backing", backing(&x->entry[i])));
	}
	return list;
}

static json_t *page(const struct explanation *x)
{
	const struct walk_result *r = &x->result;

	if (r->outcome != WALK_OK)
		return json_null();
	return json_pack("{s:o, s:o, s:b, s:b, s:b, s:o}", "gpa", hex(r->gpa), "bytes",
			 bytes(r->shift), "writable", r->writable, "user", r->user, "no_execute",
			 r->nx, "backing", backing(&x->page));
}

static json_t *fault(const struct explanation *x)
{
	const struct walk_result *r = &x->result;
	char words[96];

	if (r->outcome != WALK_FAULT)
		return json_null();
	return json_pack("{s:s, s:i, s:s, s:i, s:s, s:o, s:o}", "cause", walk_cause_name(r->cause),
			 "error_code", (int)r->error_code, "error_words",
			 error_code_words(r->error_code, words, sizeof(words)), "level", r->level,
			 "name", explain_entry_name(x, r->level), "entry", hex(r->entry),
			 "reserved", hex(r->reserved));
}

static json_t *shadow_steps(const struct shadow_path *p)
{
	json_t *list = json_array();
	char words[160];

	for (unsigned i = 0; i < p->count; i++) {
		const struct shadow_step *s = &p->step[i];
		bool leaf = p->end == SHADOW_PATH_PAGE && i == p->count - 1;

		entry_words(&pt_format_5level, s->level, s->entry, leaf, words, sizeof(words));
		list = json_and(list,
				json_pack("{s:s, s:i, s:i, s:o, s:o, s:o, s:s}", "name",
					  explain_shadow_name(s->level), "level", s->level, "index",
					  s->index, "gpa", hex(s->gpa), "value", hex(s->entry),
					  "wanted", hex(s->wanted), "words", words));
	}
	return list;
}

static json_t *shadow(const struct explanation *x)
{
	const struct shadow_path *p = &x->shadow;
	bool mapped = p->end == SHADOW_PATH_PAGE;

	if (!x->shadowed)
		return json_null();
	return json_pack("{s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:o}", "view",
			 shadow_view_name(x->view), "end", shadow_path_end_name(p->end), "cr3",
			 p->count ? hex(p->root) : json_null(), "current", x->current, "steps",
			 shadow_steps(p), "gpa", mapped ? hex(p->gpa) : json_null(), "bytes",
			 mapped ? bytes(p->shift) : json_null(), "backing",
			 mapped ? backing(&x->shadow_page) : json_null());
}

static json_t *references(const struct explain_report *r)
{
	struct explain_cache list[PT_LEVEL_MAX];
	unsigned count = explain_caches(r->x, list);
	json_t *cached = json_array();

	for (unsigned i = 1; i < count; i++)
		cached = json_and(cached, json_pack("{s:s, s:i, s:i}", "holds", list[i].name, "one",
						    (int)list[i].one, "two", (int)list[i].two));
	return json_pack("{s:s, s:i, s:b, s:i, s:i, s:o}", "tables",
			 r->x->shadowed ? "shadow" : "guest", "host_levels", (int)r->x->host_levels,
			 "two_dimensional", kvm_paging_is_tdp(pn_host_paging(r->m)), "one",
			 (int)list[0].one, "two", (int)list[0].two, "cached", cached);
}

/* A name out of the guest's file, or from the command line, may be no UTF-8. */
static json_t *plain(const char *text)
{
	char copy[300];

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(copy);
}

static json_t *symbol(const struct explain_report *r, gva_t gva)
{
	char text[300];

	return plain(symbols_format(&r->m->image.symbols, gva, text, sizeof(text)));
}

static json_t *collect(const struct explain_report *r)
{
	const struct explanation *x = r->x;

	return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s?, s:o, s:o, s:o, "
			 "s:o, s:o, s:o}",
			 "gva", hex(x->query.gva), "symbol", symbol(r, x->query.gva), "access",
			 walk_access_name(x->query.access), "privilege",
			 walk_privilege_name(x->query.privilege), "mode",
			 mode_of(&r->m->vcpu)->name, "host_paging",
			 pn_paging_name(pn_host_paging(r->m)), "at", plain(r->point), "rip",
			 hex(r->rip), "place", symbol(r, r->rip), "outcome",
			 walk_outcome_name(x->result.outcome), "format",
			 x->ctx.format ? x->ctx.format->name : NULL, "cr3", hex(x->ctx.root),
			 "steps", steps(x), "page", page(x), "fault", fault(x), "shadow", shadow(x),
			 "references", references(r));
}

int explain_print_json(FILE *out, const struct explain_report *r)
{
	json_t *o = collect(r);
	int failed = o ? json_dumpf(o, out, JSON_INDENT(2)) : -1;

	json_decref(o);
	fputc('\n', out);
	return failed;
}
