/* SPDX-License-Identifier: MIT */
/*
 * What the guest's CPUID offers decides which bits and instructions exist for it. Asked afresh each
 * time: the policy has one owner, ops->cpuid.
 */
#include "vcpu/emulate/private.h"

enum { EAX, EBX, ECX, EDX };

static const struct {
	uint32_t leaf;
	uint8_t reg, bit;
} features[FEATURES] = {
	[FEATURE_VME] = {1, EDX, 1},
	[FEATURE_DE] = {1, EDX, 2},
	[FEATURE_PSE] = {1, EDX, 3},
	[FEATURE_TSC] = {1, EDX, 4},
	[FEATURE_PAE] = {1, EDX, 6},
	[FEATURE_MCE] = {1, EDX, 7},
	[FEATURE_SEP] = {1, EDX, 11},
	[FEATURE_PGE] = {1, EDX, 13},
	[FEATURE_PAT] = {1, EDX, 16},
	[FEATURE_FXSR] = {1, EDX, 24},
	[FEATURE_SSE] = {1, EDX, 25},
	[FEATURE_MONITOR] = {1, ECX, 3},
	[FEATURE_PCID] = {1, ECX, 17},
	[FEATURE_XSAVE] = {1, ECX, 26},
	[FEATURE_FSGSBASE] = {7, EBX, 0},
	[FEATURE_SMEP] = {7, EBX, 7},
	[FEATURE_INVPCID] = {7, EBX, 10},
	[FEATURE_SMAP] = {7, EBX, 20},
	[FEATURE_UMIP] = {7, ECX, 2},
	[FEATURE_PKU] = {7, ECX, 3},
	[FEATURE_LA57] = {7, ECX, 16},
	[FEATURE_RDPID] = {7, ECX, 22},
	[FEATURE_NX] = {0x80000001, EDX, 20},
	[FEATURE_FFXSR] = {0x80000001, EDX, 25},
	[FEATURE_RDTSCP] = {0x80000001, EDX, 27},
};

/* A leaf past the last of its range says nothing. */
static bool read_leaf(struct emulate *e, uint32_t leaf, uint32_t out[4])
{
	uint32_t range[4];

	e->ops->cpuid(e->arg, leaf & 0x80000000, 0, range);
	if (range[EAX] < leaf)
		return false;
	e->ops->cpuid(e->arg, leaf, 0, out);
	return true;
}

bool is_offered(struct emulate *e, enum feature feature)
{
	uint32_t out[4];

	return read_leaf(e, features[feature].leaf, out) &&
	       out[features[feature].reg] >> features[feature].bit & 1;
}

bool is_amd(struct emulate *e)
{
	uint32_t out[4];

	e->ops->cpuid(e->arg, 0, 0, out);
	return out[ECX] == CPUID_ECX_AMD || out[ECX] == CPUID_ECX_HYGON;
}

unsigned physical_bits(struct emulate *e)
{
	uint32_t out[4];
	unsigned bits = 36;

	if (read_leaf(e, 0x80000008, out))
		bits = out[EAX] & 0xff;
	return bits < 32 ? 32 : bits > 52 ? 52 : bits;
}
