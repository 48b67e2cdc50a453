/* SPDX-License-Identifier: MIT */
/* The sandbox's steps, in their order. */
#include "sandbox/sandbox.h"

#include "clock.h"
#include "sandbox/parts.h"

const char *sandbox_weakness(void)
{
#ifdef SANDBOX_INSTRUMENTED
	return "this build has sanitizers or counts lines: files, clones and ptrace are left";
#else
	return NULL;
#endif
}

int sandbox_give_up(struct sandbox *s, const struct sandbox_options *options, struct pn_error *err)
{
	int code;

	*s = (struct sandbox){.options = *options};
	if (options->off)
		return PN_OK;
	/* Landlock last: what comes before it reads /proc. It needs no_new_privs. */
	code = descriptors_close(&s->closed, err);
	if (!code)
		code = privileges_drop(options, err);
	if (!code && !sandbox_weakness())
		code = landlock_close(&s->landlock_abi, err);
	s->given_up = !code;
	return code;
}

int sandbox_filter(struct sandbox *s, struct pn_error *err)
{
	int code = PN_OK;

	if (!s->options.off && sandbox_has_seccomp()) {
		code = killed_install(err);
		if (!code)
			code = filter_load(err);
		s->filtered = !code;
	}
	s->done_ns = clock_ns();
	return code;
}

int sandbox_enter(struct sandbox *s, const struct sandbox_options *options, struct pn_error *err)
{
	int code = sandbox_give_up(s, options, err);

	return code ? code : sandbox_filter(s, err);
}
