/* SPDX-License-Identifier: MIT */
/*
 * Source uffd. RAM is registered with a userfaultfd; whoever touches a page that the memfd does not
 * have yet sleeps until the thread here has filled it with zeros, which is what the page would have
 * held anyhow. The thread touches no guest memory itself, so it cannot wait for itself, and it lives
 * until RAM is registered no more, so nobody waits for it in vain.
 */
#include "sources/uffd.h"

#include "clock.h"
#include "error.h"
#include "kvm/probe_kernel.h"
#include "memory/ram.h"
#include "sources/thread.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RING_BITS 16
#define MESSAGES  16 /* read at a time */

struct uffd {
	const struct source_context *context;
	struct trace_ring *ring;
	struct source_thread thread;
	int fd;
	uint64_t page; /* bytes of a page of RAM */
	void *zeros;   /* a page of them, where the kernel has no way to make one; else NULL */
};

static struct uffdio_range whole(const struct uffd *u)
{
	return (struct uffdio_range){.start = (uintptr_t)u->context->ram->hva,
				     .len = u->context->ram->size};
}

/* From now on the kernel fills pages by itself; who waits goes on. */
static void let_go(const struct uffd *u)
{
	struct uffdio_range range = whole(u);

	ioctl(u->fd, UFFDIO_UNREGISTER, &range);
}

/* Fills the page at `hva` and wakes who waits for it. Returns 0 or an errno. */
static int fill(const struct uffd *u, uint64_t hva)
{
	struct uffdio_zeropage zero = {.range = {.start = hva, .len = u->page}};
	struct uffdio_copy copy = {
		.dst = hva, .src = (uintptr_t)u->zeros, .len = u->page, .mode = 0};
	int code;

	do
		code = u->zeros ? ioctl(u->fd, UFFDIO_COPY, &copy)
				: ioctl(u->fd, UFFDIO_ZEROPAGE, &zero);
	while (code && errno == EAGAIN);
	return code ? errno : 0;
}

static gpa_t gpa_of(const struct ram *ram, uint64_t hva)
{
	uint64_t offset = hva - (uintptr_t)ram->hva;
	struct ram_part p = ram_part(ram, 0);

	if (offset >= p.size)
		p = ram_part(ram, 1);
	return p.gpa + (offset - p.offset);
}

static void record(const struct uffd *u, uint64_t hva, bool write, uint64_t begin_ns)
{
	const struct source_context *c = u->context;
	uint64_t cost = clock_ns() - begin_ns;
	const struct pn_trace_record r = {
		.time = begin_ns - c->start_ns,
		.type = PN_TRACE_SECOND_FAULT,
		.source = PN_SOURCE_UFFD,
		.mode = (uint8_t)atomic_load(&c->vcpu->mode),
		.address = gpa_of(c->ram, hva),
		.error = write ? 2 : 0,
		.value = {u->page},
		.cost = cost < UINT32_MAX ? (uint32_t)cost : UINT32_MAX,
	};

	if (c->types & 1u << PN_TRACE_SECOND_FAULT)
		trace_ring_put(u->ring, &r);
}

static void resolve(const struct uffd *u, const struct uffd_msg *message, uint64_t begin_ns)
{
	uint64_t hva = message->arg.pagefault.address & ~(u->page - 1);
	struct uffdio_range page = {.start = hva, .len = u->page};

	if (message->event != UFFD_EVENT_PAGEFAULT)
		return;
	switch (fill(u, hva)) {
	case 0:
		record(u, hva, message->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE, begin_ns);
		break;
	/* Two touched it at once: the other's event has filled it. */
	case EEXIST: ioctl(u->fd, UFFDIO_WAKE, &page); break;
	/* There is no memory. What comes of that is to come as it would without this source; the
	 * trace says that it is not all. */
	default:
		trace_ring_drop(u->ring);
		let_go(u);
		break;
	}
}

static void *run(void *arg)
{
	const struct uffd *u = arg;
	struct uffd_msg message[MESSAGES];
	ssize_t n;

	while (source_thread_wait(&u->thread, u->fd, -1)) {
		trace_ring_promise(u->ring, clock_ns() - u->context->start_ns);
		while ((n = read(u->fd, message, sizeof(message))) > 0)
			for (size_t i = 0; i < (size_t)n / sizeof(message[0]); i++)
				resolve(u, &message[i], clock_ns());
		trace_ring_promise(u->ring, UINT64_MAX);
	}
	return NULL;
}

/* Opens a userfaultfd that is good for shared memory, or for huge pages of it. */
static int open_uffd(bool huge, int *fd, struct pn_error *err)
{
	struct uffdio_api api = {.api = UFFD_API,
				 .features = huge ? UFFD_FEATURE_MISSING_HUGETLBFS
						  : UFFD_FEATURE_MISSING_SHMEM};
	enum probe_userfaultfd how;

	*fd = probe_userfaultfd_open(&how);
	if (how == PROBE_UFFD_ABSENT)
		return pn_fail(err, PN_ERR_HOST_LACKS, "this kernel has no userfaultfd");
	if (*fd < 0)
		return pn_fail(err, PN_ERR_HOST_LACKS,
			       "this user gets no userfaultfd that sees KVM's accesses: run as "
			       "root, or sysctl vm.unprivileged_userfaultfd=1");
	if (ioctl(*fd, UFFDIO_API, &api) == 0)
		return PN_OK;
	pn_fail_errno(err, PN_ERR_HOST_LACKS, "this kernel's userfaultfd has nothing for %s",
		      huge ? "huge pages" : "shared memory");
	close(*fd);
	*fd = -1;
	return PN_ERR_HOST_LACKS;
}

static int check(struct pn_error *err)
{
	int fd, code = open_uffd(false, &fd, err);

	if (!code)
		close(fd);
	return code;
}

/* Every touch from here on is seen; the thread runs already. */
static int watch(struct uffd *u, struct pn_error *err)
{
	struct uffdio_register all = {.range = whole(u), .mode = UFFDIO_REGISTER_MODE_MISSING};

	if (ioctl(u->fd, UFFDIO_REGISTER, &all) == 0)
		return PN_OK;
	return pn_fail_errno(err, PN_ERR_HOST_LACKS, "guest RAM in a userfaultfd");
}

/* Huge pages can only be copied, from a page of zeros. */
static int make_zeros(struct uffd *u, struct pn_error *err)
{
	struct stat st;

	if (fstat(u->context->ram->fd, &st))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "guest RAM");
	u->page = (uint64_t)st.st_blksize;
	if (u->page == PAGE_SIZE)
		return PN_OK;
	u->zeros = mmap(NULL, u->page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (u->zeros != MAP_FAILED)
		return PN_OK;
	u->zeros = NULL;
	return pn_fail_errno(err, PN_ERR_NOMEM, "a page of zeros");
}

static void release(struct uffd *u)
{
	if (u->fd >= 0)
		close(u->fd);
	if (u->zeros)
		munmap(u->zeros, u->page);
	free(u);
}

static int open_source(const struct source_context *c, void **state, struct pn_error *err)
{
	struct uffd *u = calloc(1, sizeof(*u));
	int code;

	if (!u)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	*u = (struct uffd){.context = c, .fd = -1};
	code = make_zeros(u, err);
	if (!code)
		code = open_uffd(u->zeros != NULL, &u->fd, err);
	if (!code) {
		u->ring = trace_stream_ring(c->stream, RING_BITS);
		if (!u->ring)
			code = pn_fail(err, PN_ERR_NOMEM, "out of memory for its events");
	}
	if (!code)
		code = source_thread_open(&u->thread, err);
	if (code) {
		release(u);
		return code;
	}
	*state = u;
	return PN_OK;
}

static int start(void *state, struct pn_error *err)
{
	struct uffd *u = state;
	int code = source_thread_start(&u->thread, run, u, err);

	return code ? code : watch(u, err);
}

static void stop(void *state)
{
	struct uffd *u = state;

	let_go(u);
	source_thread_stop(&u->thread);
	release(u);
}

const struct source_ops source_uffd = {
	.name = "uffd",
	.source = PN_SOURCE_UFFD,
	.sees = "the first touch of each page of guest RAM, and how long it took to fill",
	.check = check,
	.open = open_source,
	.start = start,
	.stop = stop,
};
