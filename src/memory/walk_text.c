/* SPDX-License-Identifier: MIT */
/* A walk in words. */
#include "memory/walk_text.h"

struct flag {
	uint64_t bit;
	const char *set, *clear;
};

/* The bits every entry has, in the order of a fault's usual suspects. */
static const struct flag flags[] = {
	{PTE_WRITE, "rw", "ro"},  {PTE_USER, "user", "supervisor"},
	{PTE_ACCESSED, "A", "-"}, {PTE_DIRTY, "D", "-"},
	{PTE_NX, "NX", "X"},
};

/* `absent`: flags that entries of this level do not have. */
static void print_flags(FILE *out, uint64_t entry, uint64_t absent)
{
	const char *gap = "";

	if (!(entry & PTE_PRESENT)) {
		fprintf(out, "not present");
		return;
	}
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (absent & flags[i].bit)
			continue;
		fprintf(out, "%s%s", gap, entry & flags[i].bit ? flags[i].set : flags[i].clear);
		gap = " ";
	}
}

static void print_step(FILE *out, unsigned indent, const struct pt_format *format,
		       const struct walk_step *s)
{
	fprintf(out, "%*s%-5s [%3u] at GPA 0x%-10llx 0x%016llx  ", (int)indent, "",
		format->level[s->level].name, s->index, (unsigned long long)s->gpa,
		(unsigned long long)s->entry);
	print_flags(out, s->entry, format->level[s->level].implied);
	fputc('\n', out);
}

static void print_page_size(FILE *out, unsigned shift)
{
	static const char units[] = "KMG";

	fprintf(out, "%u %ciB", 1U << (shift % 10), units[shift / 10 - 1]);
}

void walk_print(FILE *out, unsigned indent, const struct walk_context *ctx,
		const struct walk_query *query, const struct walk_result *result,
		const struct walk_path *path)
{
	for (unsigned i = 0; i < path->count; i++)
		print_step(out, indent, ctx->format, &path->step[i]);
	fprintf(out, "%*s", (int)indent, "");
	switch (result->outcome) {
	case WALK_OK:
		fprintf(out, "-> GPA 0x%llx in a page of ", (unsigned long long)result->gpa);
		print_page_size(out, result->shift);
		fputc('\n', out);
		break;
	case WALK_FAULT:
		fprintf(out, "-> %s: %s (error code 0x%x)\n", walk_outcome_name(result->outcome),
			walk_cause_name(result->cause), result->error_code);
		break;
	case WALK_NONCANONICAL:
		fprintf(out, "-> GVA 0x%llx: %s\n", (unsigned long long)query->gva,
			walk_outcome_name(result->outcome));
		break;
	case WALK_NO_MEMORY:
		fprintf(out, "-> entry at GPA 0x%llx: %s\n", (unsigned long long)result->entry,
			walk_outcome_name(result->outcome));
		break;
	}
}
