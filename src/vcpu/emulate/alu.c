/* SPDX-License-Identifier: MIT */
/* Integer arithmetic with its flags, in plain C. */
#include "vcpu/emulate/alu.h"

#include "x86.h"

#include <stdbool.h>

#define RFLAGS_ARITHMETIC (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static uint64_t mask(unsigned bytes)
{
	return bytes >= 8 ? ~UINT64_C(0) : (UINT64_C(1) << bytes * 8) - 1;
}

static uint64_t sign(unsigned bytes)
{
	return UINT64_C(1) << (bytes * 8 - 1);
}

/* The result and the flags that follow from it alone, CF, OF and AF given. */
static struct alu finish(uint64_t result, unsigned bytes, bool cf, bool of, bool af)
{
	uint64_t flags = (cf ? RFLAGS_CF : 0) | (of ? RFLAGS_OF : 0) | (af ? RFLAGS_AF : 0);

	result &= mask(bytes);
	if (!result)
		flags |= RFLAGS_ZF;
	if (result & sign(bytes))
		flags |= RFLAGS_SF;
	if (!(__builtin_popcount((uint8_t)result) & 1))
		flags |= RFLAGS_PF;
	return (struct alu){.result = result, .flags = flags, .changed = RFLAGS_ARITHMETIC};
}

struct alu alu_add(uint64_t a, uint64_t b, unsigned carry, unsigned bytes)
{
	uint64_t r;

	a &= mask(bytes);
	b &= mask(bytes);
	r = (a + b + carry) & mask(bytes);
	return finish(r, bytes, r < a || (carry && r == a), (a ^ r) & (b ^ r) & sign(bytes),
		      (a ^ b ^ r) & 0x10);
}

struct alu alu_sub(uint64_t a, uint64_t b, unsigned borrow, unsigned bytes)
{
	uint64_t r;

	a &= mask(bytes);
	b &= mask(bytes);
	r = (a - b - borrow) & mask(bytes);
	return finish(r, bytes, a < b || (borrow && a == b), (a ^ b) & (a ^ r) & sign(bytes),
		      (a ^ b ^ r) & 0x10);
}

struct alu alu_logic(uint64_t result, unsigned bytes)
{
	return finish(result, bytes, false, false, false);
}

static struct alu unchanged(uint64_t a)
{
	return (struct alu){.result = a};
}

struct alu alu_shl(uint64_t a, unsigned count, unsigned bytes)
{
	unsigned width = bytes * 8;
	uint64_t r;
	bool cf;

	if (!count)
		return unchanged(a);
	r = a << count & mask(bytes);
	cf = count <= width && a >> (width - count) & 1;
	return finish(r, bytes, cf, cf != !!(r & sign(bytes)), false);
}

struct alu alu_shr(uint64_t a, unsigned count, unsigned bytes)
{
	if (!count)
		return unchanged(a);
	a &= mask(bytes);
	return finish(a >> count, bytes, a >> (count - 1) & 1, a & sign(bytes), false);
}

struct alu alu_sar(uint64_t a, unsigned count, unsigned bytes)
{
	unsigned unused = 64 - bytes * 8;
	int64_t value = (int64_t)(a << unused) >> unused;

	if (!count)
		return unchanged(a);
	return finish((uint64_t)(value >> count), bytes, value >> (count - 1) & 1, false, false);
}

/* A rotation's result; of the flags it makes only CF and OF. */
static struct alu rotated(uint64_t result, unsigned bytes, bool cf, bool of)
{
	struct alu r = finish(result, bytes, cf, of, false);

	r.changed = RFLAGS_CF | RFLAGS_OF;
	return r;
}

static bool top_bit(uint64_t a, unsigned bytes)
{
	return a & sign(bytes);
}

struct alu alu_rol(uint64_t a, unsigned count, unsigned bytes)
{
	unsigned width = bytes * 8, n = count % width;
	uint64_t r;

	if (!count)
		return unchanged(a);
	a &= mask(bytes);
	r = n ? (a << n | a >> (width - n)) & mask(bytes) : a;
	return rotated(r, bytes, r & 1, top_bit(r, bytes) != (r & 1));
}

struct alu alu_ror(uint64_t a, unsigned count, unsigned bytes)
{
	unsigned width = bytes * 8, n = count % width;
	uint64_t r;

	if (!count)
		return unchanged(a);
	a &= mask(bytes);
	r = n ? (a >> n | a << (width - n)) & mask(bytes) : a;
	return rotated(r, bytes, top_bit(r, bytes), top_bit(r, bytes) != top_bit(r << 1, bytes));
}

struct alu alu_rcl(uint64_t a, unsigned count, unsigned carry, unsigned bytes)
{
	unsigned n = count % (bytes * 8 + 1);

	if (!n)
		return unchanged(a);
	while (n--) {
		bool out = top_bit(a, bytes);

		a = a << 1 | carry;
		carry = out;
	}
	return rotated(a, bytes, carry, top_bit(a, bytes) != carry);
}

struct alu alu_rcr(uint64_t a, unsigned count, unsigned carry, unsigned bytes)
{
	unsigned n = count % (bytes * 8 + 1);

	if (!n)
		return unchanged(a);
	a &= mask(bytes);
	while (n--) {
		bool out = a & 1;

		a = a >> 1 | (carry ? sign(bytes) : 0);
		carry = out;
	}
	return rotated(a, bytes, carry, top_bit(a, bytes) != top_bit(a << 1, bytes));
}

struct alu alu_shld(uint64_t a, uint64_t b, unsigned count, unsigned bytes)
{
	unsigned width = bytes * 8;
	uint64_t r;

	if (!count || count > width)
		return unchanged(a);
	a &= mask(bytes);
	b &= mask(bytes);
	r = a << count | b >> (width - count);
	return finish(r, bytes, a >> (width - count) & 1, top_bit(a ^ r, bytes), false);
}

struct alu alu_shrd(uint64_t a, uint64_t b, unsigned count, unsigned bytes)
{
	unsigned width = bytes * 8;
	uint64_t r;

	if (!count || count > width)
		return unchanged(a);
	a &= mask(bytes);
	r = a >> count | b << (width - count);
	return finish(r, bytes, a >> (count - 1) & 1, top_bit(a ^ r, bytes), false);
}
