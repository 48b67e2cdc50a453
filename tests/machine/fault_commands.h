/* SPDX-License-Identifier: MIT */
/* What the tests of faults share: the files they use, and when those are right. */
#ifndef TESTS_MACHINE_FAULT_COMMANDS_H
#define TESTS_MACHINE_FAULT_COMMANDS_H

#include "faults/campaign.h"

#define EMBED "build/examples/embed"
#define GUEST "build/examples/embed-guest.elf"
#define HELLO "build/examples/hello.elf"
#define FAULT "build/examples/fault.elf"

/* Files that commands write, and traces for them to read. */
#define TRACE  "/tmp/penumbra-faults.pnt"
#define OUTPUT "/tmp/penumbra-faults.out"
#define HW     "/tmp/penumbra-faults-hw.pnt"
#define SHADOW "/tmp/penumbra-faults-shadow.pnt"

/* Of build/penumbra; the rest of a struct command follows. */
#define COMMAND(title, ...) .name = (title), .argv = {PENUMBRA, __VA_ARGS__}

/* For cmocka: the traces HW and SHADOW are there. */
int fault_traces_make(void **state);
int fault_traces_remove(void **state);

/* struct command.file_is_right: a trace that is there can be read, or it has no whole head, and is
 * refused. */
bool fault_trace_is_right(const char *path, int status, char *why, size_t size);

/* ... : a JSON object that is there is whole, or the run has failed and nothing is there. */
bool fault_json_is_right(const char *path, int status, char *why, size_t size);

/* Fails the test if there are any. */
void fault_check(const struct complaints *found);

#endif
