/* SPDX-License-Identifier: MIT */
/* One guest, put together and taken apart. */
#include "machine.h"

#include "clock.h"
#include "error.h"
#include "kvm/vendor.h"
#include "vcpu/boot.h"
#include "vcpu/cpuid.h"
#include "vcpu/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RAM_DEFAULT	(UINT64_C(64) << 20)
#define SHADOW_DEFAULT	(UINT64_C(16) << 20)
#define SHADOW_MULTIPLE (UINT64_C(2) << 20)
#define SHADOW_MAX	(UINT64_C(1) << 30)

static int check_config(const struct pn_config *c, struct pn_error *err)
{
	if (c->levels != 0 && c->levels != 4 && c->levels != 5)
		return pn_fail(err, PN_ERR_ARGUMENT, "%u paging levels: give 4 or 5", c->levels);
	if (c->backing > PN_BACKING_1G)
		return pn_fail(err, PN_ERR_ARGUMENT, "backing %d: give one of enum pn_backing",
			       (int)c->backing);
	if (c->mode != PN_MODE_HW && c->mode != PN_MODE_SHADOW)
		return pn_fail(err, PN_ERR_ARGUMENT, "mode %d: give one of enum pn_mode",
			       (int)c->mode);
	if (c->strategy > PN_STRATEGY_VTLB)
		return pn_fail(err, PN_ERR_ARGUMENT, "strategy %d: give one of enum pn_strategy",
			       (int)c->strategy);
	if (c->shadow_size > SHADOW_MAX || c->shadow_size % SHADOW_MULTIPLE)
		return pn_fail(err, PN_ERR_ARGUMENT,
			       "%llu bytes for shadow tables: give 2 MiB to 1 GiB, in multiples of "
			       "2 MiB",
			       (unsigned long long)c->shadow_size);
	if (c->cmdline && strlen(c->cmdline) >= PN_CMDLINE_MAX)
		return pn_fail(err, PN_ERR_ARGUMENT,
			       "guest command line of %zu bytes: at most %d fit",
			       strlen(c->cmdline), PN_CMDLINE_MAX - 1);
	return PN_OK;
}

static int create_memory(struct pn_machine *m, unsigned maxphyaddr, struct pn_error *err)
{
	uint64_t size = m->config.ram_size ? m->config.ram_size : RAM_DEFAULT;
	int code = ram_create(&m->ram, size, m->config.backing, err);

	if (code)
		return code;
	gmem_init(&m->mem, m->host.max_slots, maxphyaddr);
	slots_init(&m->slots, &m->mem, m->vm);
	code = ram_map(&m->ram, &m->slots, err);
	if (code == PN_ERR_OVERFLOW)
		return pn_fail(err, PN_ERR_HOST_LACKS,
			       "RAM of %llu GiB: guests on this host can address %u bits",
			       (unsigned long long)size >> 30, maxphyaddr);
	return code;
}

static void plan_shadow(struct pn_machine *m)
{
	static const enum shadow_strategy strategies[] = {
		[PN_STRATEGY_UNSYNC] = SHADOW_UNSYNC,
		[PN_STRATEGY_WP] = SHADOW_WP,
		[PN_STRATEGY_VTLB] = SHADOW_VTLB,
	};

	m->vcpu.plan = (struct shadow_plan){
		.vm = m->vm,
		.pool_size = m->config.shadow_size ? m->config.shadow_size : SHADOW_DEFAULT,
		.strategy = strategies[m->config.strategy],
		.levels = m->config.levels,
		.interpreted = m->paging == PN_PAGING_SHADOW_PVM,
		.cpuid = m->cpuid,
	};
	m->vcpu.toggle_every = m->config.toggle_every;
	m->vcpu.toggle_ns = m->config.toggle_ns;
	m->vcpu.audit_every = m->config.audit_every;
}

static int create(struct pn_machine *m, struct pn_error *err)
{
	int code;

	m->cpuid = malloc(sizeof(*m->cpuid));
	if (!m->cpuid)
		return pn_fail(err, PN_ERR_NOMEM, "out of memory");
	code = kvm_host_open(&m->host, err);
	if (!code)
		code = kvm_supported_cpuid(&m->host, m->cpuid, err);
	if (code)
		return code;
	cpuid_apply_policy(m->cpuid);
	m->vcpu.facts = cpuid_facts(m->cpuid);
	m->paging = kvm_vendor_paging();
	m->startup_ns[STARTUP_KVM] = clock_ns();

	m->vm = kvm_vm_create(&m->host, err);
	if (m->vm < 0)
		return m->vm;
	m->startup_ns[STARTUP_VM] = clock_ns();

	code = create_memory(m, m->vcpu.facts.maxphyaddr, err);
	if (code)
		return code;
	m->startup_ns[STARTUP_MEMORY] = clock_ns();

	m->vcpu.host = &m->host;
	m->vcpu.mem = &m->mem;
	m->vcpu.bus = &m->bus;
	m->vcpu.console = &m->console;
	m->vcpu.exit_port = &m->exit_port;
	m->vcpu.symbols = &m->image.symbols;
	m->vcpu.max_exits = m->config.max_exits;
	code = vcpu_create(&m->vcpu, m->vm, m->cpuid, err);
	if (code)
		return code;
	plan_shadow(m);
	if (m->config.mode == PN_MODE_SHADOW)
		code = deprivileged_prepare(&m->vcpu, err);
	m->startup_ns[STARTUP_VCPU] = clock_ns();
	return code;
}

struct pn_machine *pn_machine_create(const struct pn_config *config, struct pn_error *err)
{
	struct pn_machine *m;

	if (check_config(config, err))
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m) {
		pn_fail(err, PN_ERR_NOMEM, "out of memory");
		return NULL;
	}
	m->startup_ns[STARTUP_BEGIN] = clock_ns();
	m->config = *config;
	if (config->cmdline)
		memcpy(m->cmdline, config->cmdline, strlen(config->cmdline) + 1);
	m->config.cmdline = m->cmdline;
	if (!m->config.levels)
		m->config.levels = 4;
	m->host.fd = m->vm = m->ram.fd = m->vcpu.fd = m->smaps = -1;
	m->console = (struct console){.write = config->console, .arg = config->console_arg};
	console_attach(&m->console, &m->bus);
	exit_port_attach(&m->exit_port, &m->bus);
	if (create(m, err)) {
		pn_machine_destroy(m);
		return NULL;
	}
	return m;
}

void pn_machine_destroy(struct pn_machine *m)
{
	uint64_t dropped;

	if (!m)
		return;
	vcpu_destroy(&m->vcpu);
	machine_trace_stop(m, &dropped);
	deprivileged_destroy(m->vcpu.deprivileged);
	if (m->vm >= 0)
		close(m->vm);
	if (m->mem.limit)
		gmem_fini(&m->mem);
	ram_destroy(&m->ram);
	guest_log_area_free(&m->guest_log);
	kvm_host_close(&m->host);
	image_free(&m->image);
	if (m->smaps >= 0)
		close(m->smaps);
	free(m->cpuid);
	free(m->report);
	free(m);
}

/* The guest's TSC rate, 0 if the host does not tell (KVM API 4.56). */
static uint64_t tsc_hz(const struct vcpu *v)
{
	int khz = ioctl(v->fd, KVM_GET_TSC_KHZ, 0);

	return khz > 0 ? (uint64_t)khz * 1000 : 0;
}

int pn_load_elf(struct pn_machine *m, const char *path, struct pn_error *err)
{
	struct boot boot = {.levels = m->config.levels, .cmdline = m->cmdline};
	int code;

	if (m->loaded)
		return pn_fail(err, PN_ERR_STATE, "%s: this machine has a guest already", path);
	code = boot_long_mode(&m->vcpu, boot.levels, err);
	if (!code)
		code = elf_load(path, &m->mem, &m->image, err);
	if (code)
		return code;
	boot.entry = m->image.entry;
	boot.info.tsc_hz = tsc_hz(&m->vcpu);
	boot.info.image_start = m->image.start;
	boot.info.image_end = m->image.end;
	for (unsigned i = 0; i < 2; i++) {
		struct ram_part p = ram_part(&m->ram, i);

		if (p.size)
			boot.info.ram[boot.info.ram_count++] =
				(struct pn_ram_range){.start = p.gpa, .size = p.size};
	}
	code = boot_guest(&m->vcpu, &boot, err);
	if (!code)
		code = mode_start(&m->vcpu, m->config.mode, err);
	if (code)
		return code;
	machine_sweep(m);
	snprintf(m->guest, sizeof(m->guest), "%s", path);
	m->loaded = true;
	m->startup_ns[STARTUP_LOAD] = clock_ns();
	return PN_OK;
}

int pn_run(struct pn_machine *m, struct pn_result *result, struct pn_error *err)
{
	struct vcpu_end end;
	int code;

	if (!m->loaded)
		return pn_fail(err, PN_ERR_STATE, "the machine has no guest to run");
	if (m->ended)
		return pn_fail(err, PN_ERR_STATE, "the guest has ended: %s", m->reason);
	code = vcpu_run(&m->vcpu, &end, err);
	if (code && !end.failed)
		return code;
	m->ended = end.end == PN_END_STATUS || end.end == PN_END_DIED;
	memcpy(m->reason, end.reason, sizeof(m->reason));
	if (code)
		return code;
	if (end.end == PN_END_DIED)
		m->report = report_death(&m->vcpu);
	*result = (struct pn_result){
		.end = end.end,
		.status = end.status,
		.status_written = m->exit_port.status,
		.reason = m->reason,
		.report = m->report ? m->report : "",
	};
	return PN_OK;
}

void pn_stop(struct pn_machine *m)
{
	vcpu_stop(&m->vcpu);
}

int pn_set_mode(struct pn_machine *m, enum pn_mode mode)
{
	if (mode != PN_MODE_HW && mode != PN_MODE_SHADOW)
		return PN_ERR_ARGUMENT;
	mode_wish(&m->vcpu, mode == PN_MODE_HW ? WISH_HW : WISH_SHADOW);
	return PN_OK;
}

enum pn_mode pn_mode(const struct pn_machine *m)
{
	return (enum pn_mode)atomic_load(&m->vcpu.mode);
}

bool pn_symbol(const struct pn_machine *m, const char *name, gva_t *gva)
{
	const struct symbol *s = symbols_named(&m->image.symbols, name);

	if (s)
		*gva = s->gva;
	return s != NULL;
}

struct pn_guest_report machine_guest_report(struct pn_machine *m)
{
	struct pn_guest_report report = {0};

	pn_read(m, PN_REPORT_GPA, &report, sizeof(report));
	return report;
}

enum pn_paging pn_host_paging(const struct pn_machine *m)
{
	return m->paging;
}
