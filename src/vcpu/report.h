/* SPDX-License-Identifier: MIT */
/* The report of a guest's death: all that helps to find out why, for a person to read. */
#ifndef VCPU_REPORT_H
#define VCPU_REPORT_H

#include "vcpu/vcpu.h"

/*
 * Registers, CR2, the instruction and symbol at RIP, the walks of RIP and RSP, the last exits.
 * Returns a string to be freed, or NULL if memory is out.
 */
char *report_death(const struct vcpu *v);

#endif
