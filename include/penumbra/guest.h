/* SPDX-License-Identifier: MIT */
/*
 * Guest ABI: what a guest finds at its first instruction, and how it talks to Penumbra.
 * Used by the host, by guests in C, and by guests in assembly (everything above the
 * __ASSEMBLER__ line). A guest needs no other header.
 *
 * State at the first instruction (64-bit mode, CPL 0, one virtual CPU):
 *   RIP     the ELF entry point
 *   RDI     GVA (= GPA) of struct pn_boot_info
 *   RSP     top of a boot stack of PN_BOOT_STACK_SIZE bytes, 16-byte aligned
 *   RFLAGS  0x2: interrupts are off; no interrupt controller exists
 *   CR0     PE MP ET NE WP AM PG         CR4   PAE PGE OSFXSR OSXMMEXCPT (and LA57 if asked for)
 *   EFER    SCE LME LMA NXE              IDTR  limit 0: an exception before LIDT is a triple fault
 *   GDT     null, 0x08 64-bit code, 0x10 data, 0x18 TSS (in the boot area)
 *   CR3     boot tables: GVA = GPA for GPA 0 to 4 GiB, and the first 2 GiB of GPA again at
 *           PN_HIGH_BASE; supervisor, writable, executable; GPA page 0 is left unmapped so that
 *           a null pointer faults
 * RAM above 4 GiB is listed in the RAM map but not in the boot tables: map it before use.
 * The boot area below PN_BOOT_AREA_END belongs to the host until the guest has loaded its own
 * GDT, CR3 and stack; the boot information and the report page stay where they are.
 */
#ifndef PENUMBRA_GUEST_H
#define PENUMBRA_GUEST_H

/* Layout of the boot area (GPA, bytes). */
#define PN_BOOT_INFO_GPA   0x1000
#define PN_REPORT_GPA	   0x2000
#define PN_BOOT_GDT_GPA	   0x3000
#define PN_BOOT_TABLES_GPA 0x4000
#define PN_BOOT_STACK_TOP  0x20000
#define PN_BOOT_STACK_SIZE 0x4000
#define PN_BOOT_AREA_END   0x20000

/* Where the first 2 GiB of guest-physical memory are mapped a second time (GVA). */
#define PN_HIGH_BASE 0xffffffff80000000

/* Segment selectors of the boot GDT. */
#define PN_BOOT_CS 0x08
#define PN_BOOT_DS 0x10
#define PN_BOOT_TR 0x18

/*
 * I/O ports.
 * PN_PORT_CONSOLE  OUT of bytes: console output (Bochs's and QEMU's debug-console port).
 *                  IN gives 0xe9.
 * PN_PORT_EXIT     OUT of 32 bits: the guest ends with this exit status, 0 to PN_STATUS_MAX.
 * PN_PORT_CALL     IN of 32 bits: a host call. EAX holds the number (PN_CALL_...), RDI and RSI
 *                  the arguments; EAX returns the result (0 or more) or an error (PN_CALL_E...).
 * Everything works at CPL 0 in every mode.
 */
#define PN_PORT_CONSOLE 0xe9
#define PN_PORT_EXIT	0xf4
#define PN_PORT_CALL	0x504e
#define PN_STATUS_MAX	99

/*
 * Host calls.
 * PN_CALL_CONSOLE   write RSI bytes at GVA RDI to the console; at most PN_CONSOLE_MAX. Returns
 *                   the bytes written.
 * PN_CALL_MARK      leave mark RDI (low 32 bits), with value RSI, in the statistics of the run.
 * PN_CALL_TIME      store the nanoseconds since the start of the run (64 bits) at GVA RDI.
 * PN_CALL_SET_MODE  go on in mode RDI (PN_GUEST_MODE_...). Returns the mode left.
 */
#define PN_CALL_CONSOLE	 1
#define PN_CALL_MARK	 2
#define PN_CALL_TIME	 3
#define PN_CALL_SET_MODE 4
#define PN_CONSOLE_MAX	 4096

/* What a host call returns in EAX when it fails. */
#define PN_CALL_EUNKNOWN 0xffffffff /* no such call */
#define PN_CALL_EFAULT	 0xfffffffe /* an address the guest's own tables do not allow */
#define PN_CALL_EINVAL	 0xfffffffd /* an argument out of range */

/* Modes, for PN_CALL_SET_MODE. */
#define PN_GUEST_MODE_HW     0
#define PN_GUEST_MODE_SHADOW 1

#ifndef __ASSEMBLER__

#include <stdint.h>

#define PN_BOOT_MAGIC	0x49424e50 /* "PNBI", little endian */
#define PN_ABI_VERSION	1
#define PN_BOOT_RAM_MAX 8
#define PN_CMDLINE_MAX	2048

/* One range of RAM: GPA of its first byte, and bytes. */
struct pn_ram_range {
	uint64_t start;
	uint64_t size;
};

/* The boot-information page, at PN_BOOT_INFO_GPA. Written by the host before the first
 * instruction, never after. */
struct pn_boot_info {
	uint32_t magic;	      /* PN_BOOT_MAGIC */
	uint32_t version;     /* PN_ABI_VERSION */
	uint32_t levels;      /* paging levels of the boot tables: 4, or 5 under CR4.LA57 */
	uint32_t ram_count;   /* entries used in ram[] */
	uint64_t tsc_hz;      /* ticks of the guest's TSC a second; 0 if the host does not know */
	uint64_t image_start; /* GPA of the first byte of the loaded image */
	uint64_t image_end;   /* GPA past its last byte: RAM from here on is free */
	uint64_t log;	      /* GPA of struct pn_guest_log; 0: no log is wanted */
	struct pn_ram_range ram[PN_BOOT_RAM_MAX]; /* sorted, disjoint; the boot area is inside */
	char cmdline[PN_CMDLINE_MAX];		  /* the words after "--", joined by one space */
};

/*
 * The report page, at PN_REPORT_GPA: counters the guest keeps for the host, which reads them when
 * the run ends. All zero at the start; a guest that does not count leaves them so. They are the
 * guest's word, and the output says so.
 */
struct pn_guest_report {
	uint64_t faults;    /* #PF taken */
	uint64_t pt_writes; /* page-table entries stored */
	uint64_t cr3_loads; /* MOV to CR3 */
	/* Flushes by kind; a CR3 load that is made to flush counts here as well. */
	uint64_t flush_all;	/* every address space, global entries too */
	uint64_t flush_context; /* one address space */
	uint64_t flush_range;	/* several pages by one operation */
	uint64_t flush_page;	/* one page: INVLPG */
	uint64_t flush_pcid;	/* INVPCID by process-context identifier */
};

/*
 * The guest's log: events that the guest writes down for the host, without an exit. A guest need
 * not keep one. Where one is wanted (boot information, `log`), the area is memory of the host's own,
 * outside the RAM map, below 4 GiB: in the boot tables at GVA = GPA, to be mapped by a guest that
 * loads tables of its own. What is in it is the guest's word, and traces say so.
 *
 * It is a ring with one writer, the guest, and one reader, the host: record n, from 0, is written to
 * place n % records while n - tail < records, and then head is set to n + 1. If there is no place,
 * the guest adds one to `dropped` and goes on: it never waits. Two counters, each written by one
 * side, and x86's order of stores, are all the agreement there is.
 */
#define PN_LOG_MAGIC   0x474c4e50 /* "PNLG", little endian */
#define PN_LOG_VERSION 1
#define PN_LOG_RECORDS 0x1000 /* bytes from the area's start to record 0 */

struct pn_guest_log {
	/* Written by the host before the guest's first instruction. */
	uint32_t magic;	  /* PN_LOG_MAGIC */
	uint32_t version; /* PN_LOG_VERSION */
	uint64_t size;	  /* bytes of the area, this structure included; whole pages */
	uint32_t records; /* places for records: a power of two */
	uint32_t types;	  /* wanted: bits 1 << enum pn_trace_type */
	uint64_t reserved0[5];
	/* Written by the guest. */
	uint64_t head;	  /* records written so far */
	uint64_t dropped; /* records that found no place */
	uint64_t reserved1[6];
	/* Written by the host. */
	uint64_t tail; /* records read so far */
	uint64_t reserved2[7];
};

/*
 * One event. The numbers, and which fields a type has, are those of penumbra/trace.h, which a guest
 * may include as well: PN_TRACE_GUEST_FAULT, PN_TRACE_RESOLVED, PN_TRACE_TABLE_WRITE, PN_TRACE_CR3, PN_TRACE_FLUSH. A
 * record of another type, or with a kind, cause, cpl or level that there is not, counts as dropped.
 */
struct pn_log_record {
	uint64_t tsc; /* RDTSC */
	uint64_t rip; /* GVA: of a fault, where it was taken; else in the function that did it */
	uint64_t address;
	uint64_t value[2];
	uint32_t error;
	uint32_t count;
	uint8_t type, cpl, level, kind, cause;
	uint8_t reserved[11];
};

#endif /* __ASSEMBLER__ */
#endif /* PENUMBRA_GUEST_H */
