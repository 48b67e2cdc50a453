/* SPDX-License-Identifier: MIT */
/*
 * Where everything lies. Read by C, by assembly and by the linker script, so that an address is
 * written down once. Slots are entries of a level-4 table, 512 GiB each.
 *
 *   GVA
 *   0x0000000000000000  slot 0    page 0 is never mapped: a null pointer faults
 *   0x0000000000001000            the direct map: GVA = GPA for all RAM; supervisor, global
 *   0x0000000000400000            the kernel image (pagelab.elf)
 *   0x0000008000000000  slot 1    user space, one per process:
 *            + 0x010000             the user image: text, rodata, data
 *            + 0x1f0000             the stack, up to
 *            + 0x200000             USER_AREA: what a workload maps
 *            + 0x40000000           USER_BLOCK: the same, in pages of 2 MiB and 1 GiB
 *   0x0000010000000000  slot 2    nothing from here on
 *   0xffffffff80400000  slot 511  the kernel image (pagelab-high.elf)
 *
 * The image and the stack share one page table: the smallest address space costs as many table
 * frames as there are paging levels.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#define KERNEL_GPA 0x400000

/* What is added to a GPA of the kernel image to get its GVA. */
#ifdef PAGELAB_HIGH
#define KERNEL_OFFSET 0xffffffff80000000
#else
#define KERNEL_OFFSET 0
#endif

#define KERNEL_HIGH_BASE  0xffffffff80000000

#define KERNEL_STACK_SIZE 0x4000

#define USER_BASE	  0x0000008000000000
#define USER_END	  0x0000010000000000
#define USER_IMAGE	  (USER_BASE + 0x10000)

#define USER_STACK_SIZE	  0x10000
#define USER_STACK_TOP	  (USER_BASE + 0x200000)

#define USER_AREA	  (USER_BASE + 0x200000)
#define USER_BLOCK	  (USER_BASE + 0x40000000)

#endif
