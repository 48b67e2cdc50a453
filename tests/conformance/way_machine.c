/* SPDX-License-Identifier: MIT */
/* Tours of a penumbra machine: the conformance guest (guest.c), in hw mode or in shadow mode. */
#include "tour.h"

#include "machine/fixture.h"

#include "machine.h"
#include "memory/boot_tables.h"

#include <sys/ioctl.h>

#define GUEST "build/tests/guests/conformance.elf"

/* CPUID may be set anew until the vCPU has run. In shadow mode the virtual machine keeps the host's,
 * as the VMM area lies above the guest's reach. */
static void set_maxphyaddr(struct subject *s, unsigned bits, enum pn_mode mode)
{
	struct vcpu *v = &s->m->vcpu;
	struct kvm_cpuid_entry2 *sizes = kvm_cpuid_find(v->plan.cpuid, 0x80000008, 0);

	assert_non_null(sizes);
	sizes->eax = (sizes->eax & ~UINT32_C(0xff)) | bits;
	if (mode == PN_MODE_HW)
		assert_int_equal(ioctl(v->fd, KVM_SET_CPUID2, &v->plan.cpuid->list), 0);
	v->facts.maxphyaddr = bits;
}

/* Gives MAXPHYADDR of the host. */
static unsigned load(struct subject *s, struct conf_tour *t)
{
	unsigned host_maxphyaddr;
	int code;

	subject_make(s, &t->config);
	code = pn_load_elf(s->m, GUEST, &s->err);
	if (code == PN_ERR_HOST_LACKS && t->config.levels == 5) {
		print_message("skipped: this host has four paging levels\n");
		skip();
	}
	if (code)
		fail_msg("no guest: %s", s->err.text);
	host_maxphyaddr = s->m->vcpu.facts.maxphyaddr;
	if (t->maxphyaddr)
		set_maxphyaddr(s, t->maxphyaddr, t->config.mode);
	return host_maxphyaddr;
}

/* Learns from a run without cases what the guest's world is. */
static void explore(struct conf_tour *t)
{
	struct subject *s = t->state;
	unsigned host_maxphyaddr;
	uint32_t offered;

	host_maxphyaddr = load(s, t);
	if (subject_run(s) != PN_END_STATUS)
		fail_msg("%s\n%s", s->result.reason, s->result.report);
	t->world = (struct conf_world){
		.levels = t->config.levels ? t->config.levels : 4,
		.slots = CONF_SLOTS,
		.tables = subject_symbol(s, "conf_tables"),
		.data = subject_symbol(s, "conf_data"),
		.maxphyaddr = s->m->vcpu.facts.maxphyaddr,
		.host_maxphyaddr = host_maxphyaddr,
		.has_1g = s->m->vcpu.facts.has_1g,
		.amd = s->m->vcpu.facts.amd,
	};
	t->world.root = boot_tables_root(t->world.levels);
	offered = (uint32_t)subject_read(s, subject_symbol(s, "conf_offered"));
	/* kvm_pvm takes the bits and does nothing about them, and CPL 3 has the host's own LDT
	 * (docs/hosts.md). */
	offered |= CONF_LDT;
	if (conf_host() == CONF_ON_PVM && conf_tour_is_in(t, PN_MODE_HW))
		offered = 0;
	t->offered = offered;
	subject_unmake(s);
}

static bool run(struct conf_tour *t, const struct conf_case *cases, uint64_t count,
		struct conf_result *results, unsigned seconds, uint64_t *done)
{
	struct subject *s = t->state;
	bool ends;

	load(s, t);
	assert_int_equal(pn_write(s->m, subject_symbol(s, "conf_count"), &count, sizeof(count)), 0);
	assert_int_equal(
		pn_write(s->m, subject_symbol(s, "conf_cases"), cases, count * sizeof(cases[0])),
		0);
	ends = subject_ends(s, seconds);
	*done = subject_read(s, subject_symbol(s, "conf_done"));
	if (ends && s->result.end != PN_END_STATUS)
		fail_msg("%s\n%s", s->result.reason, s->result.report);
	if (ends)
		CHECK_NUMBER("guest", "exit status", s->result.status, 0);
	assert_int_equal(pn_read(s->m, subject_symbol(s, "conf_results"), results,
				 count * sizeof(results[0])),
			 0);
	subject_unmake(s);
	return ends;
}

const struct conf_way conf_way_machine = {explore, run};
