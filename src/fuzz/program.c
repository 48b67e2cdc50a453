/* SPDX-License-Identifier: MIT */
#include "fuzz/program.h"

#include "error.h"
#include "fuzz/world.h"
#include "memory/format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What follows the name of an operation: f frame, o other frame, i index, w who, a GVA, v value,
 * b 0 or 1, t type of INVPCID. */
static const struct {
	const char *name, *form;
} kinds[FUZZ_KINDS] = {
	[FUZZ_SET] = {"set", "fiv"},	    [FUZZ_COPY] = {"copy", "fo"},
	[FUZZ_READ] = {"read", "wa"},	    [FUZZ_WRITE] = {"write", "wav"},
	[FUZZ_FETCH] = {"fetch", "wa"},	    [FUZZ_INVLPG] = {"invlpg", "a"},
	[FUZZ_INVPCID] = {"invpcid", "ta"}, [FUZZ_CR3] = {"cr3", "f"},
	[FUZZ_FLUSH] = {"flush", ""},	    [FUZZ_WP] = {"wp", "b"},
	[FUZZ_NXE] = {"nxe", "b"},	    [FUZZ_SMEP] = {"smep", "b"},
	[FUZZ_SMAP] = {"smap", "b"},	    [FUZZ_PKE] = {"pke", "b"},
	[FUZZ_PGE] = {"pge", "b"},	    [FUZZ_PKRU] = {"pkru", "v"},
	[FUZZ_TOGGLE] = {"toggle", ""},	    [FUZZ_SYNC] = {"sync", ""},
};

static const char *const whos[FUZZ_WHOS] = {"user", "kernel", "kernel-ac"};

const char *fuzz_kind_name(enum fuzz_kind kind)
{
	return kinds[kind].name;
}

bool fuzz_program_add(struct fuzz_program *p, const struct fuzz_op *op)
{
	if (p->count == p->room) {
		size_t room = p->room ? 2 * p->room : 256;
		struct fuzz_op *more = reallocarray(p->op, room, sizeof(*more));

		if (!more)
			return false;
		p->op = more;
		p->room = room;
	}
	p->op[p->count++] = *op;
	return true;
}

void fuzz_program_free(struct fuzz_program *p)
{
	free(p->op);
	*p = (struct fuzz_program){0};
}

/* --- Printing ------------------------------------------------------------------------------- */

static size_t print_frame(char *text, size_t size, unsigned frame)
{
	bool table = frame < FUZZ_TABLES;

	return (size_t)snprintf(text, size, "%c%u", table ? 't' : 'd',
				table ? frame : frame - FUZZ_TABLES);
}

/* What a value says as an entry of a table: "t5 P W U A". */
static void print_entry(char *text, size_t size, uint64_t value)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} flags[] = {
		{PTE_PRESENT, "P"},  {PTE_WRITE, "W"}, {PTE_USER, "U"},
		{PTE_ACCESSED, "A"}, {PTE_DIRTY, "D"}, {PTE_PS, "PS"},
		{PTE_GLOBAL, "G"},   {PTE_NX, "NX"},   {UINT64_C(1) << 51, "bit51"},
	};
	unsigned frame = fuzz_frame_at(value & PTE_BITS(47, 12));
	size_t at = 0;

	if (frame < FUZZ_FRAMES)
		at = print_frame(text, size, frame);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (value & flags[i].bit)
			at += (size_t)snprintf(text + at, size - at, " %s", flags[i].name);
	if (value & PTE_PKEY)
		snprintf(text + at, size - at, " key%u",
			 (unsigned)((value & PTE_PKEY) >> PTE_PKEY_SHIFT));
}

void fuzz_op_print(const struct fuzz_op *op, char text[FUZZ_OP_TEXT])
{
	const size_t size = FUZZ_OP_TEXT;
	size_t at = (size_t)snprintf(text, size, "%s", kinds[op->kind].name);
	char entry[48] = "";

	for (const char *f = kinds[op->kind].form; *f; f++) {
		text[at++] = ' ';
		switch (*f) {
		case 'f': at += print_frame(text + at, size - at, op->frame); break;
		case 'o': at += print_frame(text + at, size - at, op->other); break;
		case 'i':
			at += (size_t)snprintf(text + at, size - at, "%u", fuzz_indices[op->other]);
			break;
		case 'w': at += (size_t)snprintf(text + at, size - at, "%s", whos[op->who]); break;
		case 'a':
			at += (size_t)snprintf(text + at, size - at, "0x%" PRIx64, op->gva);
			break;
		case 't': at += (size_t)snprintf(text + at, size - at, "%u", op->other); break;
		default:
			at += (size_t)snprintf(text + at, size - at,
					       *f == 'b' ? "%" PRIu64 : "0x%" PRIx64, op->value);
			break;
		}
	}
	text[at] = 0;
	if (op->kind == FUZZ_SET)
		print_entry(entry, sizeof(entry), op->value);
	if (entry[0])
		snprintf(text + at, size - at, "  # %s", entry[0] == ' ' ? entry + 1 : entry);
}

void fuzz_program_print(const struct fuzz_program *p, const char *comment, FILE *to)
{
	char text[FUZZ_OP_TEXT];

	fprintf(to, "penumbra-fuzz 1\n");
	if (comment)
		fprintf(to, "# %s\n", comment);
	fprintf(to, "levels %u\n", p->levels);
	for (size_t i = 0; i < p->count; i++) {
		fuzz_op_print(&p->op[i], text);
		fprintf(to, "%s\n", text);
	}
}

/* --- Reading -------------------------------------------------------------------------------- */

static bool read_number(const char *word, uint64_t *value)
{
	char *end;

	if (word[0] < '0' || word[0] > '9')
		return false;
	errno = 0;
	*value = strtoull(word, &end, 0);
	return *end == 0 && errno == 0;
}

static bool read_frame(const char *word, uint8_t *frame)
{
	uint64_t n;

	if ((word[0] != 't' && word[0] != 'd') || !read_number(word + 1, &n) ||
	    n >= (word[0] == 't' ? FUZZ_TABLES : FUZZ_PAGES))
		return false;
	*frame = (uint8_t)(word[0] == 't' ? n : n + FUZZ_TABLES);
	return true;
}

static bool read_field(char form, const char *word, unsigned levels, struct fuzz_op *op)
{
	uint64_t n;

	switch (form) {
	case 'f':
		return read_frame(word, &op->frame) &&
		       (op->kind != FUZZ_CR3 || op->frame < FUZZ_ROOTS);
	case 'o': return read_frame(word, &op->other);
	case 'w':
		while (op->who < FUZZ_WHOS && strcmp(word, whos[op->who]) != 0)
			op->who++;
		return op->who < FUZZ_WHOS;
	case 'i':
		if (!read_number(word, &n) || n > 511)
			return false;
		op->other = (uint8_t)fuzz_place((unsigned)n);
		return op->other < FUZZ_INDICES;
	case 't': op->other = (uint8_t)(word[0] - '0'); return op->other < 4 && !word[1];
	case 'a':
		return read_number(word, &op->gva) && fuzz_gva_is_valid(op->gva, levels) &&
		       op->gva % 8 == 0 &&
		       fuzz_place((unsigned)(op->gva % PAGE_SIZE / 8)) < FUZZ_INDICES;
	case 'b': return read_number(word, &op->value) && op->value < 2;
	default: return read_number(word, &op->value);
	}
}

/* One line without its comment. */
static bool read_op(char *line, unsigned levels, struct fuzz_op *op)
{
	char *rest, *word = strtok_r(line, " \t\n", &rest);

	*op = (struct fuzz_op){0};
	while (op->kind < FUZZ_KINDS && strcmp(word, kinds[op->kind].name) != 0)
		op->kind++;
	if (op->kind == FUZZ_KINDS)
		return false;
	for (const char *f = kinds[op->kind].form; *f; f++) {
		word = strtok_r(NULL, " \t\n", &rest);
		if (!word || !read_field(*f, word, levels, op))
			return false;
	}
	return !strtok_r(NULL, " \t\n", &rest);
}

static int read_line(struct fuzz_program *p, char *line, bool *begun)
{
	struct fuzz_op op;

	line[strcspn(line, "#")] = 0;
	if (line[strspn(line, " \t\n")] == 0)
		return PN_OK;
	if (!*begun) {
		*begun = true;
		return strncmp(line, "penumbra-fuzz 1\n", 16) == 0 ? PN_OK : PN_ERR_ARGUMENT;
	}
	if (!p->levels) {
		if (strncmp(line, "levels ", 7) != 0 || (line[7] != '4' && line[7] != '5'))
			return PN_ERR_ARGUMENT;
		p->levels = (unsigned)(line[7] - '0');
		return PN_OK;
	}
	if (!read_op(line, p->levels, &op))
		return PN_ERR_ARGUMENT;
	return fuzz_program_add(p, &op) ? PN_OK : PN_ERR_NOMEM;
}

int fuzz_program_read(struct fuzz_program *p, FILE *from, const char *name, struct pn_error *err)
{
	char line[256];
	bool begun = false;
	unsigned number = 0;
	int code = PN_OK;

	*p = (struct fuzz_program){0};
	while (!code && fgets(line, sizeof(line), from)) {
		number++;
		code = strchr(line, '\n') ? read_line(p, line, &begun) : PN_ERR_ARGUMENT;
	}
	if (!code && ferror(from))
		code = PN_ERR_SYSTEM;
	if (!code && !p->levels)
		code = PN_ERR_ARGUMENT;
	if (!code)
		return PN_OK;
	fuzz_program_free(p);
	if (code == PN_ERR_ARGUMENT)
		return pn_fail(err, code, "%s, line %u: not a line of a fuzzer's program", name,
			       number);
	return pn_fail(err, code, "%s: cannot be read", name);
}
