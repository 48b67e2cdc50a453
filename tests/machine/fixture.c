/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "clock.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* What the watchdog's signal stops. */
static struct pn_machine *volatile watched;
static volatile sig_atomic_t barked;

static void on_bark(int signal)
{
	(void)signal;
	barked = 1;
	if (watched)
		pn_stop(watched);
}

unsigned repeats(unsigned many, unsigned few)
{
	return getenv("PENUMBRA_RIG") ? few : many;
}

unsigned patience(void)
{
	return repeats(20, 120);
}

int subject_set_up(void **state)
{
	static struct subject subject;

	subject = (struct subject){0};
	*state = &subject;
	return 0;
}

void subject_unmake(struct subject *s)
{
	if (s->running) {
		pn_stop(s->m);
		pthread_join(s->thread, NULL);
		s->running = false;
	}
	pn_machine_destroy(s->m);
	s->m = NULL;
}

int subject_tear_down(void **state)
{
	subject_unmake(*state);
	return 0;
}

static void keep_console(void *arg, const char *bytes, size_t len)
{
	struct subject *s = arg;
	size_t room = sizeof(s->console) - 1;

	for (size_t i = 0; i < len; i++, s->console_len++)
		if (s->console_len < room)
			s->console[s->console_len] = bytes[i];
	s->console[s->console_len < room ? s->console_len : room] = 0;
}

void subject_make(struct subject *s, const struct pn_config *config)
{
	struct pn_config c = config ? *config : (struct pn_config){0};

	c.console = keep_console;
	c.console_arg = s;
	s->console_len = 0;
	s->console[0] = 0;
	s->m = pn_machine_create(&c, &s->err);
	if (!s->m)
		fail_msg("no machine: %s", s->err.text);
}

void subject_script(struct subject *s, const struct pn_config *config, const char *script)
{
	struct pn_config c = config ? *config : (struct pn_config){0};

	c.cmdline = script;
	subject_make(s, &c);
	if (pn_load_elf(s->m, SCRIPT, &s->err))
		fail_msg("no guest: %s", s->err.text);
}

bool subject_ends(struct subject *s, unsigned seconds)
{
	struct sigaction action = {.sa_handler = on_bark};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec limit = {.it_value.tv_sec = seconds};
	timer_t timer;
	int code;

	barked = 0;
	watched = s->m;
	sigaction(SIGUSR1, &action, NULL);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &limit, NULL), 0);
	code = pn_run(s->m, &s->result, &s->err);
	timer_delete(timer);
	watched = NULL;
	if (code)
		fail_msg("pn_run: %s", s->err.text);
	return !barked;
}

enum pn_end subject_run(struct subject *s)
{
	if (!subject_ends(s, patience()))
		fail_msg("the guest did not end in %u seconds", patience());
	return s->result.end;
}

void subject_pass(struct subject *s, const struct pn_config *config, const char *script)
{
	subject_script(s, config, script);
	if (subject_run(s) != PN_END_STATUS)
		fail_msg("%s: %s\n%s", script, s->result.reason, s->result.report);
	CHECK_NUMBER(script, "exit status", s->result.status, 0);
}

static void *run_thread(void *arg)
{
	struct subject *s = arg;

	s->run_code = pn_run(s->m, &s->result, &s->err);
	return NULL;
}

void subject_start(struct subject *s)
{
	assert_int_equal(pthread_create(&s->thread, NULL, run_thread, s), 0);
	s->running = true;
}

enum pn_end subject_wait(struct subject *s)
{
	struct timespec until;
	int late;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += patience();
	late = pthread_timedjoin_np(s->thread, NULL, &until);
	if (late) {
		pn_stop(s->m);
		pthread_join(s->thread, NULL);
	}
	s->running = false;
	if (late)
		fail_msg("the guest did not end in %u seconds", patience());
	if (s->run_code)
		fail_msg("pn_run: %s", s->err.text);
	return s->result.end;
}

gpa_t subject_symbol(const struct subject *s, const char *name)
{
	gva_t gva = 0;

	if (!pn_symbol(s->m, name, &gva))
		fail_msg("the guest has no symbol %s", name);
	return gva >= PN_HIGH_BASE ? gva - PN_HIGH_BASE : gva;
}

uint64_t subject_read(struct subject *s, gpa_t gpa)
{
	uint64_t value = 0;

	assert_int_equal(pn_read(s->m, gpa, &value, sizeof(value)), PN_OK);
	return value;
}

void subject_results(struct subject *s, struct script_result *results, unsigned count)
{
	uint64_t kept = subject_read(s, subject_symbol(s, "result_count"));

	if (kept < count)
		fail_msg("the guest did %u words, and not %u", (unsigned)kept, count);
	assert_int_equal(
		pn_read(s->m, subject_symbol(s, "results"), results, count * sizeof(results[0])),
		PN_OK);
}

bool subject_await(struct subject *s, gpa_t gpa, uint64_t at_least)
{
	const struct timespec nap = {.tv_nsec = 100000};
	uint64_t end = clock_ns() + patience() * UINT64_C(1000000000);

	while (subject_read(s, gpa) < at_least) {
		if (clock_ns() > end)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

void *pages_map(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

void skip_without(const char *path)
{
	if (access(path, R_OK) == 0)
		return;
	print_message("skipped: %s is not built\n", path);
	skip();
}

unsigned open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(d);
	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

bool fits_80_columns(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len > 80) {
			print_message("%zu columns: %.*s\n", len, (int)len, text);
			return false;
		}
		text += len + (text[len] == '\n');
	}
	return true;
}
