/* SPDX-License-Identifier: MIT */
/*
 * What hosts do otherwise than walk() says, each by name and with its evidence. Only modes in which the
 * host's processor or kernel walks the guest's tables have any; in shadow mode it is walk() that
 * decides.
 */
#ifndef FUZZ_DEVIATIONS_H
#define FUZZ_DEVIATIONS_H

#include "fuzz/model.h"

struct fuzz_host {
	enum pn_paging paging;
	bool is_qemu; /* its TCG: CPUID leaf 0x40000000 says so */
};

struct fuzz_deviation {
	const char *name, *evidence;
	bool (*is_here)(const struct fuzz_host *host);
	void (*apply)(struct fuzz_facts *facts); /* to what programs can ask, or may get */
};

#define FUZZ_DEVIATIONS 5
extern const struct fuzz_deviation fuzz_deviations[FUZZ_DEVIATIONS];

/* The host we are on. */
struct fuzz_host fuzz_host(void);

/* Applies those that are here; returns bits 1 << index. */
unsigned fuzz_deviate(const struct fuzz_host *host, struct fuzz_facts *facts);

#endif
