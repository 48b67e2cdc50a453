/* SPDX-License-Identifier: MIT */
/* doctor's findings on what the sandbox of a run can be made of here. */
#include "sandbox/sandbox.h"
#include "cli/doctor/doctor.h"

#include <unistd.h>

static void find_seccomp(struct findings *f)
{
	if (sandbox_has_seccomp())
		findings_add(f, "sandbox.seccomp", "seccomp filter", VERDICT_OK, "yes",
			     "a guest's run has the system calls of one table and no other");
	else
		findings_add(f, "sandbox.seccomp", "seccomp filter", VERDICT_LACKS, "no",
			     "not in this kernel: a run keeps all system calls");
}

static void find_landlock(struct findings *f)
{
	const char *weakness = sandbox_weakness();
	int abi = sandbox_landlock_abi();
	char found[32];

	snprintf(found, sizeof(found), "ABI %d", abi);
	if (weakness)
		findings_add(f, "sandbox.landlock", "Landlock", VERDICT_LACKS, "not used",
			     weakness);
	else if (abi)
		findings_add(f, "sandbox.landlock", "Landlock", VERDICT_OK, found,
			     abi < 4 ? "no files, by a second lock beside the filter"
				     : "no files and no TCP, by a second lock beside the filter");
	else
		findings_add(f, "sandbox.landlock", "Landlock", VERDICT_LACKS, "no",
			     "not in this kernel, or not among its lsm=: the filter alone keeps "
			     "a run from files");
}

static void find_user(struct findings *f)
{
	if (geteuid() == 0)
		findings_add(f, "sandbox.user", "change of user", VERDICT_OK, "yes",
			     "run --user=UID runs a guest as another user");
	else
		findings_add(f, "sandbox.user", "change of user", VERDICT_OK, "not root",
			     "a run is this user, without capabilities");
}

void doctor_look_at_sandbox(struct findings *f)
{
	f->section = "Sandbox of a run (docs/security.md)";
	find_seccomp(f);
	find_landlock(f);
	find_user(f);
}
