/* SPDX-License-Identifier: MIT */
/* The vendor module and its say on two-dimensional paging, from /sys/module. */
#include "kvm/vendor.h"

#include "x86.h"

#include <cpuid.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct vendor {
	const char *name;
	const char *directory;
	const char *parameter; /* holds Y, N, 1 or 0; NULL: never two-dimensional */
	enum pn_paging on, off;
};

static const struct vendor vendors[] = {
	{"kvm_pvm", "/sys/module/kvm_pvm", NULL, PN_PAGING_UNKNOWN, PN_PAGING_SHADOW_PVM},
	{"kvm_intel", "/sys/module/kvm_intel", "/sys/module/kvm_intel/parameters/ept",
	 PN_PAGING_EPT, PN_PAGING_SHADOW_INTEL},
	{"kvm_amd", "/sys/module/kvm_amd", "/sys/module/kvm_amd/parameters/npt", PN_PAGING_NPT,
	 PN_PAGING_SHADOW_AMD},
};

bool kvm_cpu_is_amd(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(0, &eax, &ebx, &ecx, &edx) &&
	       (ecx == CPUID_ECX_AMD || ecx == CPUID_ECX_HYGON);
}

/* A kernel with every vendor's module built in has all the directories: the CPU decides. */
static const struct vendor *find(void)
{
	const char *wrong = kvm_cpu_is_amd() ? "kvm_intel" : "kvm_amd";

	for (unsigned i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
		if (strcmp(vendors[i].name, wrong) != 0 && access(vendors[i].directory, F_OK) == 0)
			return &vendors[i];
	return NULL;
}

const char *kvm_vendor_module(void)
{
	const struct vendor *v = find();

	return v ? v->name : "unknown";
}

enum pn_paging kvm_vendor_paging(void)
{
	const struct vendor *v = find();
	char answer = 0;
	int fd;

	if (!v)
		return PN_PAGING_UNKNOWN;
	if (!v->parameter)
		return v->off;
	fd = open(v->parameter, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return PN_PAGING_UNKNOWN;
	if (read(fd, &answer, 1) != 1)
		answer = 0;
	close(fd);
	switch (answer) {
	case 'Y':
	case '1': return v->on;
	case 'N':
	case '0': return v->off;
	default: return PN_PAGING_UNKNOWN;
	}
}

bool kvm_paging_is_tdp(enum pn_paging paging)
{
	return paging == PN_PAGING_EPT || paging == PN_PAGING_NPT;
}

/* Whether the host's kernel runs on five levels: only then does it leave the flag in cpuinfo. */
static bool host_has_la57(void)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	if (!f)
		return false;
	while (getline(&line, &room, f) > 0)
		if (strncmp(line, "flags", 5) == 0) {
			found = strstr(line, " la57") != NULL;
			break;
		}
	free(line);
	fclose(f);
	return found;
}

unsigned kvm_paging_levels(enum pn_paging paging, unsigned maxphyaddr)
{
	if (paging == PN_PAGING_NPT)
		return host_has_la57() ? 5 : 4;
	return maxphyaddr > 48 ? 5 : 4;
}

const char *pn_paging_name(enum pn_paging paging)
{
	switch (paging) {
	case PN_PAGING_EPT: return "EPT (kvm_intel)";
	case PN_PAGING_NPT: return "NPT (kvm_amd)";
	case PN_PAGING_SHADOW_INTEL: return "kernel shadow (kvm_intel ept=0)";
	case PN_PAGING_SHADOW_AMD: return "kernel shadow (kvm_amd npt=0)";
	case PN_PAGING_SHADOW_PVM: return "kernel shadow (kvm_pvm)";
	case PN_PAGING_UNKNOWN: break;
	}
	return "unknown";
}
