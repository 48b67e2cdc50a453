/* SPDX-License-Identifier: MIT */
/*
 * An allocator that fails when it is told to, linked into a program beside its own objects. All that
 * allocates in the process comes here, libc and the libraries included: the program's malloc is
 * everyone's. Under the address sanitizer, which has a malloc of its own, only the program's own
 * calls come here, by ld's --wrap.
 *
 *     PENUMBRA_FAULTS_ALLOCATIONS=N[!][+],FILE
 *
 * fails the N-th allocation from the start of the program (with + that and all behind it; 0: none;
 * with ! only those are counted that the program itself asks for, and what is linked into it)
 * and writes to FILE at the end: how many allocations there were, how many blocks are left, and for
 * each of those its size and who asked for it, as an offset into the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OURS(name) __wrap_##name
#define REAL(name) __real_##name
#else
#define OURS(name) name
#define REAL(name) __libc_##name
void __libc_freeres(void);
#endif

void *OURS(malloc)(size_t size);
void *OURS(calloc)(size_t count, size_t size);
void *OURS(realloc)(void *block, size_t size);
void OURS(free)(void *block);
void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *block, size_t size);
void REAL(free)(void *block);

extern char __executable_start, etext;

/* Blocks that are in use, by address: a table with open addressing. */
#define BLOCKS (1u << 17)

static struct block {
	void *at; /* NULL: never used; GONE: no longer */
	size_t size;
	void *caller;
} blocks[BLOCKS];
#define GONE ((void *)1)

static atomic_flag lock = ATOMIC_FLAG_INIT;
static unsigned long count, fail_at;
static bool onwards, own;
static int report = -1;

static void take_lock(void)
{
	while (atomic_flag_test_and_set(&lock))
		;
}

static struct block *find(const void *at)
{
	unsigned i = (unsigned)((uintptr_t)at >> 4) * 2654435761u;

	for (unsigned n = 0; n < BLOCKS; n++, i++) {
		struct block *b = &blocks[i % BLOCKS];

		if (b->at == at || !b->at)
			return b;
	}
	return NULL;
}

static void add(void *at, size_t size, void *caller)
{
	unsigned i = (unsigned)((uintptr_t)at >> 4) * 2654435761u;

	if (!at || report < 0)
		return;
	take_lock();
	for (unsigned n = 0; n < BLOCKS; n++, i++) {
		struct block *b = &blocks[i % BLOCKS];

		if (b->at && b->at != GONE)
			continue;
		*b = (struct block){at, size, caller};
		break;
	}
	atomic_flag_clear(&lock);
}

static void drop(void *at)
{
	struct block *b;

	if (!at || report < 0)
		return;
	take_lock();
	b = find(at);
	if (b && b->at == at)
		b->at = GONE;
	atomic_flag_clear(&lock);
}

/* Whether this one is to fail. */
static bool fails(const void *caller)
{
	unsigned long n;

	if (report < 0 ||
	    (own && ((const char *)caller < &__executable_start || (const char *)caller >= &etext)))
		return false;
	take_lock();
	n = ++count;
	atomic_flag_clear(&lock);
	if (!fail_at || n < fail_at || (n > fail_at && !onwards))
		return false;
	errno = ENOMEM;
	return true;
}

void *OURS(malloc)(size_t size)
{
	void *at = fails(__builtin_return_address(0)) ? NULL : REAL(malloc)(size);

	add(at, size, __builtin_return_address(0));
	return at;
}

void *OURS(calloc)(size_t n, size_t size)
{
	void *at = fails(__builtin_return_address(0)) ? NULL : REAL(calloc)(n, size);

	add(at, n * size, __builtin_return_address(0));
	return at;
}

void *OURS(realloc)(void *block, size_t size)
{
	void *at;

	if (fails(__builtin_return_address(0)))
		return NULL;
	drop(block);
	at = REAL(realloc)(block, size);
	add(at ? at : block, size, __builtin_return_address(0));
	return at;
}

void OURS(free)(void *block)
{
	drop(block);
	REAL(free)(block);
}

__attribute__((constructor(101))) static void begin(void)
{
	const char *wish = getenv("PENUMBRA_FAULTS_ALLOCATIONS");
	char *end;

	if (!wish)
		return;
	fail_at = strtoul(wish, &end, 10);
	own = *end == '!';
	end += own;
	onwards = *end == '+';
	end += onwards;
	if (*end != ',')
		return;
	/* Now: in the sandbox no file can be opened. */
	report = open(end + 1, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (report < 0)
		_exit(121);
}

static void put(int fd, const char *text, int length)
{
	if (write(fd, text, (size_t)length) != length)
		_exit(121);
}

__attribute__((destructor(101))) static void end(void)
{
	const int fd = report;
	unsigned long left = 0;
	char line[96];

	if (fd < 0)
		return;
	fail_at = 0;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	/* What libc keeps for itself, as the buffers of standard output. */
	__libc_freeres();
#endif
	report = -1;
	for (unsigned i = 0; i < BLOCKS; i++)
		left += blocks[i].at && blocks[i].at != GONE;
	put(fd, line, snprintf(line, sizeof(line), "%lu %lu\n", count, left));
	for (unsigned i = 0; i < BLOCKS; i++)
		if (blocks[i].at && blocks[i].at != GONE)
			put(fd, line,
			    snprintf(line, sizeof(line), "%zu bytes by 0x%lx\n", blocks[i].size,
				     (unsigned long)((char *)blocks[i].caller -
						     &__executable_start)));
	close(fd);
}
