/* SPDX-License-Identifier: MIT */
/* The sandbox on the command line. */
#include "cli/sandbox.h"

#include "cli/cli.h"
#include "cli/parse.h"

#include <string.h>

/* UINT32_MAX is nobody: (uid_t)-1 means "leave it". */
static bool parse_id(const char *text, uint32_t *id)
{
	uint64_t n;

	if (!parse_count(text, &n) || n >= UINT32_MAX)
		return false;
	*id = (uint32_t)n;
	return true;
}

int cli_sandbox_user(struct sandbox_options *o, const char *value)
{
	char uid[24];
	size_t len = strcspn(value, ":");
	const char *gid = value[len] ? value + len + 1 : uid;

	snprintf(uid, sizeof(uid), "%.*s", len < sizeof(uid) ? (int)len : 0, value);
	o->has_user = parse_id(uid, &o->uid) && parse_id(gid, &o->gid);
	return o->has_user ? 0 : cli_fail("--user=%s: give numbers, UID or UID:GID", value);
}

int cli_sandbox_check(const struct sandbox_options *o)
{
	return o->off && o->has_user
		       ? cli_fail("--user and --no-sandbox: the sandbox changes the user; give one")
		       : 0;
}

void cli_sandbox_say(const struct sandbox_options *o)
{
	if (o->off)
		cli_fail("--no-sandbox: a guest that takes Penumbra over has all that this user "
			 "has: files, network, programs");
}

const char *cli_sandbox_words(const struct sandbox *s, char *text, size_t size)
{
	char landlock[32] = "no Landlock here";

	if (sandbox_weakness())
		snprintf(landlock, sizeof(landlock), "holes (doctor)");
	if (s->landlock_abi)
		snprintf(landlock, sizeof(landlock), "Landlock %d", s->landlock_abi);
	if (s->given_up)
		snprintf(text, size, "%s, %s, no capabilities",
			 s->filtered ? "seccomp" : "no seccomp here", landlock);
	else
		snprintf(text, size, "none");
	return text;
}
