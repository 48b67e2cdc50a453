/* SPDX-License-Identifier: MIT */
/* Signals to a campaign. The only state a signal handler needs is kept here. */
#include "cli/fuzz/fuzz.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

/* Seconds that one program may take: in an emulator it may be tens. */
#define PATIENCE 120

static struct pn_machine *volatile machine;
static volatile sig_atomic_t caught, late, ticks;

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static struct sigaction before[SIGNALS];

static void on_signal(int signal)
{
	if (signal != SIGALRM)
		caught = signal;
	else if (++ticks > PATIENCE)
		late = 1;
	if (machine && (late || caught))
		pn_stop(machine);
}

void fuzz_signals_begin(void)
{
	const struct itimerval second = {.it_value.tv_sec = 1, .it_interval.tv_sec = 1};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < SIGNALS; i++) {
		/* What whoever started us has set to be ignored (nohup) stays so. */
		sigaction(signals[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN || signals[i] == SIGALRM)
			sigaction(signals[i], &action, NULL);
	}
	setitimer(ITIMER_REAL, &second, NULL);
}

void fuzz_signals_end(void)
{
	const struct itimerval none = {0};

	setitimer(ITIMER_REAL, &none, NULL);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
}

int fuzz_signals_caught(void)
{
	return caught;
}

static void begin(void *arg, struct pn_machine *m)
{
	(void)arg;
	late = 0;
	ticks = 0;
	machine = m;
	/* One that came just before. */
	if (caught)
		pn_stop(m);
}

static void end(void *arg)
{
	(void)arg;
	machine = NULL;
}

static bool is_late(void *arg)
{
	(void)arg;
	return late && !caught;
}

const struct fuzz_watch fuzz_signals = {.begin = begin, .end = end, .is_late = is_late};
