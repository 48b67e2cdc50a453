/* SPDX-License-Identifier: MIT */
/* The KVM capabilities that Penumbra uses or is to use, and what for (KVM API 4.4). */
#ifndef KVM_CAPS_H
#define KVM_CAPS_H

#include <stdbool.h>
#include <stddef.h>

struct kvm_cap {
	const char *id;	 /* stable, at most 21 columns: the name behind KVM_CAP_, or short */
	const char *use; /* what Penumbra does with it, in a phrase */
	int number;	 /* for kvm_check_extension */
	int bits;	 /* that the answer must have; 0: any answer above 0 will do */
	bool required;	 /* without it nothing runs */
};

/* The table; stores the number of its entries in *count. */
const struct kvm_cap *kvm_caps(size_t *count);

/* Whether what kvm_check_extension answered is enough. */
bool kvm_cap_enough(const struct kvm_cap *cap, int answer);

#endif
