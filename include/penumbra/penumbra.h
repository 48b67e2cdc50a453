/* SPDX-License-Identifier: MIT */
/*
 * The embedding API of libpenumbra: make a machine, give it memory and a guest, run it, ask what
 * happened. The library prints nothing and never exits; it changes no signal but
 * PN_KICK_SIGNAL, whose handler it installs to get a vCPU thread out of KVM_RUN.
 *
 * Threads: one thread runs a machine (pn_run). While it runs, any thread may call pn_mmu_map,
 * pn_mmu_unmap, pn_read, pn_write, pn_set_mode and pn_stop; the rest waits until pn_run has returned.
 */
#ifndef PENUMBRA_H
#define PENUMBRA_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PN_VERSION "0.1.0"

/* Address kinds. Guest-virtual, guest-physical, and guest frame number (GPA >> 12). Host-virtual
 * addresses are plain pointers. */
typedef uint64_t gva_t;
typedef uint64_t gpa_t;
typedef uint64_t gfn_t;

/* The signal that brings a vCPU thread out of KVM_RUN (a number past SIGRTMIN). */
#define PN_KICK_SIGNAL (SIGRTMIN + 3)

/*
 * Errors. A call that can fail returns 0 or one of these, negative; the text that goes with it
 * (what failed, on which value, and what to do) is in struct pn_error.
 */
enum pn_code {
	PN_OK = 0,
	PN_ERR_NOMEM = -1,	 /* host memory */
	PN_ERR_SYSTEM = -2,	 /* a system call failed */
	PN_ERR_NO_KVM = -3,	 /* /dev/kvm is missing, closed to us, or too old */
	PN_ERR_HOST_LACKS = -4,	 /* this host cannot do what was asked for */
	PN_ERR_ARGUMENT = -5,	 /* an argument out of its documented range */
	PN_ERR_ZERO_SIZE = -6,	 /* a GPA range of no bytes */
	PN_ERR_MISALIGNED = -7,	 /* gpa, hva or size is not a multiple of 4096 */
	PN_ERR_OVERFLOW = -8,	 /* the end of a range wraps, or is past MAXPHYADDR */
	PN_ERR_OVERLAP = -9,	 /* a GPA range meets a memory slot */
	PN_ERR_SLOT_LIMIT = -10, /* no memory slot is left */
	PN_ERR_NOT_MAPPED = -11, /* a byte of the range is in no memory slot */
	PN_ERR_PARTIAL = -12,	 /* the range cuts a memory slot */
	PN_ERR_IMAGE = -13,	 /* the guest's file is unusable */
	PN_ERR_STATE = -14,	 /* not now: the machine is running, has no guest, has ended */
};

/* One error in full. `text` is one line without a newline. */
struct pn_error {
	int code; /* enum pn_code */
	char text[320];
};

/* The name of a code, like "PN_ERR_OVERLAP". */
const char *pn_code_name(int code);

/* How the guest's memory is virtualised. */
enum pn_mode {
	PN_MODE_HW,	/* the vCPU runs on the guest's own page tables */
	PN_MODE_SHADOW, /* ... on tables that Penumbra builds, the guest's kernel deprivileged */
};

/* How shadow mode keeps its tables in step with the guest's. */
enum pn_strategy {
	PN_STRATEGY_UNSYNC, /* as wp, but a leaf table may be out of step until the next flush */
	PN_STRATEGY_WP,	    /* guest tables in use are write-protected; a write updates at once */
	PN_STRATEGY_VTLB,   /* the shadow is a TLB: a CR3 write drops all but global entries */
};

/* What really is the second dimension on this host in hw mode. */
enum pn_paging {
	PN_PAGING_UNKNOWN,
	PN_PAGING_EPT,		/* two-dimensional, kvm_intel */
	PN_PAGING_NPT,		/* two-dimensional, kvm_amd */
	PN_PAGING_SHADOW_INTEL, /* the host kernel shadows: kvm_intel with ept=0 */
	PN_PAGING_SHADOW_AMD,	/* the host kernel shadows: kvm_amd with npt=0 */
	PN_PAGING_SHADOW_PVM,	/* the host kernel shadows: kvm_pvm */
};

/* In words, for output: "EPT (kvm_intel)", "kernel shadow (kvm_pvm)", ... */
const char *pn_paging_name(enum pn_paging paging);

/* Host pages behind guest RAM. */
enum pn_backing {
	PN_BACKING_4K,
	PN_BACKING_2M, /* hugetlb, 2 MiB */
	PN_BACKING_1G, /* hugetlb, 1 GiB */
};

/* Receives the guest's console output, `len` bytes; called on the thread in pn_run. */
typedef void pn_console_fn(void *arg, const char *bytes, size_t len);

/* What a machine is made of. Zeroes are the defaults. */
struct pn_config {
	uint64_t ram_size; /* bytes, a multiple of 4096 (of the backing's page if larger), 2 MiB
			      to 1 TiB; 0: 64 MiB. RAM fills GPA 0 to 3 GiB, the rest starts at 4 GiB */
	enum pn_backing backing;
	enum pn_mode mode;
	unsigned levels;	   /* paging levels at boot: 4 or 5; 0: 4 */
	uint64_t toggle_every;	   /* change the mode after every so many exits; 0: never */
	uint64_t toggle_ns;	   /* ... and after every so many nanoseconds in one; 0: never */
	enum pn_strategy strategy; /* of shadow mode */
	uint64_t audit_every;	   /* prove the shadow right at every so many exits; 0: never */
	uint64_t shadow_size;	   /* bytes for shadow tables, a multiple of 2 MiB, at most 1 GiB;
				      0: 16 MiB */
	uint64_t max_exits;	   /* pn_run ends after so many exits; 0: no limit */
	const char *cmdline;	/* for the guest, at most PN_CMDLINE_MAX - 1 bytes; NULL: empty */
	pn_console_fn *console; /* NULL: console output is dropped */
	void *console_arg;
};

/* How a run ended. */
enum pn_end {
	PN_END_STATUS,	  /* the guest gave its exit status */
	PN_END_DIED,	  /* triple fault, access to nowhere, halt for ever: see report */
	PN_END_STOPPED,	  /* pn_stop() was called */
	PN_END_MAX_EXITS, /* the limit of pn_config.max_exits was reached */
};

struct pn_result {
	enum pn_end end;
	unsigned status;	 /* of the guest, for PN_END_STATUS: 0 to 99 */
	uint32_t status_written; /* as the guest wrote it: what is more than 99 is given as 99 */
	const char *reason;	 /* one line: why the run ended; lives as long as the machine */
	const char *report; /* for PN_END_DIED: the full report, lines of at most 80 columns; else
			       "" */
};

struct pn_machine;

/*
 * Makes a machine: VM, RAM, one vCPU. Returns NULL with *err filled (PN_ERR_NO_KVM,
 * PN_ERR_HOST_LACKS, PN_ERR_NOMEM, PN_ERR_SYSTEM, PN_ERR_ARGUMENT). KVM API 4.2, 4.7, 4.35.
 */
struct pn_machine *pn_machine_create(const struct pn_config *config, struct pn_error *err);

/* Takes a machine apart. NULL is allowed. Memory that was given to pn_mmu_map stays the caller's. */
void pn_machine_destroy(struct pn_machine *m);

/*
 * Loads an ELF64 x86-64 file (ET_EXEC or static-PIE) into RAM and points the vCPU at its entry in
 * 64-bit mode, as <penumbra/guest.h> tells. Returns 0 or PN_ERR_IMAGE, PN_ERR_STATE,
 * PN_ERR_HOST_LACKS (five levels), PN_ERR_NOMEM, PN_ERR_SYSTEM with *err filled; nothing is written
 * to RAM then, unless the file changed while it was read.
 */
int pn_load_elf(struct pn_machine *m, const char *path, struct pn_error *err);

/*
 * Runs the guest on the calling thread until it ends. Returns 0 with *result filled, or
 * PN_ERR_STATE, PN_ERR_SYSTEM, PN_ERR_NOMEM with *err filled. After PN_END_STOPPED and
 * PN_END_MAX_EXITS the machine can be run on.
 */
int pn_run(struct pn_machine *m, struct pn_result *result, struct pn_error *err);

/* Asks a running (or the next) pn_run to end with PN_END_STOPPED. Async-signal-safe. */
void pn_stop(struct pn_machine *m);

/*
 * Asks the guest to go on in a mode, as soon as it stands between two instructions; before pn_run,
 * with the next one. The mode can be changed any number of times; the guest cannot tell, but by
 * time. Async-signal-safe. Returns 0 or PN_ERR_ARGUMENT. A change that the guest does not allow ends
 * the run with PN_END_DIED; one in which a system call fails makes pn_run fail.
 */
int pn_set_mode(struct pn_machine *m, enum pn_mode mode);

/* The mode that the guest is in now. Async-signal-safe. */
enum pn_mode pn_mode(const struct pn_machine *m);

/*
 * Writes what happens to a file from now on (<penumbra/trace.h>): the events whose bits 1 << enum
 * pn_trace_type are set in `types`. After pn_load_elf, before pn_run; the file is complete when the
 * machine is destroyed. Returns 0, PN_ERR_STATE, PN_ERR_NOMEM, PN_ERR_SYSTEM.
 */
int pn_trace_file(struct pn_machine *m, const char *path, uint32_t types, struct pn_error *err);

/* What the guest may do with a range. Pages are always readable. */
enum pn_prot {
	PN_PROT_READ = 0, /* a write by the guest leaves it as an MMIO exit */
	PN_PROT_READ_WRITE = 1,
};

/*
 * Registers a memory slot: the guest finds `size` bytes at `hva` as guest-physical memory from
 * `gpa` on. All three are multiples of 4096. Works while the guest runs. The memory stays the
 * caller's and must stay valid until it is unmapped. KVM API 4.35.
 * Returns 0, or PN_ERR_ZERO_SIZE, PN_ERR_MISALIGNED, PN_ERR_OVERFLOW, PN_ERR_OVERLAP,
 * PN_ERR_SLOT_LIMIT, PN_ERR_ARGUMENT (prot; hva NULL), PN_ERR_SYSTEM; nothing changes then.
 */
int pn_mmu_map(struct pn_machine *m, gpa_t gpa, void *hva, uint64_t size, enum pn_prot prot);

/*
 * Removes the slots that make up [gpa, gpa + size): one or more whole slots without a gap. Works
 * while the guest runs; when it returns, the guest can reach none of it.
 * Returns 0, or PN_ERR_ZERO_SIZE, PN_ERR_MISALIGNED, PN_ERR_OVERFLOW, PN_ERR_NOT_MAPPED,
 * PN_ERR_PARTIAL, PN_ERR_ARGUMENT (the range meets RAM, which is the machine's own),
 * PN_ERR_SYSTEM.
 */
int pn_mmu_unmap(struct pn_machine *m, gpa_t gpa, uint64_t size);

/* Copies `len` bytes from or to guest-physical memory. Returns 0, or PN_ERR_NOT_MAPPED if a byte is
 * in no memory slot or, for a write, in a read-only one; nothing is copied then. */
int pn_read(struct pn_machine *m, gpa_t gpa, void *to, size_t len);
int pn_write(struct pn_machine *m, gpa_t gpa, const void *from, size_t len);

/* The GVA of a symbol of the loaded guest; false if there is none of that name. */
bool pn_symbol(const struct pn_machine *m, const char *name, gva_t *gva);

/*
 * What in the loaded guest's text may go wrong in shadow mode: instructions that in ring 3 neither
 * trap nor do what the guest's kernel expects of them (docs/guest-rules.md). pn_load_elf looks for
 * them in a machine that starts in shadow mode, or is to change modes by itself (toggle_every,
 * toggle_ns); in any other there are none. Each is a line of text
 * without a newline that lives as long as the machine, as in "LAR at main+0x12 may look into
 * another GDT"; of many only the first 16 are told, and one line more says how many are
 * left. pn_warnings gives their number, pn_warning the one at `i`, or NULL past the last.
 */
size_t pn_warnings(const struct pn_machine *m);
const char *pn_warning(const struct pn_machine *m, size_t i);

/* What this host's KVM does in hw mode, as the vendor module's parameters say; PN_PAGING_UNKNOWN
 * where they say nothing. `penumbra doctor` proves it by behaviour. */
enum pn_paging pn_host_paging(const struct pn_machine *m);

#ifdef __cplusplus
}
#endif
#endif
