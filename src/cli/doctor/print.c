/* SPDX-License-Identifier: MIT */
/* The findings in print: three columns for people, JSON for programs. */
#include "cli/doctor/doctor.h"
#include "cli/json_make.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

/* Columns where the parts of a line begin, and the last that is written. */
#define COLUMN_WHAT    2
#define COLUMN_FOUND   24
#define COLUMN_MEANING 40
#define COLUMN_LAST    80

static const char *const marks[] = {
	[VERDICT_OK] = " ",
	[VERDICT_LACKS] = "-",
	[VERDICT_UNKNOWN] = "?",
};

/* Prints words between the margin and the last column, from `column` on; returns where it ended. */
static int print_words(FILE *out, const char *text, int column, int margin)
{
	while (*text) {
		int len = (int)strcspn(text, " ");
		int space = column > margin ? 1 : 0;

		if (space && column + space + len > COLUMN_LAST) {
			fprintf(out, "\n%*s", margin, "");
			column = margin;
			space = 0;
		}
		column += fprintf(out, "%*s%.*s", space, "", len, text);
		text += len;
		text += strspn(text, " ");
	}
	return column;
}

static void print_finding(const struct finding *f, FILE *out)
{
	int column = fprintf(out, "%-*s%-*s", COLUMN_WHAT, marks[f->verdict],
			     COLUMN_FOUND - COLUMN_WHAT, f->what);

	column = print_words(out, f->found, column, COLUMN_FOUND);
	if (f->meaning[0]) {
		if (column >= COLUMN_MEANING) {
			fputc('\n', out);
			column = 0;
		}
		fprintf(out, "%*s", COLUMN_MEANING - column, "");
		print_words(out, f->meaning, COLUMN_MEANING, COLUMN_MEANING);
	}
	fputc('\n', out);
	for (unsigned i = 0; i < FINDING_COMMANDS && f->command[i][0]; i++)
		fprintf(out, "    %s\n", f->command[i]);
}

void doctor_print(const struct findings *f, FILE *out)
{
	const char *section = NULL;

	for (size_t i = 0; i < f->count; i++) {
		const struct finding *n = &f->list[i];

		if (n->section != section)
			fprintf(out, "%s%s\n", section ? "\n" : "", n->section);
		section = n->section;
		print_finding(n, out);
	}
	fputs("\n- something is lacking, ? not known\n", out);
	if (f->usable)
		fprintf(out, "Guests can run here. hw mode is %s.\n", f->paging);
	else
		fputs("Guests cannot run here.\n", out);
}

static json_t *verdict_json(enum verdict verdict)
{
	return verdict == VERDICT_UNKNOWN ? json_null() : json_boolean(verdict == VERDICT_OK);
}

static json_t *finding_json(const struct finding *f)
{
	json_t *commands = json_array();

	for (unsigned i = 0; i < FINDING_COMMANDS && f->command[i][0]; i++)
		commands = json_and(commands, json_string(f->command[i]));
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:o}", "id", f->id, "what", f->what, "found",
			 f->found, "ok", verdict_json(f->verdict), "meaning", f->meaning,
			 "commands", commands);
}

int doctor_print_json(const struct findings *f, FILE *out)
{
	json_t *list = json_array();
	json_t *all;
	int code;

	for (size_t i = 0; i < f->count; i++)
		list = json_and(list, finding_json(&f->list[i]));
	all = json_pack("{s:b, s:s, s:s, s:o}", "usable", f->usable, "vendor_module", f->module,
			"host_paging", f->paging, "findings", list);
	if (!all) {
		errno = ENOMEM;
		return -1;
	}
	code = json_dumpf(all, out, JSON_INDENT(2));
	json_decref(all);
	return code || fputc('\n', out) == EOF ? -1 : 0;
}
