/* SPDX-License-Identifier: MIT */
/*
 * Where hosts do otherwise than walk() says: the things the architecture leaves open, and the
 * faults of hosts, each with a name, what it is about exactly, and how it is known. What no entry
 * describes is a failure.
 */
#ifndef TESTS_CONFORMANCE_DEVIATIONS_H
#define TESTS_CONFORMANCE_DEVIATIONS_H

#include "model.h"

/* Where a deviation may be seen. */
#define CONF_ON_QEMU_NPT1  0x01
#define CONF_ON_QEMU_NPT0  0x02
#define CONF_ON_BOCHS_EPT1 0x04
#define CONF_ON_BOCHS_EPT0 0x08
#define CONF_ON_PVM	   0x10
#define CONF_ON_HARDWARE   0x20 /* a processor that walks the guest's tables itself */

struct conf_deviation {
	const char *name;
	const char *evidence;
	unsigned hosts; /* CONF_ON_..., in hw mode; in shadow mode there are none */
	/* Whether the result is exactly what the deviation makes of the case. */
	bool (*is)(const struct conf_case *c, const struct conf_expected *e,
		   const struct conf_result *r);
	/* Or: makes another processor of this one. The result must be what walk() says of that, or
	 * another entry makes of it. */
	void (*alter)(struct conf_world *world);
	/* Or: the host does not come back from such a case while it stays in hw mode. It is left
	 * out, but for one that must not end. */
	bool (*is_endless)(const struct conf_case *c, const struct conf_expected *e);
};

extern const struct conf_deviation conf_deviations[];
extern const unsigned conf_deviation_count;

#define CONF_DEVIATIONS 12 /* there are at most so many */

/* What this host's processor is: by all of its entries with alter(), and by each alone. */
struct conf_altered {
	struct conf_model all, one[CONF_DEVIATIONS];
};

void conf_altered_init(struct conf_altered *a, const struct conf_world *world);
void conf_altered_fini(struct conf_altered *a);

/* One of CONF_ON_..., or 0 for a host that has none. */
unsigned conf_host(void);

/* Whether the entries of this host account for a result; then they are counted in seen[], by entry. */
bool conf_is_named(const struct conf_case *c, const struct conf_expected *e,
		   const struct conf_result *r, struct conf_altered *altered, uint64_t *seen);

/* The entry of this host by which the case does not end, or NULL. */
const struct conf_deviation *conf_endless(const struct conf_case *c, const struct conf_expected *e);

/*
 * Whether the case is none on this host, by its entries with alter(): its way would lead elsewhere.
 * Or, where modes change, whether it comes to another end than `e` by them: an access may begin in one
 * mode and be done in the other, and then has something of both.
 */
bool conf_leads_away(const struct conf_case *c, const struct conf_expected *e,
		     struct conf_altered *altered, bool modes_change);

/* What differs from what must be, or NULL. */
const char *conf_difference(const struct conf_case *c, const struct conf_expected *e,
			    const struct conf_result *r, unsigned levels);

#endif
