/* SPDX-License-Identifier: MIT */
/* The sandbox on the command line: --no-sandbox, --user, and what is said of it. */
#ifndef CLI_SANDBOX_H
#define CLI_SANDBOX_H

#include "sandbox/sandbox.h"

/* Reads UID[:GID]; the GID is the UID's number if it is left out. Returns 0 or an exit status. */
int cli_sandbox_user(struct sandbox_options *o, const char *value);

/* Whether options contradict each other: 0, or an exit status. */
int cli_sandbox_check(const struct sandbox_options *o);

/* Says on standard error what is lost, if there is to be no sandbox. */
void cli_sandbox_say(const struct sandbox_options *o);

/* What holds, in words: "seccomp, Landlock 7, no capabilities" or "none". Returns `text`. */
const char *cli_sandbox_words(const struct sandbox *s, char *text, size_t size);

#endif
