/* SPDX-License-Identifier: MIT */
/* Signals to a run. The only state a signal handler needs is kept here. */
#include "cli/stop.h"

#include "error.h"

#include <signal.h>
#include <sys/time.h>

static struct pn_machine *volatile machine;
static volatile sig_atomic_t caught;

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGUSR1};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static struct sigaction before[SIGNALS];
static sigset_t mask_before;

static void on_signal(int signal)
{
	if (signal == SIGUSR1) {
		if (machine)
			pn_set_mode(machine,
				    pn_mode(machine) == PN_MODE_HW ? PN_MODE_SHADOW : PN_MODE_HW);
		return;
	}
	if (!caught)
		caught = signal;
	if (machine)
		pn_stop(machine);
}

/*
 * A signal that whoever started us has set to be ignored (nohup) stays ignored; one that is only
 * blocked comes through.
 */
static void set_handlers(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t handled;

	sigemptyset(&action.sa_mask);
	sigemptyset(&handled);
	for (unsigned i = 0; i < SIGNALS; i++) {
		sigaction(signals[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN || signals[i] == SIGALRM ||
		    signals[i] == SIGUSR1)
			sigaction(signals[i], &action, NULL);
		sigaddset(&handled, signals[i]);
	}
	pthread_sigmask(SIG_UNBLOCK, &handled, &mask_before);
}

void stop_prepare(void)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGUSR1, &ignore, NULL);
}

int stop_arm(struct pn_machine *m, uint64_t timeout_ns, struct pn_error *err)
{
	struct itimerval limit = {
		.it_value.tv_sec = (time_t)(timeout_ns / 1000000000),
		.it_value.tv_usec = (suseconds_t)(timeout_ns % 1000000000 / 1000),
		/* Again and again: one that comes just before a blocking write would be lost. */
		.it_interval.tv_usec = 100000,
	};

	caught = 0;
	machine = m;
	set_handlers();
	/* Less than a microsecond would mean "never". */
	if (timeout_ns && timeout_ns < 1000)
		limit.it_value.tv_usec = 1;
	if (setitimer(ITIMER_REAL, &limit, NULL))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "setitimer");
	return PN_OK;
}

void stop_disarm(void)
{
	struct itimerval none = {0};

	setitimer(ITIMER_REAL, &none, NULL);
	pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
	for (unsigned i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
	machine = NULL;
}

int stop_signal(void)
{
	return caught;
}
