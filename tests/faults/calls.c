/* SPDX-License-Identifier: MIT */
#include "faults/calls.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * F_GETFD fails only for a descriptor that is not open. munmap fails only for arguments that are wrong;
 * so do rt_sigaction and its like. futex has no failure that glibc would live through. What
 * brk refuses malloc takes by mmap.
 */
const int calls_exempt[] = {
	SYS_fcntl,
	SYS_exit,
	SYS_exit_group,
	SYS_futex,
	SYS_rt_sigprocmask,
	SYS_rt_sigaction,
	SYS_rt_sigreturn,
	SYS_sched_yield,
	SYS_brk,
	SYS_munmap,
	SYS_madvise,
	SYS_getpid,
	SYS_gettid,
	SYS_getuid,
	SYS_set_robust_list,
	SYS_rseq,
	SYS_arch_prctl,
	SYS_set_tid_address,
	SYS_prlimit64,
	SYS_clock_gettime,
	SYS_gettimeofday,
	SYS_restart_syscall,
	SYS_getrandom,
	SYS_tgkill,
	SYS_timer_delete,
	SYS_execve,
	SYS_sigaltstack,
	SYS_getppid,
};
const size_t calls_exempt_count = sizeof(calls_exempt) / sizeof(calls_exempt[0]);

/* Which argument says what a call is about. */
enum about { NOTHING, NUMBER_1, PATH_1, PATH_2, FD_1, FD_5, REQUEST };

static const struct call {
	int number;
	const char *name;
	int error;
	enum about about;
} calls[] = {
	{SYS_openat, "openat", EMFILE, PATH_2},
	{SYS_open, "open", EMFILE, PATH_1},
	{SYS_close, "close", EIO, FD_1},
	{SYS_read, "read", EIO, FD_1},
	{SYS_pread64, "pread", EIO, FD_1},
	{SYS_write, "write", ENOSPC, FD_1},
	{SYS_writev, "writev", ENOSPC, FD_1},
	{SYS_pwrite64, "pwrite", ENOSPC, FD_1},
	{SYS_lseek, "lseek", EINVAL, FD_1},
	{SYS_fstat, "fstat", EIO, FD_1},
	{SYS_newfstatat, "fstatat", EIO, PATH_2},
	{SYS_stat, "stat", EIO, PATH_1},
	{SYS_access, "access", EACCES, PATH_1},
	{SYS_readlink, "readlink", EACCES, PATH_1},
	{SYS_mkdir, "mkdir", ENOSPC, PATH_1},
	{SYS_rmdir, "rmdir", EBUSY, PATH_1},
	{SYS_unlink, "unlink", EBUSY, PATH_1},
	{SYS_rename, "rename", ENOSPC, PATH_1},
	{SYS_mount, "mount", EPERM, PATH_2},
	{SYS_getdents64, "getdents", EIO, FD_1},
	{SYS_ftruncate, "ftruncate", ENOSPC, FD_1},
	{SYS_fallocate, "fallocate", ENOSPC, FD_1},
	{SYS_fsync, "fsync", EIO, FD_1},
	{SYS_fdatasync, "fdatasync", EIO, FD_1},
	{SYS_splice, "splice", EINVAL, FD_1},
	{SYS_ioctl, "ioctl", ENOMEM, REQUEST},
	{SYS_mmap, "mmap", ENOMEM, FD_5},
	{SYS_mprotect, "mprotect", ENOMEM, NOTHING},
	{SYS_memfd_create, "memfd_create", EMFILE, PATH_1},
	{SYS_clone, "clone", EAGAIN, NOTHING},
	{SYS_clone3, "clone3", EAGAIN, NOTHING},
	{SYS_vfork, "vfork", EAGAIN, NOTHING},
	{SYS_wait4, "wait4", EINTR, NOTHING},
	{SYS_timer_create, "timer_create", EAGAIN, NOTHING},
	{SYS_timer_settime, "timer_settime", EINVAL, NOTHING},
	{SYS_setitimer, "setitimer", EINVAL, NOTHING},
	{SYS_eventfd2, "eventfd", EMFILE, NOTHING},
	{SYS_pipe2, "pipe", EMFILE, NOTHING},
	{SYS_dup, "dup", EMFILE, FD_1},
	{SYS_poll, "poll", ENOMEM, NOTHING},
	{SYS_pselect6, "select", ENOMEM, NOTHING},
	{SYS_nanosleep, "nanosleep", EINTR, NOTHING},
	{SYS_clock_nanosleep, "nanosleep", EINTR, NOTHING},
	{SYS_userfaultfd, "userfaultfd", EPERM, NOTHING},
	{SYS_getcwd, "getcwd", EACCES, NOTHING},
	{SYS_uname, "uname", EFAULT, NOTHING},
	{SYS_sysinfo, "sysinfo", EFAULT, NOTHING},
	{SYS_prctl, "prctl", EINVAL, NUMBER_1},
	{SYS_seccomp, "seccomp", EINVAL, NOTHING},
	{SYS_sched_getaffinity, "sched_getaffinity", EINVAL, NOTHING},
	{SYS_rt_sigtimedwait, "rt_sigtimedwait", EAGAIN, NOTHING},
	{SYS_socket, "socket", EMFILE, NOTHING},
	{SYS_connect, "connect", EACCES, FD_1},
	{SYS_getgroups, "getgroups", EINVAL, NOTHING},
	{SYS_statfs, "statfs", EIO, PATH_1},
	{SYS_dup2, "dup2", EMFILE, FD_1},
	{SYS_sched_setaffinity, "sched_setaffinity", EINVAL, NOTHING},
};

#define REQUEST_NAME(name)  \
	{                   \
		name, #name \
	}

static const struct {
	unsigned long request;
	const char *name;
} requests[] = {
	REQUEST_NAME(TCGETS),
	REQUEST_NAME(KVM_GET_API_VERSION),
	REQUEST_NAME(KVM_CREATE_VM),
	REQUEST_NAME(KVM_CHECK_EXTENSION),
	REQUEST_NAME(KVM_GET_VCPU_MMAP_SIZE),
	REQUEST_NAME(KVM_GET_SUPPORTED_CPUID),
	REQUEST_NAME(KVM_SET_USER_MEMORY_REGION),
	REQUEST_NAME(KVM_SET_TSS_ADDR),
	REQUEST_NAME(KVM_CREATE_VCPU),
	REQUEST_NAME(KVM_SET_CPUID2),
	REQUEST_NAME(KVM_RUN),
	REQUEST_NAME(KVM_GET_REGS),
	REQUEST_NAME(KVM_SET_REGS),
	REQUEST_NAME(KVM_GET_SREGS),
	REQUEST_NAME(KVM_SET_SREGS),
	REQUEST_NAME(KVM_GET_MSRS),
	REQUEST_NAME(KVM_SET_MSRS),
	REQUEST_NAME(KVM_GET_FPU),
	REQUEST_NAME(KVM_SET_FPU),
	REQUEST_NAME(KVM_GET_XSAVE),
	REQUEST_NAME(KVM_SET_XSAVE),
	REQUEST_NAME(KVM_GET_XCRS),
	REQUEST_NAME(KVM_SET_XCRS),
	REQUEST_NAME(KVM_GET_DEBUGREGS),
	REQUEST_NAME(KVM_SET_DEBUGREGS),
	REQUEST_NAME(KVM_SET_GUEST_DEBUG),
	REQUEST_NAME(KVM_GET_VCPU_EVENTS),
	REQUEST_NAME(KVM_SET_VCPU_EVENTS),
	REQUEST_NAME(KVM_GET_TSC_KHZ),
	REQUEST_NAME(KVM_TRANSLATE),
	REQUEST_NAME(KVM_INTERRUPT),
	REQUEST_NAME(KVM_NMI),
	REQUEST_NAME(KVM_ENABLE_CAP),
	REQUEST_NAME(KVM_GET_DIRTY_LOG),
	REQUEST_NAME(KVM_GET_STATS_FD),
	REQUEST_NAME(KVM_SET_SIGNAL_MASK),
	REQUEST_NAME(KVM_GET_DEVICE_ATTR),
	REQUEST_NAME(KVM_SET_TSC_KHZ),
	REQUEST_NAME(UFFDIO_API),
	REQUEST_NAME(UFFDIO_REGISTER),
	REQUEST_NAME(UFFDIO_UNREGISTER),
	REQUEST_NAME(UFFDIO_COPY),
	REQUEST_NAME(UFFDIO_ZEROPAGE),
	REQUEST_NAME(UFFDIO_CONTINUE),
	REQUEST_NAME(UFFDIO_WAKE),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A string of the tracee's, or "?". */
static void peek_text(pid_t tid, uint64_t address, char *text, size_t size)
{
	size_t done = 0;

	/* Not past the end of a page: what is behind need not be there. */
	while (done < size - 1) {
		size_t page = 4096 - ((address + done) & 4095);
		size_t part = size - 1 - done < page ? size - 1 - done : page;
		struct iovec to = {text + done, part};
		struct iovec from = {(void *)(uintptr_t)(address + done), part};

		if (process_vm_readv(tid, &to, 1, &from, 1, 0) != (ssize_t)part)
			break;
		if (memchr(text + done, 0, part))
			return;
		done += part;
	}
	text[done] = 0;
	if (!done)
		snprintf(text, size, "?");
}

static void name_descriptor(pid_t tid, int fd, char *text, size_t size)
{
	char link[64], *end;
	ssize_t n;

	if (fd < 0) {
		snprintf(text, size, "anonymous");
		return;
	}
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)tid, fd);
	n = readlink(link, text, size - 1);
	text[n < 0 ? 0 : n] = 0;
	if (n < 0)
		snprintf(text, size, "closed");
	end = strstr(text, " (deleted)");
	if (end)
		*end = 0;
}

static void name_request(unsigned long request, unsigned long argument, char *text, size_t size)
{
	for (size_t i = 0; i < COUNT(requests); i++) {
		if ((unsigned)requests[i].request != (unsigned)request)
			continue;
		if (request == KVM_CHECK_EXTENSION)
			snprintf(text, size, "KVM_CHECK_EXTENSION %lu", argument);
		else
			snprintf(text, size, "%s", requests[i].name);
		return;
	}
	snprintf(text, size, "0x%lx", request);
}

/* A number of at least four digits becomes N. */
static void forget_numbers(char *text)
{
	char *to = text;

	while (*text) {
		size_t digits = strspn(text, "0123456789");

		if (digits >= 4) {
			*to++ = 'N';
			text += digits;
			continue;
		}
		digits += !digits;
		memmove(to, text, digits);
		to += digits;
		text += digits;
	}
	*to = 0;
}

static const struct call *find(long number)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

int calls_label(pid_t tid, const struct user_regs_struct *regs, char *label, size_t size)
{
	const struct call *c = find((long)regs->orig_rax);
	char about[PATH_MAX] = "";

	if (!c) {
		snprintf(label, size, "call %lld", (long long)regs->orig_rax);
		return EIO;
	}
	switch (c->about) {
	case NOTHING: break;
	case NUMBER_1: snprintf(about, sizeof(about), "%llu", regs->rdi); break;
	case PATH_1: peek_text(tid, regs->rdi, about, sizeof(about)); break;
	case PATH_2:
		peek_text(tid, regs->rsi, about, sizeof(about));
		if (!*about)
			name_descriptor(tid, (int)regs->rdi, about, sizeof(about));
		break;
	case FD_1: name_descriptor(tid, (int)regs->rdi, about, sizeof(about)); break;
	case FD_5: name_descriptor(tid, (int)regs->r8, about, sizeof(about)); break;
	case REQUEST: name_request(regs->rsi, regs->rdx, about, sizeof(about)); break;
	}
	forget_numbers(about);
	snprintf(label, size, "%s%s%.*s", c->name, *about ? " " : "", (int)size - 40, about);
	return c->error;
}

bool calls_can_be_short(const struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_read:
	case SYS_pread64:
	case SYS_write:
	case SYS_pwrite64: return regs->rdx > 1;
	default: return false;
	}
}

static const struct {
	int number;
	const char *name;
} errors[] = {
	{EPERM, "EPERM"},   {ENOENT, "ENOENT"}, {EINTR, "EINTR"},   {EIO, "EIO"},
	{ENXIO, "ENXIO"},   {EBADF, "EBADF"},	{EAGAIN, "EAGAIN"}, {ENOMEM, "ENOMEM"},
	{EACCES, "EACCES"}, {EFAULT, "EFAULT"}, {EBUSY, "EBUSY"},   {EEXIST, "EEXIST"},
	{ENODEV, "ENODEV"}, {EINVAL, "EINVAL"}, {EMFILE, "EMFILE"}, {ENFILE, "ENFILE"},
	{EFBIG, "EFBIG"},   {ENOSPC, "ENOSPC"}, {EPIPE, "EPIPE"},   {ENOSYS, "ENOSYS"},
	{EROFS, "EROFS"},   {ENOTTY, "ENOTTY"}, {EDQUOT, "EDQUOT"},
};

const char *calls_error_name(int error)
{
	for (size_t i = 0; i < COUNT(errors); i++)
		if (errors[i].number == error)
			return errors[i].name;
	return "?";
}

int calls_error_number(const char *name)
{
	for (size_t i = 0; i < COUNT(errors); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	return 0;
}
