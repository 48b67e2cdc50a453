/* SPDX-License-Identifier: MIT */
/* Folded stacks, as flame graph tools read them: "symbol;type count" a line. */
#include "trace/export.h"
#include "trace/words.h"

#include <inttypes.h>

static void end(struct trace_export *x)
{
	char name[SYMBOL_NAME_MAX + 1];

	tally_sort_by_key(&x->tally);
	for (size_t i = 0; i < x->tally.used; i++) {
		const struct tally_entry *e = &x->tally.entry[i];

		fprintf(x->out, "%s;%s %" PRIu64 "\n",
			export_key_symbol(x, e->key, name, sizeof(name)),
			trace_type_name(export_key_type(e->key)), e->count);
	}
	if (x->tally.rest)
		fprintf(x->out, "[rest] %" PRIu64 "\n", x->tally.rest);
}

const struct trace_export_format trace_export_folded = {"folded", NULL, export_count, end};
