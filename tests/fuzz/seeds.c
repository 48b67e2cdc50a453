/* SPDX-License-Identifier: MIT */
/*
 * fuzz-seeds DIR: writes valid inputs for the fuzzers of files into DIR/elf and DIR/trace, to begin
 * from: what a mutation could not find by itself. The other fuzzers begin from nothing.
 */
#include "check.h"
#include "elf_builder.h"

#include "trace/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int create(const char *dir, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		fail_msg("%s: cannot be written", path);
	return fd;
}

static void write_elf(const char *dir, const char *name, const struct elf_plan *plan)
{
	struct elf_file f = elf_build(plan);
	int fd = create(dir, name);

	assert_int_equal(trace_write_all(fd, f.bytes, f.size), 0);
	close(fd);
	free(f.bytes);
}

static void write_elves(const char *dir)
{
	struct elf_plan texts = elf_good_exec;

	write_elf(dir, "elf/exec", &elf_good_exec);
	write_elf(dir, "elf/pie", &elf_good_pie);
	texts.texts = 2;
	texts.text[0] = (struct elf_text){texts.segment[0].vaddr, 8};
	texts.text[1] = (struct elf_text){texts.segment[0].vaddr + 8, 4};
	write_elf(dir, "elf/texts", &texts);
}

/* A record of each type, with every member other than 0. */
static void write_records(int fd)
{
	for (unsigned i = 1; i < PN_TRACE_TYPES; i++) {
		const struct pn_trace_record r = {
			.type = (uint8_t)i,
			.source = (uint8_t)(i % PN_SOURCES),
			.mode = PN_MODE_SHADOW,
			.time = i * 1000,
			.cost = i * 100,
			.rip = 0x1000 + i,
			.address = 0x5000 + i,
			.value = {i, i + 1},
			.count = i,
			.number = i - 1,
			.level = 1,
			.kind = (uint8_t)(i % 5),
			.cause = (uint8_t)(i % PN_CAUSES),
		};

		assert_int_equal(trace_write_all(fd, &r, sizeof(r)), 0);
	}
}

/* `maker`: what fuzz-trace is to make of it. */
static void write_trace(const char *dir, uint8_t maker)
{
	struct pn_trace_header header;
	struct symbols symbols = {0};
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "trace/maker-%u", maker);
	fd = create(dir, name);
	trace_header_init(&header);
	/* The same bytes at any time. */
	header.start_ns = 1;
	header.start_wall_ns = 2;
	snprintf(header.guest, sizeof(header.guest), "guest.elf");
	snprintf(header.cmdline, sizeof(header.cmdline), "one \"two\"");
	snprintf(header.host, sizeof(header.host), "EPT");
	assert_int_equal(symbols_add(&symbols, 0x1000, 256, "main"), PN_OK);
	assert_int_equal(symbols_add(&symbols, 0x2000, 256, "handler"), PN_OK);
	symbols_sort(&symbols);
	assert_int_equal(trace_write_all(fd, &maker, 1), 0);
	assert_int_equal(trace_write_head(fd, &header, &symbols), 0);
	write_records(fd);
	close(fd);
	symbols_free(&symbols);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: fuzz-seeds DIR\n");
		return 2;
	}
	write_elves(argv[1]);
	for (uint8_t maker = 0; maker < 12; maker++)
		write_trace(argv[1], maker);
	return 0;
}
