/* SPDX-License-Identifier: MIT */
/*
 * Tours outside long mode: a virtual machine on KVM's ioctls alone, with one slot of memory, one vCPU
 * and guest32.c. Penumbra itself boots no such guest (docs/guest-rules.md).
 */
#include "tour.h"

#include "guest32.h"
#include "machine/fixture.h"

#include "clock.h"
#include "kvm/exits.h"
#include "kvm/kvm.h"
#include "vcpu/cpuid.h"
#include "x86.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#define IMAGE "build/tests/guests/conformance32.bin"

struct vm32 {
	struct kvm_host host;
	int vm, vcpu;
	struct kvm_run *run;
	uint8_t *ram; /* CONF32_RAM bytes at GPA 0, and at each power of two from 4 GiB on */
	struct cpuid_facts facts;
	unsigned host_maxphyaddr;
	struct conf32_index index;
};

static void load_image(struct vm32 *v)
{
	FILE *f = fopen(IMAGE, "rb");
	size_t len;

	if (!f) {
		fail_msg("%s: %s", IMAGE, strerror(errno));
		return;
	}
	len = fread(v->ram + CONF32_BASE, 1, CONF32_RAM - CONF32_BASE, f);
	fclose(f);
	assert_in_range(len, CONF32_INDEX + sizeof(v->index), CONF32_RAM / 2 - CONF32_BASE);
	memcpy(&v->index, v->ram + CONF32_BASE + CONF32_INDEX, sizeof(v->index));
}

/* The host's CPUID, but for MAXPHYADDR if `maxphyaddr` is not 0. */
static void set_cpuid(struct vm32 *v, unsigned maxphyaddr)
{
	union kvm_cpuid_list list;
	struct kvm_cpuid_entry2 *sizes;
	struct pn_error err;

	assert_int_equal(kvm_supported_cpuid(&v->host, &list, &err), 0);
	v->host_maxphyaddr = cpuid_facts(&list).maxphyaddr;
	sizes = kvm_cpuid_find(&list, 0x80000008, 0);
	if (maxphyaddr && sizes)
		sizes->eax = (sizes->eax & ~UINT32_C(0xff)) | maxphyaddr;
	v->facts = cpuid_facts(&list);
	assert_int_equal(ioctl(v->vcpu, KVM_SET_CPUID2, &list.list), 0);
}

/* Flat 32-bit protected mode without paging, at the image's first byte. */
static void set_registers(struct vm32 *v, unsigned levels)
{
	struct kvm_segment code = {.limit = ~0u,
				   .selector = CONF32_CS,
				   .type = 11,
				   .present = 1,
				   .s = 1,
				   .db = 1,
				   .g = 1};
	struct kvm_regs regs = {.rip = CONF32_BASE, .rax = levels, .rflags = RFLAGS_FIXED};
	struct kvm_segment data = code;
	struct kvm_sregs s;

	data.type = 3;
	data.selector = CONF32_SS;
	assert_int_equal(ioctl(v->vcpu, KVM_GET_SREGS, &s), 0);
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.cr0 = CR0_PE | CR0_ET | CR0_NE;
	s.cr4 = 0;
	s.efer = 0;
	assert_int_equal(ioctl(v->vcpu, KVM_SET_SREGS, &s), 0);
	assert_int_equal(ioctl(v->vcpu, KVM_SET_REGS, &regs), 0);
}

static void make(struct vm32 *v, const struct conf_tour *t)
{
	struct pn_error err;

	assert_int_equal(kvm_host_open(&v->host, &err), 0);
	v->vm = kvm_vm_create(&v->host, &err);
	assert_true(v->vm >= 0);
	v->ram = pages_map(CONF32_RAM);
	v->vcpu = kvm_vcpu_create(&v->host, v->vm, 0, &v->run, &err);
	assert_true(v->vcpu >= 0);
	set_cpuid(v, t->maxphyaddr);
	assert_int_equal(kvm_vm_set_slot(v->vm, 0, 0, CONF32_RAM, v->ram, 0, &err), 0);
	for (unsigned bit = 32; bit < v->host_maxphyaddr && bit < 40; bit++)
		assert_int_equal(kvm_vm_set_slot(v->vm, bit, UINT64_C(1) << bit, CONF32_RAM, v->ram,
						 0, &err),
				 0);
	load_image(v);
	set_registers(v, t->config.levels);
}

static void unmake(struct vm32 *v)
{
	kvm_vcpu_close(&v->host, v->vcpu, v->run);
	close(v->vm);
	munmap(v->ram, CONF32_RAM);
	kvm_host_close(&v->host);
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* Until the guest's exit, or any other exit, or until time is up: then false. */
static bool run_to_exit(struct vm32 *v, unsigned seconds)
{
	/* Again and again: one that comes outside of KVM_RUN is not the last. */
	struct itimerval every = {.it_value.tv_sec = 1, .it_interval.tv_sec = 1}, never = {0};
	struct sigaction action = {.sa_handler = on_alarm};
	uint64_t end = clock_ns() + seconds * UINT64_C(1000000000);
	int code;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	do
		code = ioctl(v->vcpu, KVM_RUN, 0);
	while (code < 0 && (errno == EINTR || errno == EAGAIN) && clock_ns() < end);
	setitimer(ITIMER_REAL, &never, NULL);
	if (code < 0 && errno != EINTR && errno != EAGAIN)
		fail_msg("KVM_RUN: %s", strerror(errno));
	return code == 0;
}

/* What the guest ended with, or -1 if it did not. */
static int status_of(const struct vm32 *v)
{
	const struct kvm_run *r = v->run;

	if (r->exit_reason != KVM_EXIT_IO || r->io.port != PN_PORT_EXIT)
		return -1;
	return *((const uint8_t *)r + r->io.data_offset);
}

static void explore(struct conf_tour *t)
{
	struct vm32 v;

	make(&v, t);
	if (!run_to_exit(&v, patience()))
		fail_msg("the guest did not end in %u seconds", patience());
	if (conf_host() == CONF_ON_PVM && status_of(&v) == CONF32_NO_PAGING) {
		print_message("skipped: kvm_pvm has no paging outside long mode (#GP)\n");
		unmake(&v);
		skip();
	}
	if (status_of(&v) != 0)
		fail_msg("exit %s, status %d", kvm_exit_name(v.run->exit_reason), status_of(&v));
	t->world = (struct conf_world){
		.levels = t->config.levels,
		.slots = CONF32_SLOTS,
		.has_aliases = true,
		.root = v.index.top,
		.tables = v.index.tables,
		.data = v.index.data,
		.maxphyaddr = v.facts.maxphyaddr,
		.host_maxphyaddr = v.host_maxphyaddr,
		.amd = v.facts.amd,
	};
	t->world.loads_pdptes = t->config.levels == 3 &&
				(!v.facts.amd || conf_host() & (CONF_ON_QEMU_NPT0 | CONF_ON_PVM));
	memcpy(&t->offered, v.ram + v.index.offered, sizeof(t->offered));
	t->offered |= CONF_LDT;
	unmake(&v);
}

static bool run(struct conf_tour *t, const struct conf_case *cases, uint64_t count,
		struct conf_result *results, unsigned seconds, uint64_t *done)
{
	uint32_t n = (uint32_t)count, cases_done;
	struct vm32 v;
	bool ends;

	make(&v, t);
	memcpy(v.ram + v.index.count, &n, sizeof(n));
	memcpy(v.ram + v.index.cases, cases, count * sizeof(cases[0]));
	ends = run_to_exit(&v, seconds);
	if (ends && status_of(&v) != 0)
		fail_msg("%s: exit %s, status %d", t->name, kvm_exit_name(v.run->exit_reason),
			 status_of(&v));
	memcpy(&cases_done, v.ram + v.index.done, sizeof(cases_done));
	memcpy(results, v.ram + v.index.results, count * sizeof(results[0]));
	*done = cases_done;
	unmake(&v);
	return ends;
}

const struct conf_way conf_way_vm32 = {explore, run};
