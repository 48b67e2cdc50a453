/* SPDX-License-Identifier: MIT */
/*
 * The end of a process that made a forbidden call: one line, then death by SIGSYS. The kernel has not
 * done the call and never will, whatever the handler does; and no call of the table can change the
 * handler, nor go on with SIGSYS blocked, as the kernel kills then.
 */
#include "error.h"
#include "sandbox/parts.h"
#include "sandbox/syscall_names.h"
#include "sandbox/table.h"

#include <linux/audit.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code of SIGSYS: from a filter */
#endif

/* A line that is put together without anything that a signal handler may not call. */
struct line {
	char text[240];
	size_t len;
};

static void say(struct line *l, const char *text)
{
	while (*text && l->len < sizeof(l->text))
		l->text[l->len++] = *text++;
}

static void say_number(struct line *l, uint64_t n, unsigned base)
{
	char digits[24], *at = digits + sizeof(digits);

	*--at = 0;
	do
		*--at = "0123456789abcdef"[n % base];
	while (n /= base);
	if (base == 16)
		say(l, "0x");
	say(l, at);
}

static const char *name_of(const siginfo_t *info)
{
	unsigned call = (unsigned)info->si_syscall;

	if (info->si_arch != AUDIT_ARCH_X86_64)
		return "of another ABI";
	if (call >= sizeof(syscall_names) / sizeof(syscall_names[0]) || !syscall_names[call])
		return "unknown";
	return syscall_names[call];
}

static void say_call(const siginfo_t *info, const greg_t *regs)
{
	struct line l = {.len = 0};

	say(&l, "penumbra: the sandbox forbids the system call ");
	say(&l, name_of(info));
	say(&l, " (");
	say_number(&l, (unsigned)info->si_syscall, 10);
	say(&l, "; ");
	say_number(&l, (uint64_t)regs[REG_RDI], 16);
	say(&l, ", ");
	say_number(&l, (uint64_t)regs[REG_RSI], 16);
	say(&l, "): a fault in Penumbra or an attack on it; --no-sandbox runs without\n");
	(void)!write(STDERR_FILENO, l.text, l.len);
}

static void on_forbidden(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	/* Else somebody has sent it; that ends us as well. */
	if (info->si_code == SYS_SECCOMP)
		say_call(info, ((const ucontext_t *)context)->uc_mcontext.gregs);
	syscall(SANDBOX_KILL_CALL);
	_exit(128 + SIGSYS);
}

int killed_install(struct pn_error *err)
{
	struct sigaction action = {.sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO};
	sigset_t own;

	sigemptyset(&own);
	sigaddset(&own, SIGSYS);
	if (sigaction(SIGSYS, &action, NULL) || sigprocmask(SIG_UNBLOCK, &own, NULL))
		return part_failed(err, "handler of SIGSYS");
	return PN_OK;
}
