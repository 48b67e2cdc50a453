/* SPDX-License-Identifier: MIT */
/* Why /dev/kvm is not there or does not open, and the command that mends it. */
#ifndef KVM_PROBE_DEVICE_H
#define KVM_PROBE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* What the machine shows. Filled by probe_device_look; the judgement is over these facts alone. */
struct probe_device {
	bool exists;
	int open_errno;	  /* 0: it opened */
	mode_t mode;	  /* of the device file, permission bits */
	gid_t gid;	  /* its group */
	char group[32];	  /* that group's name; "" if it has none */
	bool member;	  /* the user is in that group, though this session may not be */
	bool cpuid_virt;  /* CPUID shows VMX or SVM */
	bool kernel_virt; /* /proc/cpuinfo shows it: the firmware has not turned it off */
	bool in_vm;	  /* CPUID shows a hypervisor */
	bool in_container;
	const char *module; /* the vendor module that fits this CPU */
	bool loaded;	    /* a vendor module is loaded, or built in */
	bool available;	    /* `module` is among this kernel's modules */
};

/* Looks; opens the device and closes it again. */
void probe_device_look(struct probe_device *d);

/* What is wrong, and what mends it. Commands are for a shell, one line each; "" is none. */
struct probe_remedy {
	char text[256];
	char command[128];
	char lasting[128]; /* a second one, which makes it last over the next boot */
};

/* Judges the facts: *r is empty if the device opened. */
void probe_device_judge(const struct probe_device *d, struct probe_remedy *r);

#endif
