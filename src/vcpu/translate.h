/* SPDX-License-Identifier: MIT */
/* The vCPU's view of guest memory, from the host: its registers handed to walk(). */
#ifndef VCPU_TRANSLATE_H
#define VCPU_TRANSLATE_H

#include "memory/walk.h"
#include "vcpu/vcpu.h"

/*
 * Sets up a walk with a vCPU's special registers. RFLAGS and PKRU play no part: what is translated
 * here is the kernel's own.
 */
void translate_init(struct walk_context *ctx, const struct vcpu *v, const struct kvm_sregs *sregs);

/*
 * Translates a GVA as a supervisor access that leaves the accessed and dirty flags alone: the host
 * is a spectator. Fills *result and, if not NULL, *path. The caller holds the memory's lock.
 */
enum walk_outcome translate(const struct vcpu *v, const struct walk_context *ctx, gva_t gva,
			    enum walk_access access, struct walk_result *result,
			    struct walk_path *path);

/*
 * Copies `len` bytes at a GVA out of or into guest memory, across pages, on the guest's behalf: the
 * accessed and dirty flags are set as if it had done so itself. Returns 0, or PN_ERR_NOT_MAPPED if
 * any of them is out of the supervisor's reach; some may have been copied then. What is written
 * reaches the shadow of a vCPU in shadow mode: the caller is its thread.
 */
int translate_read(const struct vcpu *v, const struct walk_context *ctx, gva_t gva, void *to,
		   size_t len);
int translate_write(const struct vcpu *v, const struct walk_context *ctx, gva_t gva,
		    const void *from, size_t len);

#endif
