/* SPDX-License-Identifier: MIT */
/*
 * Source kernel: tracepoints of the host's KVM (kvm, kvmmmu), those of trace/tracepoints.h, of the
 * vCPU's thread alone. Needs libtracefs at build time, and tracefs open to this user.
 */
#ifndef SOURCES_KERNEL_H
#define SOURCES_KERNEL_H

#include "sources/source.h"

#define SOURCE_KERNEL_SEES "tracepoints of the host's KVM: exits, faults, entries set, pages zapped"

extern const struct source_ops source_kernel;

#endif
