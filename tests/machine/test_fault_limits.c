/* SPDX-License-Identifier: MIT */
/*
 * Hosts that have too little: a full disk, no room for RAM, no descriptors, a closed pipe, a /dev/kvm
 * that is not to be had. These are real, where the tracer only says so.
 */
#include "fault_commands.h"
#include "fixture.h"
#include "groups.h"
#include "process.h"
#include "sandbox/sandbox.h"

#include "faults/calls.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGELAB "build/guest/pagelab.elf"
#define SMALL	"/tmp/penumbra-faults-small"
#define BIG	"/tmp/penumbra-faults-big.pnt"

static struct fault_run r;

/* Runs build/penumbra under a limit, without a fault or with one. */
static void run_with(struct fault_program program, const struct fault *fault)
{
	static const struct fault none = {.act = FAULT_NONE};
	int code;

	program.seconds = patience();
	code = fault_run(&r, &program, fault ? fault : &none);
	if (code) {
		print_message("skipped: cannot trace here: %s\n", strerror(code));
		skip();
	}
}

#define ARGV(...) ((const char *const[]){PENUMBRA, __VA_ARGS__, NULL})

/* One line that says `says`, and the status. The guest of explain prints there as well, before. */
static void expect(const char *name, int status, const char *says)
{
	const char *line = strstr(r.err, "penumbra: ");
	const char *newline = line ? strchr(line, '\n') : NULL;

	if (r.status != status)
		fail_msg("%s: status %d, and not %d: %s", name, r.status, status, r.err);
	CHECK_CONTAINS(name, r.err, says);
	if (!newline || newline[1] || (line != r.err && strncmp(name, "explain", 7) != 0))
		fail_msg("%s: not one line: \"%s\"", name, r.err);
	if (*r.left)
		fail_msg("%s: left: %s", name, r.left);
}

static int mount_small(void **state)
{
	(void)state;
	mkdir(SMALL, 0700);
	if (mount("penumbra", SMALL, "tmpfs", 0, "size=64k") == 0)
		return 0;
	rmdir(SMALL);
	return 0;
}

static int unmount_small(void **state)
{
	(void)state;
	umount(SMALL);
	rmdir(SMALL);
	unlink(BIG);
	return 0;
}

static void a_full_disk_cuts_a_trace_and_nothing_else(void **state)
{
	char why[400] = "";

	(void)state;
	if (access(SMALL, F_OK) != 0) {
		print_message("skipped: a small file system cannot be mounted here\n");
		skip();
	}
	run_with((struct fault_program){.argv = ARGV("run", "--mmu=shadow", "--no-warnings",
						     "--trace=" SMALL "/t", PAGELAB, "--", "touch",
						     "pages=600")},
		 NULL);
	expect("a trace", 125, SMALL "/t: cannot be written: No space left on device");
	CHECK_CONTAINS("the guest's output", r.out, "touch");
	CHECK_TRUE("a trace", access(SMALL "/t", F_OK) == 0);
	if (!fault_trace_is_right(SMALL "/t", 125, why, sizeof(why)))
		fail_msg("%s", why);
	run_with((struct fault_program){.argv = ARGV("trace", "--summary", SMALL "/t")}, NULL);
	CHECK_NUMBER("its summary", "status", r.status, 0);
	CHECK_CONTAINS("its summary", r.out, "hidden");

	/* Outputs, where half of one is none. */
	run_with((struct fault_program){.argv = ARGV("run", "--mmu=shadow", "--no-warnings",
						     "--trace=" BIG, PAGELAB, "--", "touch",
						     "pages=600")},
		 NULL);
	CHECK_NUMBER("a trace elsewhere", "status", r.status, 0);
	unlink(SMALL "/t");
	run_with((struct fault_program){.argv = ARGV("trace", "--export=json",
						     "--output=" SMALL "/o", BIG)},
		 NULL);
	expect("--export", 125, SMALL "/o: cannot be written: No space left on device");
	CHECK_TRUE("--export", access(SMALL "/o", F_OK) != 0);
	run_with((struct fault_program){.argv = ARGV("trace", "--html=" SMALL "/o", BIG)}, NULL);
	expect("--html", 125, SMALL "/o: cannot be written: No space left on device");
	CHECK_TRUE("--html", access(SMALL "/o", F_OK) != 0);
}

/* What each command prints, to a device that takes nothing. */
static const char *const prints[][8] = {
	{"run", HELLO},
	{"trace", SHADOW},
	{"trace", "--summary", SHADOW},
	{"trace", "--summary", "--json", SHADOW},
	{"trace", "--export=json", SHADOW},
	{"trace", "--export=callgrind", SHADOW},
	{"trace", "--html=/dev/full", SHADOW},
	{"trace", "--output=/dev/full", SHADOW},
	{"trace", "diff", HW, SHADOW},
	{"trace", "diff", "--json", HW, SHADOW},
	{"run", "--trace=/dev/full", HELLO},
	{"run", "--stats-file=/dev/full", HELLO},
	{"explain", "--gva=0x100000", HELLO},
	{"explain", "--gva=0x100000", "--json", HELLO},
	{"explain", "--gva=0x100000", "--svg", HELLO},
	{"doctor"},
	{"doctor", "--json"},
	{"bench", "startup", "--rounds=1", "--json"},
	{"--help"},
	{"--version"},
	{"run", "--help"},
	{"trace", "--help"},
	{"explain", "--help"},
	{"doctor", "--help"},
	{"bench", "--help"},
	{"demo", "--help"},
};

/* A rig carries no yardstick for bench startup. */
static bool is_here(const char *const *arguments)
{
	return strcmp(arguments[0], "bench") != 0 || strcmp(arguments[1], "startup") != 0 ||
	       access("build/penumbra-bare", F_OK) == 0;
}

static void output_that_nothing_takes_is_125(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(prints); i++) {
		const char *argv[10] = {PENUMBRA};
		char name[100] = "";
		bool file = false;

		if (!is_here(prints[i]))
			continue;
		for (unsigned k = 0; prints[i][k]; k++) {
			argv[k + 1] = prints[i][k];
			snprintf(name + strlen(name), sizeof(name) - strlen(name), "%s ",
				 prints[i][k]);
			file |= strstr(prints[i][k], "=/dev/full") != NULL;
		}
		run_with((struct fault_program){.argv = argv,
						.stdout_path = file ? NULL : "/dev/full"},
			 NULL);
		expect(name, 125, "No space left on device");
	}
}

static void a_closed_pipe_ends_a_command(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(prints); i++) {
		const char *argv[10] = {PENUMBRA};
		bool file = false;

		if (!is_here(prints[i]))
			continue;
		for (unsigned k = 0; prints[i][k]; k++) {
			argv[k + 1] = prints[i][k];
			file |= strstr(prints[i][k], "=/dev/full") != NULL;
		}
		if (file)
			continue;
		run_with((struct fault_program){.argv = argv, .stdout_path = "|"}, NULL);
		CHECK_NUMBER(prints[i][0], "status", r.status, 1000 + SIGPIPE);
		run_with((struct fault_program){.argv = argv,
						.stdout_path = "|",
						.ignores_pipe = true},
			 NULL);
		expect(prints[i][0], 125, "standard output: Broken pipe");
	}
}

/* From where the program itself can be loaded up to where nothing is missing. */
static void too_little_address_space_is_a_line(void **state)
{
	const unsigned long step = repeats(6, 24);
	unsigned long mib;
	unsigned failed = 0;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	print_message("skipped: the address sanitizer needs more than any limit\n");
	skip();
#endif
	for (mib = 1; mib < 64; mib++) {
		run_with((struct fault_program){.argv = ARGV("--version"), .memory = mib << 20},
			 NULL);
		if (r.status == 0)
			break;
	}
	for (r.status = 125; r.status && mib < 400; mib += step) {
		run_with((struct fault_program){.argv = ARGV("run", "--mmu=shadow", "--no-warnings",
							     "--trace=" TRACE,
							     "--trace-source=guest,uffd", FAULT),
						.memory = mib << 20},
			 NULL);
		if (r.status == 0)
			break;
		/* pthread_create has EAGAIN for it. */
		expect("ulimit -v", 125,
		       strstr(r.err, "a thread for") ? "Resource temporarily unavailable"
						     : "memory");
		failed++;
	}
	unlink(TRACE);
	CHECK_NUMBER("enough", "status", r.status, 0);
	CHECK_TRUE("too little", failed > 3);
	run_with((struct fault_program){.argv = ARGV("run", "--mem=1T", HELLO),
					.memory = UINT64_C(1) << 30},
		 NULL);
	expect("--mem=1T", 125, "--mem");
}

static void too_few_descriptors_are_a_line(void **state)
{
	unsigned files;

	(void)state;
	if (sandbox_weakness()) {
		print_message("skipped: %s, and so gcov's lines of its own\n", sandbox_weakness());
		skip();
	}
	/* As many as the loader needs. */
	for (files = 4; files < 64; files++) {
		run_with(
			(struct fault_program){.argv = ARGV("run", "--mmu=shadow", "--trace=" TRACE,
							    "--trace-source=uffd,stats", FAULT),
					       .files = files},
			NULL);
		if (r.status == 0)
			break;
		if (r.status != 126)
			expect("ulimit -n", 125, "Too many open files");
		else
			expect("ulimit -n", 126, "");
	}
	unlink(TRACE);
	CHECK_TRUE("enough", r.status == 0 && files > 8);
}

static void a_kvm_that_is_not_to_be_had_is_126(void **state)
{
	static const struct {
		const char *call;
		int error;
		const char *says;
	} cases[] = {
		{"openat /dev/kvm", ENOENT, "load kvm_intel or kvm_amd"},
		{"openat /dev/kvm", ENODEV, "load kvm_intel or kvm_amd"},
		{"openat /dev/kvm", ENXIO, "load kvm_intel or kvm_amd"},
		{"openat /dev/kvm", EACCES, "penumbra doctor"},
		{"openat /dev/kvm", EPERM, "penumbra doctor"},
		{"openat /dev/kvm", EBUSY, "Device or resource busy"},
		{"ioctl KVM_CREATE_VM", EBUSY, "another hypervisor"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct fault f = {.act = FAULT_ERROR,
					.value = cases[i].error,
					.label = cases[i].call,
					.nth = 1};

		run_with((struct fault_program){.argv = ARGV("run", HELLO)}, &f);
		expect(calls_error_name(cases[i].error), 126, cases[i].says);
	}
}

static void huge_pages_that_are_not_there_are_126(void **state)
{
	const struct fault f = {
		.act = FAULT_ERROR, .value = ENOMEM, .label = "mmap /memfd:penumbra-ram", .nth = 1};

	(void)state;
	run_with((struct fault_program){.argv = ARGV("run", "--hugepages=2M", HELLO)}, &f);
	expect("--hugepages=2M", 126, "nr_hugepages");
}

/* Where not even /dev/null is: no file of the program's takes the place of a standard one. */
static void no_standard_input_and_no_null_device_is_a_line(void **state)
{
	const struct fault f = {
		.act = FAULT_ERROR, .value = ENOENT, .label = "openat /dev/null", .nth = 1};

	(void)state;
	run_with((struct fault_program){.argv = ARGV("run", HELLO), .no_stdin = true}, &f);
	CHECK_TRUE("/dev/null", r.hit);
	expect("/dev/null", 125, "/dev/null: cannot be opened: No such file");
	run_with((struct fault_program){.argv = ARGV("run", HELLO), .no_stdin = true}, NULL);
	CHECK_NUMBER("with it", "status", r.status, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(a_full_disk_cuts_a_trace_and_nothing_else, mount_small,
					unmount_small),
	cmocka_unit_test_setup_teardown(output_that_nothing_takes_is_125, fault_traces_make,
					fault_traces_remove),
	cmocka_unit_test_setup_teardown(a_closed_pipe_ends_a_command, fault_traces_make,
					fault_traces_remove),
	cmocka_unit_test(too_little_address_space_is_a_line),
	cmocka_unit_test(too_few_descriptors_are_a_line),
	cmocka_unit_test(a_kvm_that_is_not_to_be_had_is_126),
	cmocka_unit_test(huge_pages_that_are_not_there_are_126),
	cmocka_unit_test(no_standard_input_and_no_null_device_is_a_line),
};

GROUP_ALONE_OF(fault_limits, tests);
