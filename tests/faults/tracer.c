/* SPDX-License-Identifier: MIT */
#include "faults/tracer.h"

#include "faults/calls.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OPTIONS                                                                                 \
	(PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXIT)

struct tracer {
	struct fault_run *r;
	const struct fault *fault;
	pid_t pid;	/* the program's; others are its children, which are let alone */
	uint64_t entry; /* its first instruction of its own */
	long word;	/* what was there before the breakpoint */
	bool counting;
	pid_t failing;	 /* a thread whose call is to fail when it has been made */
	bool open[1024]; /* descriptors it was started with */
};

/* What the watchdog kills. */
static volatile pid_t watched;
static volatile sig_atomic_t barked;

static void on_bark(int signal)
{
	int saved = errno;

	(void)signal;
	barked = 1;
	if (watched)
		kill(watched, SIGKILL);
	errno = saved;
}

/* Every call that is not exempt stops for the tracer. */
static int trace_calls(void)
{
	struct sock_filter code[64] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	struct sock_fprog program = {.filter = code};
	unsigned n = 1;

	for (size_t i = 0; i < calls_exempt_count; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (unsigned)calls_exempt[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	program.len = (unsigned short)n;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int open_stdout(const struct fault_program *p, int kept)
{
	int ends[2];

	if (!p->stdout_path)
		return kept;
	if (strcmp(p->stdout_path, "|") != 0)
		return open(p->stdout_path, O_WRONLY);
	if (pipe(ends))
		return -1;
	close(ends[0]);
	return ends[1];
}

/* In the child. */
_Noreturn static void become(const struct fault_program *p, int out, int err)
{
	const struct rlimit memory = {p->memory, p->memory}, files = {p->files, p->files};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	out = open_stdout(p, out);
	if (out < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(122);
	for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (p->no_stdin)
		close(STDIN_FILENO);
	if (p->ignores_pipe)
		signal(SIGPIPE, SIG_IGN);
	if (p->files)
		setrlimit(RLIMIT_NOFILE, &files);
	if (p->memory)
		setrlimit(RLIMIT_AS, &memory);
	/* The leak sanitizer wants to trace the process itself. */
	putenv((char *)(uintptr_t) "ASAN_OPTIONS=detect_leaks=0");
	if (p->environment)
		putenv((char *)(uintptr_t)p->environment);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(122);
	raise(SIGSTOP);
	if (trace_calls())
		_exit(122);
	execv(p->argv[0], (char *const *)(uintptr_t)p->argv);
	_exit(122);
}

static uint64_t entry_of(pid_t pid)
{
	char path[32];
	Elf64_auxv_t a;
	uint64_t entry = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	f = fopen(path, "re");
	while (f && fread(&a, sizeof(a), 1, f) == 1 && a.a_type != AT_NULL)
		if (a.a_type == AT_ENTRY)
			entry = a.a_un.a_val;
	if (f)
		fclose(f);
	return entry;
}

static void plant(struct tracer *t)
{
	t->entry = entry_of(t->pid);
	t->word = ptrace(PTRACE_PEEKTEXT, t->pid, t->entry, 0);
	ptrace(PTRACE_POKETEXT, t->pid, t->entry, (t->word & ~0xffL) | 0xcc);
}

/* Calls `look` with the number of each descriptor of the program. */
static void each_descriptor(struct tracer *t, void (*look)(struct tracer *t, unsigned fd))
{
	struct dirent *e;
	char path[32];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)t->pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (*e->d_name != '.')
			look(t, (unsigned)strtoul(e->d_name, NULL, 10));
	if (d)
		closedir(d);
}

static void note_open(struct tracer *t, unsigned fd)
{
	if (fd < 1024)
		t->open[fd] = true;
}

static void add_left(struct fault_run *r, const char *what)
{
	size_t used = strlen(r->left);

	snprintf(r->left + used, sizeof(r->left) - used, "%s\n", what);
}

static void note_left(struct tracer *t, unsigned fd)
{
	char path[48], name[200], line[240];
	ssize_t n;

	if (fd < 1024 && t->open[fd])
		return;
	snprintf(path, sizeof(path), "/proc/%d/fd/%u", (int)t->pid, fd);
	n = readlink(path, name, sizeof(name) - 1);
	name[n < 0 ? 0 : n] = 0;
	snprintf(line, sizeof(line), "descriptor %u: %s", fd, name);
	add_left(t->r, line);
}

/* Guest memory and vCPUs that are still mapped; how much is anonymous. */
static void note_mappings(struct tracer *t)
{
	char path[32], line[512], kind[5];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)t->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long from, to, inode;
		int at = 0;

		if (sscanf(line, "%lx-%lx %4s %*s %*s %lu %n", &from, &to, kind, &inode, &at) != 4)
			continue;
		line[strcspn(line, "\n")] = 0;
		if (!line[at])
			t->r->anonymous += to - from;
		else if (strstr(line + at, "memfd:") || strstr(line + at, "anon_inode:"))
			add_left(t->r, line);
	}
	if (f)
		fclose(f);
}

static struct fault_calls *calls_of(struct fault_run *r, const char *label, int error)
{
	struct fault_calls *c = r->label_calls;

	for (unsigned i = 0; i < r->labels; i++)
		if (strcmp(c[i].label, label) == 0)
			return &c[i];
	if (r->labels == FAULT_LABELS)
		return &c[FAULT_LABELS - 1];
	c = &c[r->labels++];
	strcpy(c->label, label);
	c->error = error;
	return c;
}

/* Whether this is the call that the fault is for. */
static bool is_due(struct tracer *t, const struct fault_calls *c)
{
	const struct fault *f = t->fault;
	unsigned count = f->label ? c->count : t->r->calls;

	if (f->act == FAULT_NONE || (f->label && strcmp(f->label, c->label) != 0))
		return false;
	return f->onwards ? count >= f->nth : count == f->nth;
}

/* Returns the request by which the thread is to go on. */
static int act(struct tracer *t, pid_t tid, struct user_regs_struct *regs)
{
	switch (t->fault->act) {
	case FAULT_ERROR:
		if (regs->orig_rax == SYS_close) {
			t->failing = tid;
			return PTRACE_SYSCALL;
		}
		regs->orig_rax = (unsigned long long)-1;
		regs->rax = (unsigned long long)-t->fault->value;
		ptrace(PTRACE_SETREGS, tid, 0, regs);
		break;
	case FAULT_SHORT:
		if (calls_can_be_short(regs))
			regs->rdx = 1;
		ptrace(PTRACE_SETREGS, tid, 0, regs);
		break;
	case FAULT_SIGNAL: kill(t->pid, t->fault->value); break;
	case FAULT_NONE: break;
	}
	return PTRACE_CONT;
}

static int on_call(struct tracer *t, pid_t tid)
{
	struct user_regs_struct regs;
	char label[FAULT_LABEL];
	struct fault_calls *c;
	int error;

	if (!t->counting || ptrace(PTRACE_GETREGS, tid, 0, &regs))
		return PTRACE_CONT;
	error = calls_label(tid, &regs, label, sizeof(label));
	/* A build that counts lines writes its counts: not the program's own. */
	if (strstr(label, ".gcda"))
		return PTRACE_CONT;
	c = calls_of(t->r, label, error);
	c->count++;
	t->r->calls++;
	if (!is_due(t, c))
		return PTRACE_CONT;
	if (!t->r->hit)
		strcpy(t->r->label, label);
	t->r->hit = true;
	return act(t, tid, &regs);
}

/* The close that was to fail has been made. */
static void fail_made(struct tracer *t, pid_t tid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, tid, 0, &regs) == 0) {
		regs.rax = (unsigned long long)-t->fault->value;
		ptrace(PTRACE_SETREGS, tid, 0, &regs);
	}
	t->failing = 0;
}

/* The loader is done. */
static bool on_entry(struct tracer *t, pid_t tid)
{
	struct user_regs_struct regs;

	if (t->counting || tid != t->pid || ptrace(PTRACE_GETREGS, tid, 0, &regs) ||
	    regs.rip != t->entry + 1)
		return false;
	ptrace(PTRACE_POKETEXT, tid, t->entry, t->word);
	regs.rip = t->entry;
	ptrace(PTRACE_SETREGS, tid, 0, &regs);
	each_descriptor(t, note_open);
	t->counting = true;
	return true;
}

/* Lets a thread that has stopped go on. */
static void go_on(struct tracer *t, pid_t tid, int status)
{
	bool own = syscall(SYS_tgkill, t->pid, tid, 0) == 0;
	int signal = WSTOPSIG(status), request = PTRACE_CONT;

	switch (status >> 16) {
	case PTRACE_EVENT_SECCOMP:
		request = own ? on_call(t, tid) : PTRACE_CONT;
		signal = 0;
		break;
	case PTRACE_EVENT_EXEC:
		if (tid == t->pid && !t->entry)
			plant(t);
		signal = 0;
		break;
	case PTRACE_EVENT_EXIT:
		if (tid == t->pid) {
			each_descriptor(t, note_left);
			note_mappings(t);
		}
		signal = 0;
		break;
	case 0:
		if (signal == SIGTRAP && t->failing == tid) {
			fail_made(t, tid);
			signal = 0;
		} else if (signal == SIGSTOP || (signal == SIGTRAP && on_entry(t, tid))) {
			signal = 0;
		}
		break;
	default: signal = 0;
	}
	ptrace((enum __ptrace_request)request, tid, 0, signal);
}

static void follow(struct tracer *t)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (tid < 0)
			continue;
		if (WIFSTOPPED(status)) {
			go_on(t, tid, status);
			continue;
		}
		if (tid != t->pid)
			continue;
		watched = 0;
		t->r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
	}
}

static size_t collect(int fd, char text[FAULT_OUTPUT])
{
	ssize_t n = pread(fd, text, FAULT_OUTPUT - 1, 0);

	close(fd);
	text[n < 0 ? 0 : n] = 0;
	return n < 0 ? 0 : (size_t)n;
}

int fault_run(struct fault_run *r, const struct fault_program *program, const struct fault *fault)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM};
	struct itimerspec limit = {.it_value.tv_sec = (time_t)program->seconds,
				   .it_interval.tv_sec = 1};
	struct tracer t = {.r = r, .fault = fault};
	int out = memfd_create("stdout", MFD_CLOEXEC), err = memfd_create("stderr", MFD_CLOEXEC);
	const struct sigaction action = {.sa_handler = on_bark};
	timer_t timer;
	int status;

	memset(r, 0, sizeof(*r));
	t.pid = fork();
	if (t.pid < 0)
		return errno;
	if (t.pid == 0)
		become(program, out, err);
	if (waitpid(t.pid, &status, __WALL) != t.pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, t.pid, 0, OPTIONS)) {
		kill(t.pid, SIGKILL);
		waitpid(t.pid, &status, __WALL);
		return EPERM;
	}
	barked = 0;
	watched = t.pid;
	sigaction(SIGVTALRM, &action, NULL);
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	timer_settime(timer, 0, &limit, NULL);
	ptrace(PTRACE_CONT, t.pid, 0, 0);
	follow(&t);
	timer_delete(timer);
	r->late = barked;
	r->out_len = collect(out, r->out);
	r->err_len = collect(err, r->err);
	return 0;
}
