/* SPDX-License-Identifier: MIT */
/* doctor's findings on the sources of a trace: which of them this host can give, and in part only. */
#include "cli/doctor/doctor.h"
#include "kvm/vendor.h"
#include "sources/source.h"

static void find_source(struct findings *f, const struct source_ops *ops)
{
	const char *note = ops->note ? ops->note(kvm_vendor_paging()) : NULL;
	struct pn_error err;
	char id[40];

	snprintf(id, sizeof(id), "source.%s", ops->name);
	if (ops->check && ops->check(&err))
		findings_add(f, id, ops->name, VERDICT_LACKS, "no", err.text);
	else if (note)
		findings_add(f, id, ops->name, VERDICT_LACKS, "in part", note);
	else
		findings_add(f, id, ops->name, VERDICT_OK, "yes", ops->sees ? ops->sees : "");
}

void doctor_look_at_sources(struct findings *f)
{
	f->section = "Sources of a trace (run --trace-source=)";
	for (unsigned i = 0; i < PN_SOURCES; i++)
		if (sources_ops(i))
			find_source(f, sources_ops(i));
}
