/* SPDX-License-Identifier: MIT */
/* The user, capabilities and what else a process can give up for ever. */
#include "error.h"
#include "sandbox/parts.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int part_failed(struct pn_error *err, const char *what)
{
	char remedy[] = "--no-sandbox runs without";
	struct pn_error why;

	pn_fail_errno(&why, PN_ERR_SYSTEM, "sandbox: %s", what);
	return pn_fail(err, PN_ERR_SYSTEM, "%s; %s", why.text, remedy);
}

/* Groups first: without the user's privileges they could not be changed. */
static int change_user(uid_t uid, gid_t gid, struct pn_error *err)
{
	if (setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
	    setresuid(uid, uid, uid) == 0)
		return PN_OK;
	if (errno == EPERM)
		return pn_fail(err, PN_ERR_SYSTEM,
			       "--user=%u:%u: only root may change the user; leave it out", uid,
			       gid);
	return part_failed(err, "change of user");
}

/* What an exec could give back; there is none, and no_new_privs says so too. */
static int empty_bounding_set(struct pn_error *err)
{
	int cap = 0;

	while (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
		cap++;
	/* Only who has CAP_SETPCAP may; who has not is no root to be left one. Past the last of them
	 * it is EINVAL. */
	return errno == EPERM || (errno == EINVAL && cap > CAP_SETPCAP)
		       ? PN_OK
		       : part_failed(err, "bounding set of capabilities");
}

static int drop_capabilities(struct pn_error *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return part_failed(err, "ambient capabilities");
	if (syscall(SYS_capset, &head, none))
		return part_failed(err, "capabilities");
	return PN_OK;
}

/* The memory of a VMM is nobody's business: no core dump, no ptrace by others of this user. */
static int hide_memory(struct pn_error *err)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none))
		return part_failed(err, "limit of core dumps");
	/* A leak checker looks at its own process from a clone. */
	if (prctl(PR_SET_DUMPABLE, sandbox_weakness() ? 1 : 0, 0, 0, 0))
		return part_failed(err, "PR_SET_DUMPABLE");
	return PN_OK;
}

int privileges_drop(const struct sandbox_options *options, struct pn_error *err)
{
	int code;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return part_failed(err, "PR_SET_NO_NEW_PRIVS");
	code = empty_bounding_set(err);
	if (!code && options->has_user)
		code = change_user(options->uid, options->gid, err);
	if (!code)
		code = drop_capabilities(err);
	return code ? code : hide_memory(err);
}
