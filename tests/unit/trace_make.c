/* SPDX-License-Identifier: MIT */
/*
 * trace-make FILE RECORDS [PAGES]: writes a trace of that many records, as a long run might leave
 * it: fault storms over PAGES pages (65536), flushes, loads of CR3, costs over four decades. The same
 * arguments make the same file. For measuring readers (docs/trace-format.md).
 */
#include "trace/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH	4096
#define SYMBOLS 400

static uint64_t seed = 88172645463325252;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static struct pn_trace_record make(uint64_t i, uint64_t pages, uint64_t *time)
{
	static const uint8_t types[] = {
		PN_TRACE_GUEST_FAULT,  PN_TRACE_HIDDEN_FAULT, PN_TRACE_FORESEEN,
		PN_TRACE_HIDDEN_FAULT, PN_TRACE_GUEST_FAULT,  PN_TRACE_HIDDEN_FAULT,
		PN_TRACE_FLUSH,	       PN_TRACE_TABLE_WRITE,  PN_TRACE_CR3,
	};
	struct pn_trace_record r = {
		.type = types[next_random() % sizeof(types)],
		.source = PN_SOURCE_SHADOW,
		.mode = PN_MODE_SHADOW,
		.number = (uint32_t)i,
		.rip = 0x400000 + next_random() % (SYMBOLS * 256),
		.address = 0x7f0000000000 + (next_random() % pages << 12),
		.cost = (uint32_t)(300 + (next_random() >> (44 + next_random() % 16))),
		.kind = (uint8_t)(next_random() % 2),
	};

	/* Every 4096 events a storm: a run of pages, one after the other. */
	if (i % 4096 < 1024) {
		r.type = PN_TRACE_GUEST_FAULT;
		r.address = 0x500000000000 + (i % pages << 12);
	}
	if (r.type == PN_TRACE_FLUSH)
		r.kind = PN_FLUSH_PAGE, r.cause = PN_CAUSE_INVLPG;
	if (r.type == PN_TRACE_TABLE_WRITE)
		r.address &= 0xffffff8;
	*time += r.cost + next_random() % 8000;
	r.time = *time;
	return r;
}

static bool write_records(int fd, uint64_t count, uint64_t pages)
{
	static struct pn_trace_record batch[BATCH];
	uint64_t time = 0;

	for (uint64_t i = 0; i < count;) {
		size_t n = 0;

		for (; n < BATCH && i < count; i++)
			batch[n++] = make(i, pages, &time);
		if (trace_write_all(fd, batch, n * sizeof(batch[0])))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	uint64_t pages = argc > 3 ? strtoull(argv[3], NULL, 0) : 65536;
	struct pn_trace_header header;
	struct symbols symbols = {0};
	int fd = argc > 2 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;

	if (fd < 0 || !pages) {
		fprintf(stderr, "usage: trace-make FILE RECORDS [PAGES]\n");
		return 1;
	}
	for (unsigned i = 0; i < SYMBOLS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "function_%u", i);
		if (symbols_add(&symbols, 0x400000 + (gva_t)i * 256, 256, name))
			return 1;
	}
	trace_header_init(&header);
	strcpy(header.guest, "synthetic.elf");
	snprintf(header.cmdline, sizeof(header.cmdline), "records=%" PRIu64 " pages=%" PRIu64,
		 count, pages);
	strcpy(header.host, "no host: made by trace-make");
	if (trace_write_head(fd, &header, &symbols) || !write_records(fd, count, pages) ||
	    close(fd)) {
		perror(argv[1]);
		return 1;
	}
	symbols_free(&symbols);
	return 0;
}
