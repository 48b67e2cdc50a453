/* SPDX-License-Identifier: MIT */
/* What a loaded guest may not live through: found in its text before it runs. */
#include "machine.h"

#include "kvm/vendor.h"

void machine_sweep(struct pn_machine *m)
{
	const struct pn_config *c = &m->config;
	struct sweep_text text[IMAGE_TEXT_MAX];
	struct sweep_host host;

	/* In hw mode nothing of this is worth its time. */
	if (c->mode != PN_MODE_SHADOW && !c->toggle_every && !c->toggle_ns)
		return;
	/* Every host honours IOPL but this one (docs/hosts.md). */
	host.iopl = kvm_vendor_paging() != PN_PAGING_SHADOW_PVM;
	host.umip = deprivileged_has_umip(&m->vcpu);
	for (unsigned i = 0; i < m->image.text_count; i++) {
		const struct image_text *t = &m->image.text[i];

		text[i] = (struct sweep_text){.bytes = gmem_ptr(&m->mem, t->gpa, t->size),
					      .size = t->size,
					      .gva = t->gva};
	}
	sweep(&m->sweep, text, m->image.text_count, &m->image.symbols, &host);
}

size_t pn_warnings(const struct pn_machine *m)
{
	return m->sweep.count;
}

const char *pn_warning(const struct pn_machine *m, size_t i)
{
	return i < m->sweep.count ? m->sweep.line[i] : NULL;
}
