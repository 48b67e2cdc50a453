/* SPDX-License-Identifier: MIT */
/* Integer arithmetic with the flags that x86 makes of it. SDM vol. 1, 3.4.3.1 and appendix A. */
#ifndef VCPU_EMULATE_ALU_H
#define VCPU_EMULATE_ALU_H

#include <stdint.h>

struct alu {
	uint64_t result;  /* bits beyond the operand's width may be set */
	uint64_t flags;	  /* RFLAGS bits */
	uint64_t changed; /* which of them count */
};

/* Operands of `bytes` bytes (1, 2, 4, 8); what lies beyond is ignored. */
struct alu alu_add(uint64_t a, uint64_t b, unsigned carry, unsigned bytes);
struct alu alu_sub(uint64_t a, uint64_t b, unsigned borrow, unsigned bytes);
struct alu alu_logic(uint64_t result, unsigned bytes);

/* `count` is masked already; 0 changes nothing. OF is defined for a count of 1 only. */
struct alu alu_shl(uint64_t a, unsigned count, unsigned bytes);
struct alu alu_shr(uint64_t a, unsigned count, unsigned bytes);
struct alu alu_sar(uint64_t a, unsigned count, unsigned bytes);
struct alu alu_rol(uint64_t a, unsigned count, unsigned bytes);
struct alu alu_ror(uint64_t a, unsigned count, unsigned bytes);
struct alu alu_rcl(uint64_t a, unsigned count, unsigned carry, unsigned bytes);
struct alu alu_rcr(uint64_t a, unsigned count, unsigned carry, unsigned bytes);

/* Bits of `b` come in. A count beyond the width, for 2 bytes only, has no defined result. */
struct alu alu_shld(uint64_t a, uint64_t b, unsigned count, unsigned bytes);
struct alu alu_shrd(uint64_t a, uint64_t b, unsigned count, unsigned bytes);

#endif
