/* SPDX-License-Identifier: MIT */
/* One virtual CPU: making it, running it, stopping it. */
#include "vcpu/vcpu.h"

#include "clock.h"
#include "error.h"
#include "kvm/vendor.h"
#include "vcpu/deprivileged/deprivileged.h"
#include "vcpu/mode.h"
#include "x86.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * Stopping without a race. A kick that arrives inside KVM_RUN brings it back; one that arrives just
 * before must keep it from starting, and that is what immediate_exit is for. Only the vCPU's own
 * thread writes it: the loop clears it, then looks at `stop`; the kick's handler sets it. Whoever
 * stops a vCPU sets `stop` first and kicks then, so one of the two looks always sees it.
 */
static _Thread_local struct vcpu *volatile kicked;

/* What a timer's kick says. */
enum { KICK_ONLY, KICK_TOGGLES };

static void on_kick(int signal, siginfo_t *info, void *context)
{
	struct vcpu *v = kicked;

	(void)signal;
	(void)context;
	if (!v)
		return;
	if (info->si_code == SI_TIMER && info->si_value.sival_int == KICK_TOGGLES)
		atomic_store(&v->wish, WISH_OTHER);
	v->run->immediate_exit = 1;
}

static int install_kick_handler(struct pn_error *err)
{
	/* A late kick must not disturb the caller's system calls; KVM_RUN never restarts. */
	struct sigaction action = {.sa_sigaction = on_kick, .sa_flags = SA_RESTART | SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	if (sigaction(PN_KICK_SIGNAL, &action, NULL))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "sigaction");
	return PN_OK;
}

int vcpu_create(struct vcpu *v, int vm, union kvm_cpuid_list *cpuid, struct pn_error *err)
{
	int code = install_kick_handler(err);

	if (code)
		return code;
	v->fd = kvm_vcpu_create(v->host, vm, 0, &v->run, err);
	if (v->fd < 0)
		return v->fd;
	if (ioctl(v->fd, KVM_SET_CPUID2, &cpuid->list)) {
		code = pn_fail_errno(err, PN_ERR_SYSTEM, "KVM_SET_CPUID2");
		vcpu_destroy(v);
		return code;
	}
	/*
	 * General registers come with every exit. The special ones are dear on kvm_intel, where
	 * each is a VMREAD; elsewhere they cost next to nothing, and kvm_amd would have lost them
	 * after a triple fault.
	 */
	v->host_regs = KVM_SYNC_X86_REGS;
	if (strcmp(kvm_vendor_module(), "kvm_intel") != 0)
		v->host_regs |= KVM_SYNC_X86_SREGS;
	v->wanted_regs = v->host_regs;
	return PN_OK;
}

void vcpu_destroy(struct vcpu *v)
{
	if (v->run)
		kvm_vcpu_close(v->host, v->fd, v->run);
	v->run = NULL;
	v->fd = -1;
}

enum vcpu_verdict vcpu_end(struct vcpu_end *end, enum pn_end how, const char *format, ...)
{
	va_list args;

	end->end = how;
	va_start(args, format);
	vsnprintf(end->reason, sizeof(end->reason), format, args);
	va_end(args);
	return VCPU_END;
}

/*
 * KVM_RUN came back with an error: a kick, guest memory that the host cannot give, or a failure of
 * KVM's own.
 */
static enum vcpu_verdict run_failed(struct vcpu *v, struct vcpu_end *end)
{
	struct kvm_memory_fault fault;

	switch (errno) {
	case EINTR:
	case EAGAIN: return VCPU_CONTINUE;
	case EFAULT:
	case EHWPOISON: break;
	default:
		end->failed = PN_ERR_SYSTEM;
		return vcpu_end(end, PN_END_DIED, "KVM_RUN: %s", strerror(errno));
	}
	if (v->run->exit_reason != KVM_EXIT_MEMORY_FAULT)
		return vcpu_end(end, PN_END_DIED,
				"guest memory that the host cannot give, near RIP 0x%llx: %s",
				(unsigned long long)v->run->s.regs.regs.rip, strerror(errno));
	memcpy(&fault, &v->run->hw, sizeof(fault));
	return vcpu_end(end, PN_END_DIED,
			"guest memory that the host cannot give: %llu bytes at GPA 0x%llx: %s",
			(unsigned long long)fault.size, (unsigned long long)fault.gpa,
			strerror(errno));
}

const struct kvm_sregs *vcpu_sregs(const struct vcpu *v)
{
	struct kvm_sregs *sregs = &v->run->s.regs.sregs;

	if (!(v->run->kvm_valid_regs & KVM_SYNC_X86_SREGS) && ioctl(v->fd, KVM_GET_SREGS, sregs))
		memset(sregs, 0, sizeof(*sregs));
	return sregs;
}

bool vcpu_was_reset(const struct vcpu *v)
{
	return v->run->exit_reason == KVM_EXIT_SHUTDOWN && !(vcpu_sregs(v)->cr0 & CR0_PE);
}

static void keep_registers(struct vcpu *v)
{
	if (v->run->exit_reason == KVM_EXIT_SHUTDOWN)
		return;
	v->last.regs = v->run->s.regs.regs;
	if (v->run->kvm_valid_regs & KVM_SYNC_X86_SREGS)
		v->last.sregs = v->run->s.regs.sregs;
}

/* A timer that kicks this thread; `why`: KICK_... */
static bool timer_make(timer_t *timer, int why)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
				 .sigev_signo = PN_KICK_SIGNAL,
				 .sigev_value.sival_int = why};

	event._sigev_un._tid = gettid();
	return timer_create(CLOCK_MONOTONIC, &event, timer) == 0;
}

static void timer_start(timer_t timer, uint64_t ns)
{
	const struct itimerspec once = {.it_value = {.tv_sec = (time_t)(ns / 1000000000),
						     .tv_nsec = (long)(ns % 1000000000)}};

	timer_settime(timer, 0, &once, NULL);
}

/*
 * The timer of vcpu.toggle_ns. It shoots once and is set anew after each change of mode, so that
 * the guest gets its time in between however long a change takes.
 */
static int toggle_timer_create(const struct vcpu *v, timer_t *timer, struct pn_error *err)
{
	if (v->toggle_ns && !timer_make(timer, KICK_TOGGLES))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "timer_create");
	return PN_OK;
}

static void toggle_timer_set(const struct vcpu *v, timer_t timer)
{
	if (v->toggle_ns)
		timer_start(timer, v->toggle_ns);
}

void vcpu_kick_soon(struct vcpu *v)
{
	if (!v->has_soon)
		v->has_soon = timer_make(&v->soon, KICK_ONLY);
	/* Without one, it is the next exit that will do. */
	if (v->has_soon)
		timer_start(v->soon, 50000);
}

/* A change of mode that is due, if the guest is ready for it. */
static enum vcpu_verdict change_mode(struct vcpu *v, bool *exited, timer_t timer,
				     struct vcpu_end *end)
{
	uint64_t before = v->toggles;

	if (atomic_load(&v->wish) == WISH_NONE)
		return VCPU_CONTINUE;
	if (mode_grant(v, exited, end) == VCPU_END)
		return VCPU_END;
	if (v->toggles != before)
		toggle_timer_set(v, timer);
	return VCPU_CONTINUE;
}

/* Whether all is as the guest's tables say, before this exit changes anything. */
static enum vcpu_verdict audit(struct vcpu *v, struct vcpu_end *end)
{
	char why[200];
	bool right;

	pthread_rwlock_rdlock(&v->mem->lock);
	right = mode_of(v)->audit(v, why, sizeof(why));
	pthread_rwlock_unlock(&v->mem->lock);
	return right ? VCPU_CONTINUE
		     : vcpu_end(end, PN_END_DIED, "audit of %s mode: %s", mode_of(v)->name, why);
}

/* An exit that the guest made by itself; the monitor's, and a watcher's, are told by what is behind
 * them. */
static void trace_exit(struct vcpu *v)
{
	const struct exit_record *x = &v->history.last[(v->history.total - 1) % HISTORY_LAST];
	struct pn_trace_record r;

	if (!tracer_wants(v->tracer, PN_TRACE_EXIT) ||
	    (mode_of(v) == &mmu_shadow && deprivileged_by_monitor(v)) ||
	    (x->reason == KVM_EXIT_HLT && watch_owns_halt(v, x->rip - 1)))
		return;
	r = (struct pn_trace_record){
		.type = PN_TRACE_EXIT,
		.source = PN_SOURCE_EXIT,
		.mode = (uint8_t)atomic_load(&v->mode),
		.rip = x->rip,
		.kind = (uint8_t)x->reason,
		.address = x->where,
		.value = {x->value},
	};
	tracer_add(v->tracer, &r);
}

static void loop(struct vcpu *v, timer_t timer, struct vcpu_end *end)
{
	uint64_t left = v->max_exits ? v->max_exits : UINT64_MAX;
	bool exited = false; /* KVM_RUN has returned an exit, which the next one will finish */

	for (;;) {
		v->run->immediate_exit = 0;
		/* The compiler must not look at `stop` before that store. */
		atomic_signal_fence(memory_order_seq_cst);
		if (atomic_load(&v->stop)) {
			atomic_store(&v->stop, false);
			vcpu_end(end, PN_END_STOPPED, "stopped");
			return;
		}
		if (change_mode(v, &exited, timer, end) == VCPU_END)
			return;
		tracer_end(v->tracer);
		if (left-- == 0) {
			vcpu_end(end, PN_END_MAX_EXITS, "limit of %llu exits reached",
				 (unsigned long long)v->max_exits);
			return;
		}
		v->run->kvm_valid_regs = v->wanted_regs;
		if (ioctl(v->fd, KVM_RUN, 0) < 0) {
			left++;
			exited = false;
			tracer_begin(v->tracer);
			if (run_failed(v, end) == VCPU_END)
				return;
			continue;
		}
		exited = true;
		tracer_begin(v->tracer);
		if (v->history.total == 0)
			v->first_exit_ns = clock_ns();
		history_add(&v->history, v->run);
		trace_exit(v);
		keep_registers(v);
		if (v->watch)
			watch_exited(v);
		if (v->audit_every && v->history.total % v->audit_every == 0 &&
		    audit(v, end) == VCPU_END)
			return;
		if (vcpu_handle_exit(v, end) == VCPU_END)
			return;
		if (v->toggle_every && v->history.total % v->toggle_every == 0)
			atomic_store(&v->wish, WISH_OTHER);
	}
}

int vcpu_run(struct vcpu *v, struct vcpu_end *end, struct pn_error *err)
{
	/* A console function may run another machine: its kicks are not ours. */
	struct vcpu *outer = kicked;
	sigset_t kick, before;
	timer_t timer = 0;
	int idle = 0;

	*end = (struct vcpu_end){0};
	/* The caller may block signals as it likes; the kick must come through. */
	sigemptyset(&kick);
	sigaddset(&kick, PN_KICK_SIGNAL);
	if (!atomic_compare_exchange_strong(&v->thread, &idle, gettid()))
		return pn_fail(err, PN_ERR_STATE, "the machine is running already");
	if (toggle_timer_create(v, &timer, err)) {
		atomic_store(&v->thread, 0);
		return err->code;
	}
	pthread_sigmask(SIG_UNBLOCK, &kick, &before);
	kicked = v;
	if (!v->started_ns)
		v->started_ns = clock_ns();
	toggle_timer_set(v, timer);
	tracer_begin(v->tracer);
	loop(v, timer, end);
	tracer_end(v->tracer);
	if (v->toggle_ns)
		timer_delete(timer);
	if (v->has_soon)
		timer_delete(v->soon);
	v->has_soon = false;
	atomic_store(&v->thread, 0);
	kicked = outer;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return end->failed ? pn_fail(err, end->failed, "%s", end->reason) : PN_OK;
}

void vcpu_kick(struct vcpu *v)
{
	int saved = errno;
	int thread = atomic_load(&v->thread);

	/* tgkill, not pthread_kill: the thread may be gone by now, which is then no harm. */
	if (thread)
		syscall(SYS_tgkill, getpid(), thread, PN_KICK_SIGNAL);
	errno = saved;
}

void vcpu_stop(struct vcpu *v)
{
	/* One that is on its way is enough: real-time signals would pile up. */
	if (!atomic_exchange(&v->stop, true))
		vcpu_kick(v);
}
