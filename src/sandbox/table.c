/* SPDX-License-Identifier: MIT */
/*
 * The system calls that are left to a process that runs a guest, and why each. There is none that
 * takes a path, makes a descriptor out of nothing but memory, starts a program, a process or a thread,
 * or reaches another process. Memory can be made, but none that can be executed.
 */
#include "sandbox/table.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define REQUEST(request)	      .call = SYS_ioctl, .if_ = {RULE_IS, 1, request}
#define CALL(name)		      .call = SYS_##name
#define CALL_IF(name, n, test, value) .call = SYS_##name, .if_ = {RULE_##test, n, value}

const struct rule sandbox_rules[] = {
	/* The vCPU, in either mode and from one to the other. */
	{REQUEST(KVM_RUN), .reason = "runs the guest"},
	{REQUEST(KVM_GET_REGS), .reason = "registers: to change the mode, to report"},
	{REQUEST(KVM_SET_REGS), .reason = "the same"},
	{REQUEST(KVM_GET_SREGS), .reason = "the same"},
	{REQUEST(KVM_SET_SREGS), .reason = "the same"},
	{REQUEST(KVM_GET_MSRS), .reason = "MSRs: to change the mode; RDMSR in shadow mode"},
	{REQUEST(KVM_SET_MSRS), .reason = "the same; WRMSR"},
	{REQUEST(KVM_GET_DEBUGREGS), .reason = "debug registers: to change the mode"},
	{REQUEST(KVM_SET_DEBUGREGS), .reason = "the same"},
	{REQUEST(KVM_GET_XCRS), .reason = "XCR0: XGETBV in shadow mode"},
	{REQUEST(KVM_SET_XCRS), .reason = "XSETBV in shadow mode"},
	{REQUEST(KVM_GET_XSAVE), .reason = "PKRU"},
	{REQUEST(KVM_SET_XSAVE), .reason = "PKRU"},
	{REQUEST(KVM_GET_VCPU_EVENTS), .reason = "pending exceptions: to change the mode"},
	{REQUEST(KVM_SET_VCPU_EVENTS), .reason = "the same"},
	{REQUEST(KVM_SET_USER_MEMORY_REGION), .reason = "the first change to shadow mode"},
	{REQUEST(KVM_CHECK_EXTENSION), .reason = "what the host can do, on that way"},
	{REQUEST(KVM_GET_STATS_FD), .reason = "statistics after the run"},

	/* Memory. */
	{CALL(brk), .reason = "malloc"},
	{CALL_IF(mmap, 2, LACKS, PROT_EXEC), .reason = "malloc; the first change to shadow mode"},
	{CALL_IF(mprotect, 2, LACKS, PROT_EXEC), .reason = "malloc in threads"},
	{CALL(munmap), .reason = "free; the end of the machine"},
	{CALL(mremap), .reason = "realloc"},
	{CALL_IF(madvise, 2, IS, MADV_DONTNEED), .reason = "free; the end of a thread"},
	{CALL(memfd_create), .reason = "memory of shadow mode, a KVM slot"},
	{CALL(ftruncate), .reason = "its size"},
	{CALL(sysinfo), .reason = "qsort asks how much memory it may take"},
	{CALL(sched_getaffinity), .reason = "malloc in threads asks for the number of processors"},

	/* Descriptors that are open. */
	{CALL(read), .reason = "events of a trace's sources"},
	{CALL(pread64), .reason = "KVM's statistics"},
	{CALL(write), .reason = "console, report, trace, statistics"},
	{CALL(lseek), .reason = "stdio"},
	{CALL(close), .reason = "the end of the machine"},
	{CALL(poll), .reason = "the sources' threads wait"},
	{REQUEST(TCGETS), .reason = "isatty: the end of a cut line, buffering"},
	{CALL(newfstatat), .error = EBADF, .reason = "stdio's fstat; it takes a path, so it fails"},
	{CALL(fstat), .reason = "the same in other C libraries"},

	/* Second-dimension faults (--trace-source=uffd). */
	{REQUEST(UFFDIO_ZEROPAGE), .reason = "fills a page of guest RAM"},
	{REQUEST(UFFDIO_COPY), .reason = "fills a huge page of it"},
	{REQUEST(UFFDIO_WAKE), .reason = "wakes who waits for one"},
	{REQUEST(UFFDIO_UNREGISTER), .reason = "the source's end"},

	/* The host's tracepoints (--trace-source=kernel). */
	{CALL(wait4), .reason = "the child that removes tracefs's instance ends"},

	/* Time and signals. */
	{CALL(rt_sigreturn), .reason = "the end of a signal handler"},
	{CALL_IF(rt_sigaction, 0, NOT, SIGSYS), .reason = "signals of the run, set and set back"},
	{CALL(rt_sigprocmask), .reason = "the same"},
	{CALL_IF(tgkill, 0, SELF, 0), .reason = "kicks the vCPU's thread out of KVM_RUN"},
	{CALL(getpid), .reason = "on that way"},
	{CALL(gettid), .reason = "a timer names the thread it kicks"},
	{CALL(timer_create), .reason = "--toggle-every=Nms; a kick that is to come soon"},
	{CALL(timer_settime), .reason = "the same"},
	{CALL(timer_delete), .reason = "the same"},
	{CALL(setitimer), .reason = "--timeout"},
	{CALL(nanosleep), .reason = "the threads that write and read traces wait"},
	{CALL(clock_nanosleep), .reason = "the same"},
	{CALL(clock_gettime), .reason = "the clock, where the vDSO has none"},
	{CALL(restart_syscall), .reason = "a wait goes on after a signal"},

	/* Threads that there are, and the end. */
	{CALL(futex), .reason = "locks; the end of a thread is waited for"},
	{CALL(set_robust_list), .reason = "a thread just made has not come so far"},
	{CALL(rseq), .reason = "the same"},
	{CALL(exit), .reason = "the end of a thread"},
	{CALL(exit_group), .reason = "the end"},
#ifdef SANDBOX_INSTRUMENTED

	/* Holes (sandbox_weakness()). */
	{CALL(openat), .reason = "gcov's counts; sanitizers read /proc/self"},
	{CALL(open), .reason = "the same"},
	{CALL(readlink), .reason = "the same"},
	{CALL(getdents64), .reason = "the same"},
	{CALL(getdents), .reason = "the same"},
	{CALL(fcntl), .reason = "gcov locks its files"},
	{CALL(clone), .reason = "the leak checker's look at all threads"},
	{CALL(ptrace), .reason = "the same"},
	{CALL(getppid), .reason = "the same"},
	{CALL(prctl), .reason = "the same"},
	{CALL(sigaltstack), .reason = "the same"},
	{CALL(sched_yield), .reason = "the same"},
	{CALL(gettimeofday), .reason = "clocks of sanitizers"},
	{CALL(getrlimit), .reason = "where stacks are"},
	{CALL(prlimit64), .reason = "the same"},
	{CALL_IF(madvise, 2, NOT, MADV_DONTNEED), .reason = "sanitizers' own memory"},
#endif
};

const size_t sandbox_rules_count = sizeof(sandbox_rules) / sizeof(sandbox_rules[0]);
