/* SPDX-License-Identifier: MIT */
/* table.c as a seccomp filter. */
#include "error.h"
#include "sandbox/parts.h"
#include "sandbox/table.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

bool sandbox_has_seccomp(void)
{
	const uint32_t kill = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kill) == 0;
}

static struct scmp_arg_cmp condition(const struct rule *r)
{
	struct scmp_arg_cmp c = {.arg = r->if_.argument, .datum_a = r->if_.value};

	switch (r->if_.test) {
	case RULE_ANY: break;
	case RULE_IS: c.op = SCMP_CMP_EQ; break;
	case RULE_NOT: c.op = SCMP_CMP_NE; break;
	case RULE_LACKS: c.op = SCMP_CMP_MASKED_EQ; break; /* datum_b: 0 */
	case RULE_SELF:
		c.op = SCMP_CMP_EQ;
		c.datum_a = (scmp_datum_t)getpid();
		break;
	}
	return c;
}

static int add(scmp_filter_ctx filter, const struct rule *r)
{
	const struct scmp_arg_cmp c = condition(r);
	const uint32_t action = r->error ? SCMP_ACT_ERRNO((uint32_t)r->error) : SCMP_ACT_ALLOW;

	return seccomp_rule_add_array(filter, action, r->call, r->if_.test != RULE_ANY, &c);
}

/* Returns 0 or a negative errno. */
static int build(scmp_filter_ctx filter)
{
	int code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	/* The kernel's own errno, if it refuses the filter. */
	if (!code)
		code = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (!code)
		code = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!code)
		code = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SANDBOX_KILL_CALL, 0);
	for (size_t i = 0; !code && i < sandbox_rules_count; i++)
		code = add(filter, &sandbox_rules[i]);
	/* KVM_RUN is what a run is made of: its call is looked for first. */
	if (!code)
		code = seccomp_syscall_priority(filter, SYS_ioctl, 255);
	return code ? code : seccomp_load(filter);
}

int filter_load(struct pn_error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	int code = filter ? build(filter) : -ENOMEM;

	seccomp_release(filter);
	errno = -code;
	return code ? part_failed(err, "seccomp filter") : PN_OK;
}
