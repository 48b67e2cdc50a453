/* SPDX-License-Identifier: MIT */
/*
 * pagelab: the order in which the kernel comes up, and what it was started for. Command line:
 * WORKLOAD [name=value ...]; "help" lists them.
 */
#include "cpu.h"
#include "frames.h"
#include "host.h"
#include "kernel_map.h"
#include "log.h"
#include "panic.h"
#include "workload.h"

_Noreturn void kernel_main(const struct pn_boot_info *boot);

_Noreturn void kernel_main(const struct pn_boot_info *boot)
{
	if (boot->magic != PN_BOOT_MAGIC || boot->version != PN_ABI_VERSION ||
	    boot->ram_count > PN_BOOT_RAM_MAX)
		panic("boot information of ABI version %u is not understood", boot->version);
	log_init(boot);
	cpu_init();
	frames_init(boot);
	kernel_map_init(boot);
	host_exit(workload_main(boot->cmdline));
}
