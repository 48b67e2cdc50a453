/* SPDX-License-Identifier: MIT */
/*
 * The sandbox's filter: what docs/security.md promises of it, each by behaviour. Forbidden calls are made
 * by sandbox-call, which goes there as `penumbra run` does.
 */
#include "fixture.h"
#include "groups.h"
#include "process.h"
#include "sandbox/sandbox.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLER "build/tests/guests/sandbox-call"
#define KILLED (1000 + SIGSYS)

static struct process process, *const p = &process;

static void call(const char *part, const char *name)
{
	process_run_other(p, CALLER, (const char *const[]){part, name, NULL});
}

static void need_seccomp(void)
{
	skip_without(CALLER);
	if (!sandbox_has_seccomp()) {
		print_message("skipped: this kernel has no seccomp filters\n");
		skip();
	}
}

static void expect_killed(const char *name, const char *call_name)
{
	char says[80];

	snprintf(says, sizeof(says), "the sandbox forbids the system call %s (", call_name);
	expect_failure(p, name, KILLED, says);
	CHECK_CONTAINS(name, p->err, "--no-sandbox runs without");
	CHECK_NUMBER(name, "output", p->out_len, 0);
}

/* Holes of a build with sanitizers, or that counts lines. */
static bool is_hole(const char *name)
{
	static const char *const holes[] = {"openat", "open",  "readlink", "getdents64",
					    "fcntl",  "clone", "ptrace",   "prctl"};

	for (size_t i = 0; sandbox_weakness() && i < COUNT(holes); i++)
		if (strcmp(holes[i], name) == 0)
			return true;
	return false;
}

static void a_forbidden_call_kills_and_is_named(void **state)
{
	static const char *const names[] = {
		/* files */
		"openat",
		"open",
		"openat2",
		"creat",
		"mkdirat",
		"unlinkat",
		"rename",
		"stat",
		"access",
		"readlink",
		"chmod",
		"chroot",
		"mount",
		"getdents64",
		/* programs, processes, threads */
		"execve",
		"execveat",
		"fork",
		"vfork",
		"clone",
		"clone3",
		"ptrace",
		"process_vm_readv",
		"kill",
		"tgkill",
		"tkill",
		"rt_sigqueueinfo",
		"pidfd_open",
		/* descriptors and the network */
		"socket",
		"connect",
		"sendto",
		"ioctl",
		"dup",
		"fcntl",
		"pipe2",
		"eventfd2",
		"userfaultfd",
		"perf_event_open",
		"bpf",
		"io_uring_setup",
		/* code */
		"mmap",
		"mprotect",
		"pkey_mprotect",
		"remap_file_pages",
		"personality",
		/* the sandbox itself, and privileges */
		"rt_sigaction",
		"seccomp",
		"prctl",
		"setuid",
		"capset",
		"unshare",
		"setns",
		"keyctl",
		"shmget",
		"setrlimit",
		"reboot",
	};

	(void)state;
	need_seccomp();
	for (size_t i = 0; i < COUNT(names); i++) {
		if (is_hole(names[i]))
			continue;
		call("all", names[i]);
		expect_killed(names[i], names[i]);
	}
}

static void an_ioctl_is_let_through_by_its_request(void **state)
{
	static const char *const names[] = {"KVM_CREATE_VM",	   "KVM_CREATE_VCPU",
					    "KVM_SET_CPUID2",	   "KVM_CREATE_DEVICE",
					    "KVM_SET_GUEST_DEBUG", "TIOCGWINSZ"};

	(void)state;
	need_seccomp();
	for (size_t i = 0; i < COUNT(names); i++) {
		call("all", names[i]);
		expect_killed(names[i], "ioctl");
	}
}

/* Its numbers mean other calls. It dies without a line: there is no name to it. */
static void a_call_of_another_abi_kills(void **state)
{
	(void)state;
	need_seccomp();
	call("all", "int80");
	assert_int_equal(p->status, KILLED);
	assert_int_equal(p->out_len, 0);
}

static void a_call_of_the_table_is_made(void **state)
{
	(void)state;
	need_seccomp();
	call("all", "getpid");
	assert_int_equal(p->status, 0);
	assert_string_equal(p->out, "done\n");
	/* stdio asks with it what a descriptor is, and with it alone a path could be asked about. */
	call("all", "newfstatat");
	assert_int_equal(p->status, 0);
	assert_string_equal(p->out, "errno 9\n");
}

/* Those of a trace, in which all signals but SIGSYS are blocked. */
static void the_filter_holds_for_threads_that_there_are(void **state)
{
	(void)state;
	need_seccomp();
	call("thread", "mkdirat");
	expect_killed("mkdirat", "mkdirat");
	call("thread", "gettid");
	assert_string_equal(p->out, "done\n");
}

/* Without the filter: what the other parts do by themselves. */
static void landlock_closes_files_and_network_by_itself(void **state)
{
	int abi = sandbox_landlock_abi();

	(void)state;
	skip_without(CALLER);
	if (!abi || sandbox_weakness()) {
		print_message("skipped: %s\n",
			      abi ? sandbox_weakness() : "this kernel has no Landlock");
		skip();
	}
	call("privileges", "openat");
	assert_string_equal(p->out, "errno 13\n");
	call("privileges", "mkdirat");
	assert_string_equal(p->out, "errno 13\n");
	call("privileges", "execve");
	assert_string_equal(p->out, "errno 13\n");
	if (abi >= 4) {
		call("privileges", "socket");
		assert_string_equal(p->out, "errno 13\n");
	}
	call("privileges", "getpid");
	assert_string_equal(p->out, "done\n");
}

static void a_sandbox_that_cannot_be_had_is_a_refusal(void **state)
{
	(void)state;
	skip_without(CALLER);
	process_run_other(p, CALLER, (const char *const[]){"descriptors", NULL});
	expect_failure(p, "descriptors", 125, "sandbox: /proc/self/fd: ");
	CHECK_CONTAINS("descriptors", p->err, "--no-sandbox runs without");
	process_run_other(p, CALLER, (const char *const[]){"user", NULL});
	expect_failure(p, "user", 125, "--user=1:1: only root may change the user");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_forbidden_call_kills_and_is_named),
	cmocka_unit_test(an_ioctl_is_let_through_by_its_request),
	cmocka_unit_test(a_call_of_another_abi_kills),
	cmocka_unit_test(a_call_of_the_table_is_made),
	cmocka_unit_test(the_filter_holds_for_threads_that_there_are),
	cmocka_unit_test(landlock_closes_files_and_network_by_itself),
	cmocka_unit_test(a_sandbox_that_cannot_be_had_is_a_refusal),
};

GROUP_OF(sandbox, tests);
