/* SPDX-License-Identifier: MIT */
/*
 * Source stats: KVM's own statistics of the VM and the vCPU that tell of memory virtualisation, at the
 * start, each SOURCE_STATS_MS milliseconds and at the end. A sample leaves a record of each statistic
 * that has changed; the first and the last one of each that this kernel has.
 */
#ifndef SOURCES_STATS_H
#define SOURCES_STATS_H

#include "sources/source.h"

#define SOURCE_STATS_MS 10

extern const struct source_ops source_stats;

#endif
