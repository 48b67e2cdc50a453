/* SPDX-License-Identifier: MIT */
/* Choices of an input that make the unit tests' small world (test_emulate_fixture.h) another one. */
#ifndef TESTS_FUZZ_WORLD_INPUT_H
#define TESTS_FUZZ_WORLD_INPUT_H

#include "fuzz.h"

#include "test_emulate_fixture.h"

/* u8 who: kernel or user and how; u32 choices of registers and features. */
void take_state(struct fuzz_input *in, struct world *w);

/* u8 count of general registers to set, each u8 which and how, and a value: one of the addresses
 * that mean something here or everywhere, or any. */
void take_registers(struct fuzz_input *in, struct kvm_regs *regs);

/* One of these addresses, by a u8. */
uint64_t take_place(struct fuzz_input *in);

/* u8 count of stores to the world's memory, each u16 where and u64 what. */
void take_stores(struct fuzz_input *in, struct world *w);

#endif
