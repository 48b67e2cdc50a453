/* SPDX-License-Identifier: MIT */
/* Trace files. */
#include "trace/file.h"

#include "clock.h"
#include "error.h"
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No guest of ours has more: a length beyond is a damaged file. A guest that has is cut. */
#define SYMBOLS_MAX (UINT64_C(64) << 20)

/* As docs/trace-format.md says: a change of any of them is another version. */
_Static_assert(sizeof(struct pn_trace_header) == 624, "header");
_Static_assert(sizeof(struct pn_trace_symbol) == 24, "symbol");
_Static_assert(sizeof(struct pn_trace_record) == 64, "record");

int trace_write_all(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

void trace_header_init(struct pn_trace_header *h)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	*h = (struct pn_trace_header){
		.magic = PN_TRACE_MAGIC,
		.version = PN_TRACE_VERSION,
		.header_size = sizeof(*h),
		.record_size = sizeof(struct pn_trace_record),
		.vcpus = 1,
		.start_ns = clock_ns(),
		.start_wall_ns = (uint64_t)wall.tv_sec * 1000000000 + (uint64_t)wall.tv_nsec,
	};
}

int trace_write_head(int fd, const struct pn_trace_header *header, const struct symbols *symbols)
{
	struct pn_trace_header h = *header;
	size_t count = 0;

	h.symbols_size = 0;
	for (; count < symbols->count; count++) {
		uint64_t size =
			sizeof(struct pn_trace_symbol) + strlen(symbols->symbol[count].name);

		if (size > SYMBOLS_MAX - h.symbols_size)
			break;
		h.symbols_size += size;
	}
	if (trace_write_all(fd, &h, sizeof(h)))
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct symbol *from = &symbols->symbol[i];
		const struct pn_trace_symbol s = {.gva = from->gva,
						  .size = from->size,
						  .length = (uint32_t)strlen(from->name)};

		if (trace_write_all(fd, &s, sizeof(s)) || trace_write_all(fd, from->name, s.length))
			return -1;
	}
	return 0;
}

static bool is_terminated(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

/* Why a header cannot be used; NULL if it can. */
static const char *fault_of(const struct pn_trace_header *h, ssize_t got)
{
	if (got < (ssize_t)sizeof(*h) || memcmp(h->magic, PN_TRACE_MAGIC, sizeof(h->magic)) != 0)
		return "no trace of Penumbra's";
	if (h->version != PN_TRACE_VERSION)
		return "a trace of another version";
	if (h->header_size != sizeof(*h) || h->record_size != sizeof(struct pn_trace_record) ||
	    h->symbols_size > SYMBOLS_MAX || !is_terminated(h->host, sizeof(h->host)) ||
	    !is_terminated(h->guest, sizeof(h->guest)) ||
	    !is_terminated(h->cmdline, sizeof(h->cmdline)))
		return "a damaged trace: its header is not possible";
	return NULL;
}

/* The header's texts are printed: ASCII, and nothing else. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f)
			*text = '?';
}

static int read_symbols(struct trace_reader *r, const char *path, struct pn_error *err)
{
	uint64_t left = r->header.symbols_size;
	char name[SYMBOL_NAME_MAX + 1];
	struct pn_trace_symbol s;

	for (; left; left -= sizeof(s) + s.length) {
		errno = 0;
		if (left < sizeof(s) || transfer_read(r->fd, &s, sizeof(s)) != sizeof(s) ||
		    s.length > SYMBOL_NAME_MAX || s.length > left - sizeof(s) ||
		    transfer_read(r->fd, name, s.length) != (ssize_t)s.length)
			return errno ? pn_fail_errno(err, PN_ERR_SYSTEM, "%s: cannot be read", path)
				     : pn_fail(err, PN_ERR_IMAGE,
					       "%s: a damaged trace: its symbols are not possible",
					       path);
		name[s.length] = 0;
		if (symbols_add(&r->symbols, s.gva, s.size, name))
			return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	}
	symbols_sort(&r->symbols);
	r->taken = sizeof(r->header) + r->header.symbols_size;
	return PN_OK;
}

int trace_open(struct trace_reader *r, const char *path, struct pn_error *err)
{
	const char *fault;
	ssize_t got;
	int code;

	memset(r, 0, sizeof(*r));
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "%s", path);
	got = transfer_read(r->fd, &r->header, sizeof(r->header));
	fault = got < 0 ? NULL : fault_of(&r->header, got);
	if (got < 0) {
		code = pn_fail_errno(err, PN_ERR_SYSTEM, "%s: cannot be read", path);
	} else if (fault) {
		code = pn_fail(err, PN_ERR_IMAGE, "%s: %s", path, fault);
	} else {
		make_printable(r->header.host);
		make_printable(r->header.guest);
		make_printable(r->header.cmdline);
		code = read_symbols(r, path, err);
	}
	if (code)
		trace_close(r);
	return code;
}

void trace_close(struct trace_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	symbols_free(&r->symbols);
	r->fd = -1;
}

/* Reads a record at an offset of the file; false if it cannot be. */
static bool read_record(int fd, off_t at, struct pn_trace_record *r)
{
	return transfer_read_at(fd, r, sizeof(*r), (uint64_t)at) == (ssize_t)sizeof(*r);
}

uint64_t trace_last_ns(const struct trace_reader *r)
{
	const off_t size = sizeof(struct pn_trace_record);
	off_t head = (off_t)(sizeof(r->header) + r->header.symbols_size);
	struct pn_trace_record last;
	struct stat st;
	off_t count;

	if (fstat(r->fd, &st) || !S_ISREG(st.st_mode) || st.st_size < head + size)
		return 0;
	count = (st.st_size - head) / size;
	return read_record(r->fd, head + (count - 1) * size, &last) ? last.time : 0;
}

uint64_t trace_size(const struct trace_reader *r)
{
	struct stat st;

	return fstat(r->fd, &st) || !S_ISREG(st.st_mode) ? 0 : (uint64_t)st.st_size;
}

int trace_rewind(struct trace_reader *r, struct pn_error *err)
{
	r->taken = sizeof(r->header) + r->header.symbols_size;
	r->ended = false;
	if (lseek(r->fd, (off_t)r->taken, SEEK_SET) < 0)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "trace");
	return PN_OK;
}

int trace_read(struct trace_reader *r, struct pn_error *err)
{
	ssize_t n = r->ended ? 0 : transfer_read(r->fd, r->batch, sizeof(r->batch));

	if (n < 0)
		return pn_fail_errno(err, PN_ERR_SYSTEM, "trace: cannot be read");
	r->taken += (uint64_t)n;
	r->ended |= (size_t)n % sizeof(r->batch[0]) != 0;
	return (int)((size_t)n / sizeof(r->batch[0]));
}
