/* SPDX-License-Identifier: MIT */
/*
 * What the machine tests share: a machine with a guest, made for one test, run within a time
 * limit, on this thread or on another, and taken apart whatever the test's end is.
 */
#ifndef TESTS_MACHINE_FIXTURE_H
#define TESTS_MACHINE_FIXTURE_H

#include "check.h"
#include "machine/guests/script.h"

#include <penumbra/guest.h>
#include <pthread.h>

/* Paths from the working directory, the same here and in a rig. */
#define PENUMBRA    "build/penumbra"
#define SCRIPT	    "build/tests/guests/script.elf"
#define SCRIPT_HIGH "build/tests/guests/script-high.elf"
#define SCRIPT_PIE  "build/tests/guests/script-pie.elf"

#define MIB(n)	    (UINT64_C(n) << 20)
#define GIB(n)	    (UINT64_C(n) << 30)

struct subject {
	struct pn_machine *m;
	struct pn_result result;
	struct pn_error err;
	char console[16384];
	size_t console_len; /* bytes written; those that fit are kept */
	pthread_t thread;
	bool running; /* on `thread` */
	int run_code; /* of pn_run there */
};

/* For cmocka: *state is a struct subject without a machine. */
int subject_set_up(void **state);
int subject_tear_down(void **state);

#define SUBJECT_TEST(f) cmocka_unit_test_setup_teardown(f, subject_set_up, subject_tear_down)

/* Makes a machine whose console is kept. `config` may be NULL. Fails the test if it cannot. */
void subject_make(struct subject *s, const struct pn_config *config);

/* Makes it and loads the script guest with its script. */
void subject_script(struct subject *s, const struct pn_config *config, const char *script);

/* Takes the machine apart before the test's end; another one can be made. */
void subject_unmake(struct subject *s);

/* Runs it here; false if it was stopped because so much time was up. */
bool subject_ends(struct subject *s, unsigned seconds);

/* Runs it here; fails the test if it does not end by itself in time. */
enum pn_end subject_run(struct subject *s);

/* Runs a script from the start to its end, which must be exit status 0. */
void subject_pass(struct subject *s, const struct pn_config *config, const char *script);

/* Runs it on another thread; waits for that to end, stopping it when time is up. */
void subject_start(struct subject *s);
enum pn_end subject_wait(struct subject *s);

/* GPA of a symbol of the guest. */
gpa_t subject_symbol(const struct subject *s, const char *name);

/* Reads what the guest kept: results from the first on; words of memory. */
void subject_results(struct subject *s, struct script_result *results, unsigned count);
uint64_t subject_read(struct subject *s, gpa_t gpa);

/* Waits until a word in guest memory has reached a value; false when time is up. */
bool subject_await(struct subject *s, gpa_t gpa, uint64_t at_least);

/* Skips the test, and says why, if a file has not been built. */
void skip_without(const char *path);

/* Page-aligned host memory, zeroed; freed with munmap. */
void *pages_map(uint64_t size);

/* Descriptors this process has open. */
unsigned open_descriptors(void);

/* Repeat counts: `many` here, `few` in a rig, where everything takes so much longer. */
unsigned repeats(unsigned many, unsigned few);

/* Seconds after which something has not ended. */
unsigned patience(void);

/* Whether every line of a text has at most 80 columns; prints the first that has more. */
bool fits_80_columns(const char *text);

#endif
