/* SPDX-License-Identifier: MIT */
/*
 * An explanation as a picture: the guest's tables from left to right, what is behind each of them
 * below it, and in shadow mode the tables that the processor walks instead in a row of their own.
 * One file that needs no other; dark where the reader's screen is.
 */
#include "cli/explain/print.h"

#include "kvm/vendor.h"
#include "memory/entry_words.h"

#include <string.h>

typedef unsigned long long ull;

#define BOX_W  184u
#define GAP    36u
#define LEFT   24u
#define LINE   17u
#define TOP    104u /* of the first row */
#define GUEST  132u /* heights of the boxes */
#define HOST   72u
#define SHADOW 74u
#define SPACE  34u /* between rows */

static const char style[] =
	"  <style>\n"
	"    text { font: 12px ui-monospace, 'DejaVu Sans Mono', monospace; }\n"
	"    .big { font-size: 16px; font-weight: bold; } .name, .why { font-weight: bold; }\n"
	"    .arrow { stroke-width: 1.5; fill: none; marker-end: url(#head); }\n"
	"    .down { stroke-dasharray: 4 3; }\n"
	"    .paper { fill: #ffffff; } text { fill: #1c2430; } .dim { fill: #5b6676; }\n"
	"    .why { fill: #9c1c10; } .guest { fill: #e4eefb; } .host { fill: #eef0f2; }\n"
	"    .shadow { fill: #efe6f8; } .page { fill: #e2f3e4; } .fault { fill: #fbe3e0; }\n"
	"    rect { stroke: #8a94a3; } .arrow { stroke: #8a94a3; }\n"
	"    #head path { fill: #8a94a3; }\n"
	"    .paper { stroke: none; }\n"
	"    @media (prefers-color-scheme: dark) {\n"
	"      .paper { fill: #14181f; } text { fill: #e6eaf0; } .dim { fill: #9aa5b4; }\n"
	"      .why { fill: #ffb3a8; } .guest { fill: #1d2f47; } .host { fill: #242a33; }\n"
	"      .shadow { fill: #33264a; } .page { fill: #1d3a25; } .fault { fill: #4a201c; }\n"
	"      rect { stroke: #6c7788; } .arrow { stroke: #6c7788; }\n"
	"      #head path { fill: #6c7788; }\n"
	"      .paper { stroke: none; }\n"
	"    }\n"
	"  </style>\n"
	"  <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\"\n"
	"    markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\"/></marker></defs>\n";

/* A picture under way: where the next thing goes. */
struct canvas {
	FILE *out;
	unsigned width;
	unsigned row; /* y of the row at hand */
};

static unsigned column_x(unsigned i)
{
	return LEFT + i * (BOX_W + GAP);
}

/* A symbol of the guest's may be anything. */
static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		default:
			/* Bytes that are no ASCII may be no UTF-8 either. */
			fputc((unsigned char)*text < 0x80 ? *text : '?', out);
		}
}

static void put_text(const struct canvas *c, unsigned x, unsigned y, const char *class,
		     const char *text)
{
	fprintf(c->out, "  <text x=\"%u\" y=\"%u\" class=\"%s\">", x, y, class);
	put_escaped(c->out, text);
	fputs("</text>\n", c->out);
}

static void put_box(const struct canvas *c, unsigned i, unsigned height, const char *class)
{
	fprintf(c->out,
		"  <rect x=\"%u\" y=\"%u\" rx=\"6\" width=\"%u\" height=\"%u\" class=\"%s\"/>\n",
		column_x(i), c->row, BOX_W, height, class);
}

static void put_arrow_right(const struct canvas *c, unsigned i)
{
	fprintf(c->out, "  <path class=\"arrow\" d=\"M%u %u H%u\"/>\n", column_x(i) - GAP,
		c->row + 24, column_x(i) - 3);
}

static void put_arrow_down(const struct canvas *c, unsigned i, unsigned height)
{
	fprintf(c->out, "  <path class=\"arrow down\" d=\"M%u %u V%u\"/>\n",
		column_x(i) + BOX_W / 2, c->row + height, c->row + height + SPACE - 3);
}

/* Words in lines of what a box holds, at most four. */
static void put_words(const struct canvas *c, unsigned i, unsigned y, const char *words)
{
	const unsigned columns = (BOX_W - 16) / 7;
	char line[64] = "";
	unsigned lines = 0;

	while (*words && lines < 4) {
		const char *comma = strstr(words, ", ");
		size_t len = comma ? (size_t)(comma - words) : strlen(words);

		if (*line && strlen(line) + 2 + len > columns) {
			put_text(c, column_x(i) + 8, y + lines++ * LINE, "dim", line);
			*line = 0;
		}
		if (lines < 4)
			snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%.*s",
				 *line ? ", " : "", (int)len, words);
		words += len + (comma ? 2 : 0);
	}
	if (*line && lines < 4)
		put_text(c, column_x(i) + 8, y + lines * LINE, "dim", line);
}

static void put_backing(struct canvas *c, unsigned i, const struct backing *b)
{
	char text[80], size[16] = "not told";

	put_box(c, i, HOST, "host");
	if (!b->in_slot) {
		put_text(c, column_x(i) + 8, c->row + 20, "why", "in no memory slot");
		return;
	}
	if (b->host_shift)
		page_size_words(b->host_shift, size, sizeof(size));
	snprintf(text, sizeof(text), "HVA 0x%llx", (ull)b->hva);
	put_text(c, column_x(i) + 8, c->row + 20, "", text);
	snprintf(text, sizeof(text), "slot at 0x%llx%s", (ull)b->slot_gpa,
		 b->readonly ? " ro" : "");
	put_text(c, column_x(i) + 8, c->row + 20 + LINE, "dim", text);
	snprintf(text, sizeof(text), "host page %s", size);
	put_text(c, column_x(i) + 8, c->row + 20 + 2 * LINE, "dim", text);
}

static void put_entry(struct canvas *c, unsigned i, const char *name, unsigned index, gpa_t gpa,
		      uint64_t value, const char *words)
{
	char text[80];

	if (i)
		put_arrow_right(c, i);
	snprintf(text, sizeof(text), "%s [%u]", name, index);
	put_text(c, column_x(i) + 8, c->row + 20, "name", text);
	snprintf(text, sizeof(text), "GPA 0x%llx", (ull)gpa);
	put_text(c, column_x(i) + 8, c->row + 20 + LINE, "", text);
	snprintf(text, sizeof(text), "0x%016llx", (ull)value);
	put_text(c, column_x(i) + 8, c->row + 20 + 2 * LINE, "", text);
	if (words)
		put_words(c, i, c->row + 20 + 3 * LINE, words);
}

static void put_page(struct canvas *c, unsigned i, unsigned height, gpa_t gpa, unsigned shift,
		     const char *words)
{
	char text[80], size[16];

	put_box(c, i, height, "page");
	put_arrow_right(c, i);
	snprintf(text, sizeof(text), "page of %s", page_size_words(shift, size, sizeof(size)));
	put_text(c, column_x(i) + 8, c->row + 20, "name", text);
	snprintf(text, sizeof(text), "GPA 0x%llx", (ull)gpa);
	put_text(c, column_x(i) + 8, c->row + 20 + LINE, "", text);
	if (words)
		put_words(c, i, c->row + 20 + 2 * LINE, words);
}

static void put_guest_row(struct canvas *c, const struct explanation *x)
{
	const struct walk_result *r = &x->result;
	unsigned n = x->ctx.format ? x->path.count : 0;
	char words[160];

	for (unsigned i = 0; i < n; i++) {
		const struct walk_step *s = &x->path.step[i];
		bool blamed = r->outcome == WALK_FAULT && s->level == r->level;

		put_box(c, i, GUEST, blamed ? "fault" : "guest");
		put_entry(c, i, explain_entry_name(x, s->level), s->index, s->gpa, s->entry,
			  entry_words(x->ctx.format, s->level, s->entry, explain_is_leaf(x, i),
				      words, sizeof(words)));
		put_arrow_down(c, i, GUEST);
	}
	if (r->outcome == WALK_OK) {
		snprintf(words, sizeof(words), "%s, %s, %s", r->writable ? "writable" : "read-only",
			 r->user ? "user" : "supervisor", r->nx ? "no-execute" : "executable");
		put_page(c, n, GUEST, r->gpa, r->shift, words);
		put_arrow_down(c, n, GUEST);
	}
	c->row += GUEST + SPACE;
	for (unsigned i = 0; i < n; i++)
		put_backing(c, i, &x->entry[i]);
	if (r->outcome == WALK_OK)
		put_backing(c, n, &x->page);
	c->row += HOST + SPACE;
}

static void put_shadow_row(struct canvas *c, const struct explanation *x)
{
	const struct shadow_path *p = &x->shadow;
	char text[160];

	snprintf(text, sizeof(text), "What the processor walks: the shadow's tables, %s view",
		 shadow_view_name(x->view));
	put_text(c, LEFT, c->row, "name", text);
	c->row += 12;
	for (unsigned i = 0; i < p->count; i++) {
		const struct shadow_step *s = &p->step[i];

		put_box(c, i, SHADOW, s->entry & PTE_PRESENT ? "shadow" : "fault");
		put_entry(c, i, explain_shadow_name(s->level), s->index, s->gpa, s->entry, NULL);
	}
	if (p->end == SHADOW_PATH_PAGE)
		put_page(c, p->count, SHADOW, p->gpa, p->shift, NULL);
	else
		put_text(c, LEFT, c->row + SHADOW + 20, "why", shadow_path_end_name(p->end));
	c->row += SHADOW + SPACE + (p->end == SHADOW_PATH_PAGE ? 0 : 20);
}

static void put_head(const struct canvas *c, const struct explain_report *r)
{
	const struct explanation *x = r->x;
	char symbol[48], text[256], words[96];

	snprintf(text, sizeof(text), "GVA 0x%llx (%s), %s by %s", (ull)x->query.gva,
		 symbols_format(&r->m->image.symbols, x->query.gva, symbol, sizeof(symbol)),
		 walk_access_name(x->query.access),
		 x->query.privilege == WALK_USER ? "user code" : "the supervisor");
	put_text(c, LEFT, 32, "big", text);
	snprintf(text, sizeof(text), "%s mode on %s, at %.60s", mode_of(&r->m->vcpu)->name,
		 pn_paging_name(pn_host_paging(r->m)), r->point);
	put_text(c, LEFT, 54, "dim", text);
	if (x->result.outcome == WALK_FAULT)
		snprintf(text, sizeof(text), "#PF: %s, error code 0x%x: %s",
			 walk_cause_name(x->result.cause), x->result.error_code,
			 error_code_words(x->result.error_code, words, sizeof(words)));
	else
		explain_verdict(x, text, sizeof(text));
	put_text(c, LEFT, 76, x->result.outcome == WALK_OK ? "name" : "why", text);
}

static void put_references(struct canvas *c, const struct explain_report *r)
{
	struct explain_cache list[PT_LEVEL_MAX];
	unsigned count = explain_caches(r->x, list);
	char text[160];

	snprintf(text, sizeof(text),
		 "Memory references (a model, without TLBs): %u in one dimension, %u in two; "
		 "this host has %s",
		 list[0].one, list[0].two, kvm_paging_is_tdp(pn_host_paging(r->m)) ? "two" : "one");
	put_text(c, LEFT, c->row, "name", text);
	for (unsigned i = 1; i < count; i++) {
		snprintf(text, sizeof(text), "page-walk cache holds the %s: %u, %u", list[i].name,
			 list[i].one, list[i].two);
		put_text(c, LEFT, c->row + i * LINE, "dim", text);
	}
}

static unsigned height_of(const struct explanation *x)
{
	struct explain_cache list[PT_LEVEL_MAX];
	unsigned height = TOP + GUEST + HOST + 2 * SPACE + explain_caches(x, list) * LINE;

	return height + (x->shadowed ? SHADOW + 2 * SPACE : 0);
}

void explain_print_svg(FILE *out, const struct explain_report *r)
{
	const struct explanation *x = r->x;
	unsigned columns = x->path.count > x->shadow.count ? x->path.count : x->shadow.count;
	struct canvas c = {.out = out, .row = TOP};

	/* The page stands behind the last entry, and the head wants some room. */
	c.width = column_x(columns > 3 ? columns + 1 : 4) + LEFT - GAP;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		"viewBox=\"0 0 %u %u\" role=\"img\">\n  <title>penumbra explain</title>\n%s"
		"  <rect width=\"100%%\" height=\"100%%\" class=\"paper\"/>\n",
		c.width, height_of(x), c.width, height_of(x), style);
	put_head(&c, r);
	put_guest_row(&c, x);
	if (x->shadowed && x->result.outcome != WALK_NONCANONICAL)
		put_shadow_row(&c, x);
	put_references(&c, r);
	fputs("</svg>\n", out);
}
