/* SPDX-License-Identifier: MIT */
/*
 * sandbox-call PART CALL: goes into the sandbox and makes one system call there, as a process would that
 * a guest has taken over. PART: all; privileges (all but the filter of system calls); thread (all, and a
 * thread of a trace makes the call). Prints what the call gave: "done" or "errno N".
 * Or sandbox-call PART alone: prints the error of going there, PART being descriptors (none is left to
 * go on with) or user (a change of user, by one who may not).
 */
#include "sandbox/sandbox.h"
#include "sources/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

static long call_open(void)
{
	return open("/dev/null", O_RDONLY);
}

static long call_mkdir(void)
{
	return mkdirat(AT_FDCWD, "/tmp/penumbra-sandbox-call", 0700);
}

static long call_connect(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(9),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? fd : connect(fd, (const struct sockaddr *)&to, sizeof(to));
}

static long call_mmap(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static char page[8192];

static long call_mprotect(void)
{
	return mprotect((void *)(((uintptr_t)page + 4095) & ~(uintptr_t)4095), 4096,
			PROT_READ | PROT_WRITE | PROT_EXEC);
}

/* getpid by the 32-bit table: another number, another ABI. */
static long call_int80(void)
{
	long result = 20;

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return result;
}

/* A call by its number alone: arguments of 0, but for the first two. */
#define NUMBER(call, first, second)                                                               \
	{                                                                                         \
		.name = #call, .number = SYS_##call, .argument = {(long)(first), (long)(second) } \
	}
#define MADE_BY(call, function)                   \
	{                                         \
		.name = #call, .make = (function) \
	}

static const struct call {
	const char *name;
	long (*make)(void);
	long number, argument[2];
} calls[] = {
	MADE_BY(openat, call_open),
	MADE_BY(mkdirat, call_mkdir),
	MADE_BY(socket, call_connect),
	MADE_BY(mmap, call_mmap),
	MADE_BY(mprotect, call_mprotect),
	NUMBER(rt_sigaction, SIGSYS, page),
	MADE_BY(int80, call_int80),
	NUMBER(open, "/dev/null", O_RDONLY),
	NUMBER(openat2, AT_FDCWD, "/dev/null"),
	NUMBER(creat, "/tmp/penumbra-sandbox-call", 0600),
	NUMBER(unlinkat, AT_FDCWD, "/tmp/penumbra-sandbox-call"),
	NUMBER(rename, "/tmp/penumbra-sandbox-call", "/tmp/penumbra-sandbox-other"),
	NUMBER(newfstatat, AT_FDCWD, "/dev/null"),
	NUMBER(stat, "/dev/null", page),
	NUMBER(access, "/dev/null", R_OK),
	NUMBER(readlink, "/proc/self/exe", page),
	NUMBER(chmod, "/tmp/penumbra-sandbox-call", 0777),
	NUMBER(chroot, "/", 0),
	NUMBER(mount, "none", "/tmp"),
	NUMBER(getdents64, 0, page),
	NUMBER(execve, "/bin/sh", NULL),
	NUMBER(execveat, AT_FDCWD, "/bin/sh"),
	NUMBER(fork, 0, 0),
	NUMBER(vfork, 0, 0),
	NUMBER(clone, SIGCHLD, 0),
	NUMBER(clone3, page, 88),
	NUMBER(ptrace, 0, 0),
	NUMBER(process_vm_readv, 1, page),
	NUMBER(kill, 1, 0),
	NUMBER(tgkill, 1, 1),
	NUMBER(tkill, 1, 0),
	NUMBER(rt_sigqueueinfo, 1, SIGCHLD),
	NUMBER(pidfd_open, 1, 0),
	NUMBER(connect, 0, page),
	NUMBER(sendto, 1, page),
	NUMBER(ioctl, STDERR_FILENO, TIOCSTI),
	NUMBER(dup, 1, 0),
	NUMBER(fcntl, 1, F_DUPFD),
	NUMBER(pipe2, page, 0),
	NUMBER(eventfd2, 0, 0),
	NUMBER(userfaultfd, 0, 0),
	NUMBER(perf_event_open, page, 0),
	NUMBER(bpf, 0, page),
	NUMBER(io_uring_setup, 1, page),
	NUMBER(seccomp, 1, 0),
	NUMBER(prctl, PR_GET_NO_NEW_PRIVS, 0),
	NUMBER(setuid, 0, 0),
	NUMBER(capset, page, page),
	NUMBER(unshare, 0, 0),
	NUMBER(setns, 0, 0),
	NUMBER(keyctl, 0, 0),
	NUMBER(personality, 0, 0),
	NUMBER(shmget, 0, 4096),
	NUMBER(pkey_mprotect, page, 4096),
	NUMBER(remap_file_pages, page, 4096),
	NUMBER(setrlimit, RLIMIT_CORE, page),
	NUMBER(reboot, 0, 0),
	/* What the table has and lets through. */
	NUMBER(getpid, 0, 0),
	NUMBER(gettid, 0, 0),
};

/* Requests that a VMM makes before its guest runs, and never after. */
static const struct {
	const char *name;
	unsigned long request;
} requests[] = {
	{"KVM_CREATE_VM", KVM_CREATE_VM},
	{"KVM_CREATE_VCPU", KVM_CREATE_VCPU},
	{"KVM_SET_CPUID2", KVM_SET_CPUID2},
	{"KVM_CREATE_DEVICE", KVM_CREATE_DEVICE},
	{"KVM_SET_GUEST_DEBUG", KVM_SET_GUEST_DEBUG},
	{"TIOCGWINSZ", TIOCGWINSZ},
};

static long make(const char *name)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (strcmp(requests[i].name, name) == 0)
			return ioctl(STDOUT_FILENO, requests[i].request, 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].make ? calls[i].make()
					     : syscall(calls[i].number, calls[i].argument[0],
						       calls[i].argument[1], 0, 0, 0, 0);
	fprintf(stderr, "sandbox-call: %s: no such call\n", name);
	return 0;
}

static void *make_it(void *arg)
{
	long result = make(arg);

	if (result < 0)
		dprintf(STDOUT_FILENO, "errno %d\n", errno);
	else
		dprintf(STDOUT_FILENO, "done\n");
	return NULL;
}

static struct source_thread thread;

/* Once it is told to end, that is, when the filter is there. */
static void *wait_and_make_it(void *arg)
{
	while (source_thread_wait(&thread, -1, -1))
		;
	return make_it(arg);
}

static int failed(const struct pn_error *err)
{
	fprintf(stderr, "penumbra: %s\n", err->text);
	return 125;
}

static int go(const char *part, char *call)
{
	struct sandbox_options options = {.off = false};
	bool threaded = strcmp(part, "thread") == 0;
	struct sandbox sandbox;
	struct pn_error err;

	if (sandbox_give_up(&sandbox, &options, &err))
		return failed(&err);
	if (threaded && (source_thread_open(&thread, &err) ||
			 source_thread_start(&thread, wait_and_make_it, call, &err)))
		return failed(&err);
	if (strcmp(part, "privileges") != 0 && sandbox_filter(&sandbox, &err))
		return failed(&err);
	if (threaded)
		source_thread_stop(&thread);
	else
		make_it(call);
	return 0;
}

static void refuse(const char *part)
{
	struct sandbox_options options = {.has_user = true, .uid = 1, .gid = 1};
	const struct rlimit three = {3, 3};
	struct sandbox sandbox;
	struct pn_error err;

	if (strcmp(part, "descriptors") == 0) {
		options.has_user = false;
		setrlimit(RLIMIT_NOFILE, &three);
	} else if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY)) {
		_exit(1);
	}
	/* Without the end's leak checker, which would have no descriptor either. */
	_exit(sandbox_enter(&sandbox, &options, &err) ? failed(&err) : 0);
}

int main(int argc, char **argv)
{
	if (argc == 2)
		refuse(argv[1]);
	return argc == 3 ? go(argv[1], argv[2]) : 1;
}
