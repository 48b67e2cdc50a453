/* SPDX-License-Identifier: MIT */
/* One guest: host, memory, vCPU, devices and image put together. The parts behind penumbra.h. */
#ifndef MACHINE_H
#define MACHINE_H

#include "device/bus.h"
#include "device/console.h"
#include "device/exit_port.h"
#include "kvm/kvm.h"
#include "loader/image.h"
#include "memory/explain.h"
#include "memory/gmem.h"
#include "memory/ram.h"
#include "memory/slots.h"
#include "sources/guest_log.h"
#include "trace/stream.h"
#include "vcpu/deprivileged/deprivileged.h"
#include "vcpu/deprivileged/sweep.h"
#include "vcpu/mode.h"
#include "vcpu/vcpu.h"

#include <penumbra/guest.h>

/* Steps of starting up, in order: when each was done (CLOCK_MONOTONIC, ns). */
enum startup {
	STARTUP_BEGIN,
	STARTUP_KVM,
	STARTUP_VM,
	STARTUP_MEMORY,
	STARTUP_VCPU,
	STARTUP_LOAD,
	STARTUP_PHASES
};

struct pn_machine {
	struct pn_config config;
	char cmdline[PN_CMDLINE_MAX];
	struct kvm_host host;
	int vm;
	struct ram ram;
	struct gmem mem;
	struct slots slots;
	struct bus bus;
	struct console console;
	struct exit_port exit_port;
	union kvm_cpuid_list *cpuid; /* the guest's */
	struct vcpu vcpu;
	struct image image;
	struct sweep sweep; /* of the image, if it is to be in shadow mode */
	bool loaded;
	bool ended;		     /* the guest is over: it cannot be run on */
	char guest[256];	     /* its path, cut if need be */
	struct machine_trace *trace; /* while one is written */
	struct guest_log_area guest_log;
	char reason[256];
	char *report;
	enum pn_paging paging; /* the host's */
	unsigned host_levels;  /* of its tables; 0: not yet asked for, as the next */
	int smaps;	       /* backing_open() */
	uint64_t startup_ns[STARTUP_PHASES];
};

/* Fills m->sweep, if the configuration has shadow mode in it. The image is in memory, not yet run. */
void machine_sweep(struct pn_machine *m);

/*
 * Opens a trace of the events in `types` (bits 1 << enum pn_trace_type) into a file, or, for the
 * path "-", as lines onto `text`; beyond what exits tell, from the `sources` (bits 1 << enum
 * pn_trace_source; sources/source.h). Returns 0, PN_ERR_STATE, PN_ERR_NOMEM, PN_ERR_SYSTEM,
 * PN_ERR_HOST_LACKS for a source that this host cannot give.
 */
int machine_trace_open(struct pn_machine *m, const char *path, FILE *text, uint32_t types,
		       uint32_t sources, struct pn_error *err);

/*
 * Starts the threads of an open trace, before the guest's next instruction; it opens nothing. Returns
 * 0, PN_ERR_STATE, PN_ERR_SYSTEM, PN_ERR_HOST_LACKS.
 */
int machine_trace_start(struct pn_machine *m, struct pn_error *err);

/* Ends it: all that happened is written. Returns 0 or the errno of a write that failed; stores how
 * many records the rings had no room for. */
int machine_trace_stop(struct pn_machine *m, uint64_t *dropped);

/* One line on what a source (enum pn_trace_source) of the trace cannot see on this host, or NULL. */
const char *machine_trace_note(const struct pn_machine *m, unsigned source);

/*
 * Reads and opens what machine_explain needs of files, for who will not be able to open any then; else
 * it does so itself.
 */
void machine_explain_prepare(struct pn_machine *m);

/*
 * Explains an access as the guest stands now, stopped or ended. Fills in *x. Returns 0, or
 * PN_ERR_STATE if the guest's registers are lost, as kvm_amd loses them with a triple fault.
 */
int machine_explain(struct pn_machine *m, const struct walk_query *query, struct explanation *x,
		    struct pn_error *err);

/*
 * Makes the next run stop before the instruction at a GVA of the image's code (vcpu/stop_at.h), or
 * of what else the first tables reach. Returns 0, PN_ERR_STATE (it has run already),
 * PN_ERR_NOT_MAPPED.
 */
int machine_stop_at(struct pn_machine *m, gva_t gva, struct pn_error *err);

/* The guest's own counters, from the report page. */
struct pn_guest_report machine_guest_report(struct pn_machine *m);

#endif
