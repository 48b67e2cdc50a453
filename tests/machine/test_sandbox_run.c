/* SPDX-License-Identifier: MIT */
/* What a run in the sandbox holds still, as /proc tells: privileges, descriptors, the user. */
#include "fixture.h"
#include "groups.h"
#include "process.h"
#include "sandbox/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct process process, *const p = &process;

#define TRACE "/tmp/penumbra-sandbox.trace"

/* A guest that has said "ready" and runs on, traced by threads of all kinds. */
static void start_run(const char *option)
{
	const char *arguments[] = {"run",
				   "--timeout=100",
				   "--trace=" TRACE,
				   "--trace-source=guest,stats",
				   option,
				   SCRIPT,
				   "--",
				   "say",
				   "ready",
				   "spin",
				   NULL};

	process_start(p, NULL, arguments);
	process_await(p, "ready");
}

static void stop_run(void)
{
	kill(p->pid, SIGTERM);
	process_wait(p);
	unlink(TRACE);
	assert_int_equal(p->status, 128 + SIGTERM);
}

/* A line of a status file, from behind its name on; "" if there is none. */
static void read_field(const char *path, const char *name, char *value, size_t size)
{
	FILE *file = fopen(path, "re");
	char line[256];

	assert_non_null(file);
	*value = 0;
	while (!*value && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0) {
			line[strcspn(line, "\n")] = 0;
			snprintf(value, size, "%s",
				 line + strlen(name) + strspn(line + strlen(name), "\t "));
		}
	fclose(file);
}

static void expect_field(const char *path, const char *name, const char *wanted)
{
	char value[256];

	read_field(path, name, value, sizeof(value));
	if (strcmp(value, wanted) != 0)
		fail_msg("%s: %s \"%s\", and not \"%s\"", path, name, value, wanted);
}

/* Calls `check` with the status file of each thread; returns how many there are. */
static unsigned each_thread(void (*check)(const char *path))
{
	const struct dirent *entry;
	char path[300];
	unsigned count = 0;
	DIR *list;

	snprintf(path, sizeof(path), "/proc/%d/task", p->pid);
	list = opendir(path);
	assert_non_null(list);
	while ((entry = readdir(list)))
		if (entry->d_name[0] != '.') {
			snprintf(path, sizeof(path), "/proc/%d/task/%s/status", p->pid,
				 entry->d_name);
			check(path);
			count++;
		}
	closedir(list);
	return count;
}

static void expect_no_privileges(const char *path)
{
	static const char *const sets[] = {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"};

	expect_field(path, "NoNewPrivs:", "1");
	expect_field(path, "Seccomp:", sandbox_has_seccomp() ? "2" : "0");
	for (size_t i = 0; i < COUNT(sets); i++)
		expect_field(path, sets[i], "0000000000000000");
	if (geteuid() == 0)
		expect_field(path, "CapBnd:", "0000000000000000");
}

static void no_thread_of_a_run_has_a_privilege(void **state)
{
	char path[64];

	(void)state;
	start_run("--mmu=hw");
	/* vCPU, writer, guest's log, statistics; some kernels' KVM has one beside them. */
	assert_true(each_thread(expect_no_privileges) >= 4);
	snprintf(path, sizeof(path), "/proc/%d/limits", p->pid);
	expect_field(path, "Max core file size",
		     "0                    0                    bytes     ");
	stop_run();
}

static void expect_unfiltered(const char *path)
{
	expect_field(path, "Seccomp:", "0");
	expect_field(path, "NoNewPrivs:", "0");
}

static void without_the_sandbox_it_says_what_is_lost(void **state)
{
	(void)state;
	start_run("--no-sandbox");
	each_thread(expect_unfiltered);
	stop_run();
	CHECK_CONTAINS("--no-sandbox", p->err,
		       "penumbra: --no-sandbox: a guest that takes Penumbra over has all");
	RUN(p, "run", "--no-sandbox", SCRIPT);
	expect_failure(p, "--no-sandbox", 0, "files, network, programs");
	RUN(p, "run", SCRIPT);
	assert_string_equal(p->err, "");
	assert_int_equal(p->status, 0);
}

/* Descriptors of a run by where they lead. */
static const char *const known[] = {
	"/dev/null",
	"/memfd:stdout",
	"/memfd:stderr",
	"/dev/kvm",
	"anon_inode:kvm-vm",
	"anon_inode:kvm-vcpu",
	"anon_inode:kvm-vcpu-stats",
	"anon_inode:kvm-vm-stats",
	"/memfd:penumbra-ram",
	"anon_inode:[eventfd]",
	TRACE,
};

static bool is_known(const char *target)
{
	for (size_t i = 0; i < COUNT(known); i++)
		if (strncmp(target, known[i], strlen(known[i])) == 0)
			return true;
	return false;
}

static unsigned look_at_descriptors(void)
{
	char path[300], target[256];
	const struct dirent *entry;
	unsigned count = 0;
	DIR *list;

	snprintf(path, sizeof(path), "/proc/%d/fd", p->pid);
	list = opendir(path);
	if (!list)
		return 0;
	while ((entry = readdir(list))) {
		ssize_t len;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", p->pid, entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			break;
		target[len] = 0;
		count++;
		if (!is_known(target))
			fail_msg("descriptor %s of a run is %s", entry->d_name, target);
		if (strcmp(entry->d_name, "0") == 0)
			assert_string_equal(target, "/dev/null");
	}
	closedir(list);
	return count;
}

/* One of ours is handed on, as by a shell that is careless, and standard input. */
static void a_run_holds_only_its_own_descriptors(void **state)
{
	int secret = open("/proc/self/status", O_RDONLY | O_CLOEXEC), handed = dup2(secret, 77);
	int input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	unsigned count;

	(void)state;
	assert_int_equal(handed, 77);
	dup2(secret, STDIN_FILENO);
	start_run("--mmu=hw");
	close(handed);
	close(secret);
	dup2(input, STDIN_FILENO);
	close(input);
	count = look_at_descriptors();
	stop_run();
	if (!count) {
		print_message("skipped: only root may look at them\n");
		skip();
	}
	assert_true(count >= 10);
}

/* What the command line names is opened anew, as a shell's >(...) needs it. */
static void a_descriptor_that_is_named_serves(void **state)
{
	int fd = open(TRACE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), handed = dup2(fd, 78);
	struct stat st;

	(void)state;
	assert_int_equal(handed, 78);
	RUN(p, "run", "--stats-file=/dev/fd/78", SCRIPT);
	close(handed);
	assert_int_equal(p->status, 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	unlink(TRACE);
	assert_true(st.st_size > 1000);
}

static void expect_nobody(const char *path)
{
	expect_field(path, "Uid:", "65534\t65534\t65534\t65534");
	expect_field(path, "Gid:", "65533\t65533\t65533\t65533");
	expect_field(path, "Groups:", "");
}

static void another_user_runs_the_guest(void **state)
{
	const gid_t group = 1;

	(void)state;
	if (geteuid() != 0) {
		RUN(p, "run", "--user=65534:65533", SCRIPT);
		expect_failure(p, "--user", 125, "only root may change the user");
		return;
	}
	if (sandbox_weakness()) {
		print_message("skipped: %s, and gcov's files are root's\n", sandbox_weakness());
		skip();
	}
	syscall(SYS_setgroups, 1, &group);
	start_run("--user=65534:65533");
	syscall(SYS_setgroups, 0, NULL);
	each_thread(expect_nobody);
	each_thread(expect_no_privileges);
	stop_run();
}

static void a_user_that_is_none_is_refused(void **state)
{
	static const char *const users[] = {
		"",	      "nobody",	      "1:",
		":1",	      "1:2:3",	      "-1",
		"4294967295", "1:4294967295", "99999999999999999999999999"};
	char option[64];

	(void)state;
	for (size_t i = 0; i < COUNT(users); i++) {
		snprintf(option, sizeof(option), "--user=%s", users[i]);
		RUN(p, "run", option, SCRIPT);
		expect_failure(p, option, 125, "give numbers, UID or UID:GID");
	}
	RUN(p, "run", "--user=1", "--no-sandbox", SCRIPT);
	expect_failure(p, "both", 125, "give one");
}

static void explain_has_it_too(void **state)
{
	(void)state;
	process_start(p, NULL,
		      (const char *const[]){"explain", "--gva=start", "--timeout=100", SCRIPT, "--",
					    "say", "ready", "spin", NULL});
	for (unsigned i = 0; i < patience() * 100 && !strstr(p->err, "ready"); i++) {
		usleep(10000);
		p->err[pread(p->err_fd, p->err, sizeof(p->err) - 1, 0)] = 0;
	}
	assert_true(each_thread(expect_no_privileges) >= 1);
	kill(p->pid, SIGTERM);
	process_wait(p);
	assert_int_equal(p->status, 128 + SIGTERM);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(no_thread_of_a_run_has_a_privilege),
	cmocka_unit_test(without_the_sandbox_it_says_what_is_lost),
	cmocka_unit_test(a_run_holds_only_its_own_descriptors),
	cmocka_unit_test(a_descriptor_that_is_named_serves),
	cmocka_unit_test(another_user_runs_the_guest),
	cmocka_unit_test(a_user_that_is_none_is_refused),
	cmocka_unit_test(explain_has_it_too),
};

GROUP_ALONE_OF(sandbox_run, tests);
