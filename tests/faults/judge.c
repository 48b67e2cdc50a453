/* SPDX-License-Identifier: MIT */
#include "faults/judge.h"

#include "cli/cli.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/*
 * Calls whose failure may go unnoticed, and why. What is not here must be told of. `label` is the
 * beginning of a label.
 */
static const struct {
	const char *label;
	unsigned from; /* the first of that label for which it holds; 0: all */
	bool shows;    /* what is printed may be another; the status may not */
	const char *why;
} unnoticed[] = {
	{"close", 0, false, "nothing was to be written any more, or the trace's writer has looked"},
	{"access /sys/module/", 0, true, "which module it is only tunes: what it can do is found"},
	{"openat /sys/module/", 0, true, "the same"},
	{"read /sys/module/", 0, true, "the same"},
	{"fstatat /sys/module/", 0, true, "the same"},
	{"openat /proc/cpuinfo", 0, true, "levels of the host's walk that are not known are so"},
	{"read /proc/cpuinfo", 0, true, "the same"},
	{"fstatat /proc/cpuinfo", 0, true, "stdio, again"},
	{"ioctl KVM_GET_TSC_KHZ", 0, false, "a rate of 0 says that the host does not tell"},
	{"ioctl KVM_GET_STATS_FD", 0, true, "--stats has none of the kernel's own then"},
	{"pread anon_inode:kvm-", 0, true, "the same; a sample is left out"},
	{"ioctl TCGETS", 0, false, "not a terminal, then"},
	{"setitimer", 2, false, "to turn off what has just been turned on"},
	{"timer_settime", 0, true, "no arguments but wrong ones make it fail; the mode stays"},
	{"rt_sigtimedwait", 0, false, "the signal that it is to take away need not be there"},
	{"ioctl KVM_GET_DEVICE_ATTR", 0, false, "the guest's clock is found out in another way"},
	{"read anon_inode:[userfaultfd]", 0, false, "the thread looks again"},
	{"ioctl UFFDIO_UNREGISTER", 0, false, "the descriptor is closed next"},
	{"pread /tmp/penumbra-faults-", 0, true, "a summary is without its tenths, as of a pipe"},
	{"allocation", 0, false, "libc does without, as without a buffer"},
	{"openat /dev/urandom", 0, false, "jansson has other seeds"},
	{"read /dev/urandom", 0, false, "the same"},
	{"mmap anonymous", 0, false, "malloc takes memory elsewhere"},
	{"sysinfo", 0, false, "qsort asks how much memory it may take"},
	{"nanosleep", 0, false, "a pause"},
	{"poll", 0, false, "the thread looks again"},
	{"fstatat", 2, false, "libelf and stdio ask again, to be sure, or to be fast"},
	{"fstatat /memfd:stdout", 0, false, "stdio asks how much to write at once"},
	{"fstatat /tmp/penumbra-faults.out", 0, false, "the same"},
	{"fstatat /tmp/penumbra-faults-", 0, true, "for the progress and the tenths"},
	{"openat /proc/self/smaps", 0, true, "the size of the host's page is said to be unknown"},
	{"read /proc/N/smaps", 0, true, "the same"},
	{"fstatat /proc/N/smaps", 0, true, "stdio, again"},
	{"lseek /proc/N/smaps", 0, true, "stdio, at the end of it"},
	{"userfaultfd", 0, false, "another way to get one"},
	{"prctl 24", 10, false, "EINVAL is how the kernel tells of the last capability it has"},
	{"ioctl KVM_CHECK_EXTENSION 10", 3, false, "of a host that is only looked at"},
	{"ioctl KVM_GET_SREGS", 2, false, "break looks for the #PF handler again at the next exit"},
	{"seccomp", 0, true, "what the kernel has is asked for; what it has not, --stats tells"},
};

/* Failures that are told in other words than those of errno. */
static const struct {
	const char *label;
	const char *why;
} reworded[] = {
	{"ioctl KVM_CHECK_EXTENSION", "an error is a no"},
	{"mmap anonymous", "pthread_create makes EAGAIN of it"},
	{"mprotect", "the same"},
	{"clone", "the same, or posix_spawn's own"},
	{"seccomp", "libseccomp has words of its own"},
	{"allocation", "out of memory, or what libc makes of it"},
	{"access", "it is looked for in two places"},
	{"write /memfd:stdout", "of a buffer before the last the number is gone"},
	{"write /tmp/penumbra-faults.out", "the same"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool begins(const char *label, const char *with)
{
	return strncmp(label, with, strlen(with)) == 0;
}

/* `same`: in what it printed, too. */
static bool may_go_unnoticed(const struct command *command, const struct fault *f,
			     const char *label, bool same)
{
	/* Half a transfer, or one to be made again, is no failure. */
	if ((f->act != FAULT_ERROR || f->value == EINTR) && same)
		return true;
	/* An example does not look at what it prints. */
	if (command->foreign && begins(label, "write"))
		return true;
	for (size_t i = 0; i < COUNT(unnoticed); i++)
		if (begins(label, unnoticed[i].label) && f->nth >= unnoticed[i].from &&
		    (same || unnoticed[i].shows))
			return true;
	return false;
}

bool judge_may_show(const char *label)
{
	for (size_t i = 0; i < COUNT(unnoticed); i++)
		if (begins(label, unnoticed[i].label) && unnoticed[i].shows)
			return true;
	return false;
}

static bool may_be_reworded(const struct fault *f, const char *label)
{
	if (f->act != FAULT_ERROR)
		return true;
	for (size_t i = 0; i < COUNT(reworded); i++)
		if (begins(label, reworded[i].label))
			return true;
	return false;
}

/* The same on standard output. */
static bool is_same(const struct command *command, const struct fault_run *a,
		    const struct fault_run *b)
{
	return command->varies ||
	       (a->out_len == b->out_len && memcmp(a->out, b->out, a->out_len) == 0);
}

#define OURS "penumbra: "

/* Lines on standard error that are Penumbra's own, and not the guest's, statistics or a trace; of a
 * program that is not ours all are. `last`: the last of them. */
static unsigned own_lines(const struct command *command, const char *text, char *last, size_t size)
{
	unsigned n = 0;

	*last = 0;
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (command->foreign || begins(text, OURS)) {
			snprintf(last, size, "%.*s", (int)length, text);
			n++;
		}
		text += length + (text[length] == '\n');
	}
	return n;
}

/* What the line has to name: the request of an ioctl. */
static const char *object_of(const char *label)
{
	return begins(label, "ioctl KVM_") ? label + 6 : "";
}

static bool is_clean(const struct fault_run *plain, const struct fault_run *run, char *why,
		     size_t size)
{
	static const char *const reports[] = {"Sanitizer", "runtime error:", "Assertion",
					      "terminated"};

	if (run->late)
		snprintf(why, size, "it did not end");
	else if (run->status >= 1000)
		snprintf(why, size, "ended by signal %d", run->status - 1000);
	else if (*run->left)
		snprintf(why, size, "left: %.300s", run->left);
	else if (run->anonymous > plain->anonymous + 65536)
		snprintf(why, size, "%lu KiB more are mapped at the end than without a fault",
			 (run->anonymous - plain->anonymous) >> 10);
	else
		*why = 0;
	for (size_t i = 0; !*why && i < COUNT(reports); i++)
		if (strstr(run->err, reports[i]))
			snprintf(why, size, "it said: %.300s", run->err);
	return !*why;
}

/* Whether two values have the same members, of the same types. Of lists the first ones. */
static bool same_shape(const json_t *a, const json_t *b)
{
	const char *name;
	json_t *member;

	if (json_typeof(a) != json_typeof(b))
		return json_is_boolean(a) && json_is_boolean(b);
	if (json_is_array(a) && json_array_size(a) && json_array_size(b))
		return same_shape(json_array_get(a, 0), json_array_get(b, 0));
	if (!json_is_object(a))
		return true;
	json_object_foreach((json_t *)(uintptr_t)a, name, member)
	{
		const json_t *other = json_object_get(b, name);

		/* A page of the host's that cannot be asked for is said to be unknown. */
		if (other && json_is_null(other) && strcmp(name, "host_page") == 0)
			continue;
		if (!other || !same_shape(member, other))
			return false;
	}
	return json_object_size(a) == json_object_size(b);
}

/* The object that a run has printed is whole. */
static bool json_is_right(const struct fault_run *plain, const struct fault_run *run)
{
	json_t *a = json_loads(plain->out, 0, NULL), *b = json_loads(run->out, 0, NULL);
	bool right = a && b && same_shape(a, b);

	json_decref(a);
	json_decref(b);
	return right;
}

bool judge(const struct command *command, const struct fault_run *plain, const struct fault *fault,
	   const struct fault_run *run, char *why, size_t size)
{
	char line[600], other[600];
	unsigned before = own_lines(command, plain->err, other, sizeof(other));
	unsigned after = own_lines(command, run->err, line, sizeof(line));

	*why = 0;
	if (!is_clean(plain, run, why, size))
		return false;
	if (command->json && run->status <= 1 && !json_is_right(plain, run)) {
		snprintf(why, size, "status %d, and not the whole of its JSON: \"%.100s\"",
			 run->status, run->out);
		return false;
	}
	if (command->finds && run->status <= 1 && !run->err_len && run->out_len)
		return true;
	/* Nothing can be told there any more. */
	if (begins(run->label, "write /memfd:stderr"))
		return run->status == plain->status || run->status == CLI_FAILED;
	/* The rest of the trace is there, and how much is not. */
	if (begins(run->label, "ioctl UFFDIO_ZEROPAGE") && !run->status && after == before + 1 &&
	    strstr(line, "lost"))
		return true;
	if (run->status == plain->status && after == before &&
	    (!run->status || strcmp(line, other) == 0)) {
		if (!may_go_unnoticed(command, fault, run->label, is_same(command, plain, run)))
			snprintf(why, size, "it went unnoticed");
		return !*why;
	}
	/* The trace's own reader and writer make such a transfer again; libelf and stdio do not. */
	if ((fault->act == FAULT_SHORT || fault->value == EINTR) &&
	    strstr(run->label, " /tmp/penumbra-faults") && !strstr(run->label, ".out")) {
		snprintf(why, size, "it was not made again: %s", line);
		return false;
	}
	if (run->status != CLI_FAILED && run->status != CLI_HOST_LACKS &&
	    run->status != command->extra)
		snprintf(why, size, "status %d: %s", run->status, line);
	else if ((after != before + !plain->status && !(command->says && after == 1)) ||
		 (!plain->err_len && strchr(run->err, '\n')[1]))
		snprintf(why, size, "status %d, and not one line: \"%.400s\"", run->status,
			 run->err);
	else if (!may_be_reworded(fault, run->label) && !strstr(line, strerror(fault->value)))
		snprintf(why, size, "no \"%s\" in \"%s\"", strerror(fault->value), line);
	else if (!may_be_reworded(fault, run->label) && !strstr(line, object_of(run->label)) &&
		 !command->foreign)
		snprintf(why, size, "no %s in \"%s\"", object_of(run->label), line);
	return !*why;
}
