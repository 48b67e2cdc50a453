/* SPDX-License-Identifier: MIT */
#include "shadow_one.h"

struct machine m;

enum shadow_outcome touch(gva_t gva, enum walk_access access, enum walk_privilege who)
{
	struct walk_result r;
	enum shadow_outcome outcome = machine_access(&m, gva, access, who, &r);

	machine_audit(&m);
	return outcome;
}

void expect(gva_t gva, enum walk_access access, enum walk_privilege who, enum shadow_outcome want)
{
	CHECK_NUMBER("access", "outcome", touch(gva, access, who), want);
}

gpa_t reach(gva_t gva, enum walk_access access, enum walk_privilege who)
{
	struct walk_result r;

	assert_int_equal(machine_access(&m, gva, access, who, &r), SHADOW_FIXED);
	machine_audit(&m);
	return r.gpa;
}

void map_many(gva_t gva, unsigned n, uint64_t flags)
{
	for (unsigned i = 0; i < n; i++)
		machine_map(&m, gva + i * PAGE_SIZE, 1, (DATA + i % 4096 * PAGE_SIZE) | flags,
			    TABLE);
}
