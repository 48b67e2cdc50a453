/* SPDX-License-Identifier: MIT */
/* Landlock (landlock(7)): a ruleset that handles all there is and allows nothing. */
#include "error.h"
#include "sandbox/parts.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self  446
#endif
#ifndef LANDLOCK_CREATE_RULESET_VERSION
#define LANDLOCK_CREATE_RULESET_VERSION 1
#endif

/* struct landlock_ruleset_attr as it has grown; older headers have less of it. */
struct ruleset {
	uint64_t files, network, scope;
};

/*
 * What an ABI handles: each bit is a right that is gone. Later ABIs may know more than the last of
 * these; what they add is allowed, as seccomp's filter has no call that would need it.
 */
static const struct {
	unsigned size; /* bytes of struct ruleset it takes */
	struct ruleset all;
} abis[] = {
	[1] = {8, {.files = 0x1fff}},
	[2] = {8, {.files = 0x3fff}},				 /* + refer */
	[3] = {8, {.files = 0x7fff}},				 /* + truncate */
	[4] = {16, {.files = 0x7fff, .network = 3}},		 /* + bind and connect TCP */
	[5] = {16, {.files = 0xffff, .network = 3}},		 /* + ioctl of devices */
	[6] = {24, {.files = 0xffff, .network = 3, .scope = 3}}, /* + abstract sockets, signals */
};

#define ABI_MAX ((int)(sizeof(abis) / sizeof(abis[0])) - 1)

int sandbox_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

int landlock_close(int *abi, struct pn_error *err)
{
	int known, ruleset;
	long failed;

	*abi = sandbox_landlock_abi();
	if (!*abi)
		return errno == ENOSYS || errno == EOPNOTSUPP
			       ? PN_OK
			       : part_failed(err, "landlock_create_ruleset");
	known = *abi < ABI_MAX ? *abi : ABI_MAX;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &abis[known].all, abis[known].size, 0);
	if (ruleset < 0)
		return part_failed(err, "landlock_create_ruleset");
	failed = syscall(SYS_landlock_restrict_self, ruleset, 0);
	if (failed)
		part_failed(err, "landlock_restrict_self");
	close(ruleset);
	return failed ? PN_ERR_SYSTEM : PN_OK;
}
