/* SPDX-License-Identifier: MIT */
/*
 * The names of exit reasons against the installed <linux/kvm.h>, read at run time so that a newer
 * header than the one the table was written for is found out; and the history of exits.
 */
#include "check.h"

#include "kvm/exits.h"
#include "vcpu/history.h"

#include <ctype.h>
#include <stdlib.h>

#define HEADER "/usr/include/linux/kvm.h"

/* Reads "#define KVM_EXIT_name number"; false for any other line. */
static bool read_reason(const char *line, char *name, unsigned *number)
{
	char rest[2];

	return sscanf(line, "#define KVM_EXIT_%63[A-Z0-9_] %u%1[^\n]", name, number, rest) >= 2;
}

static void every_reason_of_the_header_has_its_name(void **state)
{
	FILE *f = fopen(HEADER, "r");
	char line[256], name[64];
	unsigned next = 0, number;

	(void)state;
	if (!f) {
		print_message("skipped: no " HEADER " here\n");
		skip();
	}
	/* The list starts at UNKNOWN and has no gap; constants of the same prefix for members of
	 * the exits' structures stand elsewhere. */
	while (fgets(line, sizeof(line), f)) {
		if (!read_reason(line, name, &number) || number != next)
			continue;
		if (next == 0 && strcmp(name, "UNKNOWN") != 0)
			continue;
		if (next >= KVM_EXIT_REASONS)
			fail_msg("KVM_EXIT_%s (%u) is past the end of the table", name, number);
		if (strcmp(kvm_exit_name(number), name) != 0)
			fail_msg("reason %u is \"%s\" here, KVM_EXIT_%s in " HEADER, number,
				 kvm_exit_name(number), name);
		next++;
	}
	fclose(f);
	assert_true(next >= 30);
}

static void every_reason_has_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KVM_EXIT_REASONS; i++) {
		if (strcmp(kvm_exit_name(i), "unknown") == 0)
			fail_msg("reason %u has no name", i);
		CHECK_ONE_LINE(kvm_exit_name(i), kvm_exit_words(i));
		assert_null(strstr(kvm_exit_words(i), "newer"));
	}
	assert_string_equal(kvm_exit_name(KVM_EXIT_REASONS), "unknown");
	assert_string_equal(kvm_exit_name(UINT32_MAX), "unknown");
	assert_non_null(strstr(kvm_exit_words(KVM_EXIT_REASONS), "newer"));
	for (unsigned i = 0; i < 8; i++)
		CHECK_ONE_LINE("suberror", kvm_internal_error_words(i));
}

/* A kvm_run with room behind it for the data of an I/O exit, as KVM lays it out. */
struct run {
	struct kvm_run run;
	uint8_t data[64];
};

static void io_exit(struct run *r, bool in, uint16_t port, uint8_t size, uint64_t value)
{
	r->run.exit_reason = KVM_EXIT_IO;
	r->run.io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	r->run.io.port = port;
	r->run.io.size = size;
	r->run.io.count = 1;
	r->run.io.data_offset = offsetof(struct run, data);
	memcpy(r->data, &value, sizeof(value));
}

static void mmio_exit(struct run *r, bool write, gpa_t gpa, unsigned len, const char *data)
{
	r->run.exit_reason = KVM_EXIT_MMIO;
	r->run.mmio.is_write = write;
	r->run.mmio.phys_addr = gpa;
	r->run.mmio.len = len;
	memcpy(r->run.mmio.data, data, len);
}

static void expect_last(const struct history *h, const char *want)
{
	char text[160];

	history_format(&h->last[(h->total - 1) % HISTORY_LAST], text, sizeof(text));
	assert_string_equal(text, want);
}

static void an_exit_is_told_with_what_it_did(void **state)
{
	static struct run r;
	struct history h = {0};

	(void)state;
	r.run.s.regs.regs.rip = 0x401000;
	io_exit(&r, false, 0xe9, 1, 0x41);
	history_add(&h, &r.run);
	expect_last(&h, "IO    rip 0x0000000000401000  out port 0xe9 = 0x41");
	/* What lies behind the bytes that were written is no part of the value. */
	io_exit(&r, false, 0xf4, 2, 0x11223344);
	history_add(&h, &r.run);
	expect_last(&h, "IO    rip 0x0000000000401000  out port 0xf4 = 0x3344");
	io_exit(&r, true, 0x504e, 4, 0);
	history_add(&h, &r.run);
	expect_last(&h, "IO    rip 0x0000000000401000  in  port 0x504e, 4 bytes");
	mmio_exit(&r, true, 0xfee00000, 8, "\x08\x07\x06\x05\x04\x03\x02\x01");
	history_add(&h, &r.run);
	expect_last(&h, "MMIO  rip 0x0000000000401000  write GPA 0xfee00000 = 0x102030405060708");
	mmio_exit(&r, false, 0xfee00000, 4, "\0\0\0\0");
	history_add(&h, &r.run);
	expect_last(&h, "MMIO  rip 0x0000000000401000  read GPA 0xfee00000, 4 bytes");
	r.run.exit_reason = KVM_EXIT_HLT;
	history_add(&h, &r.run);
	expect_last(&h, "HLT   rip 0x0000000000401000");
}

static void a_narrow_mmio_write_has_only_its_own_bytes(void **state)
{
	static struct run r;
	struct history h = {0};

	(void)state;
	/* KVM stores `len` bytes of data; an I/O exit before left others behind them. */
	io_exit(&r, false, 0xe9, 1, 0x41);
	memset(r.run.mmio.data, 0xee, sizeof(r.run.mmio.data));
	mmio_exit(&r, true, 0xd0000000, 1, "\x41");
	history_add(&h, &r.run);
	expect_last(&h, "MMIO  rip 0x0000000000000000  write GPA 0xd0000000 = 0x41");
}

static void exits_are_counted_by_reason(void **state)
{
	static struct run r;
	struct history h = {0};
	uint64_t sum = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		io_exit(&r, false, (uint16_t)i, 1, i);
		if (i % 3 == 0)
			r.run.exit_reason = KVM_EXIT_HLT;
		history_add(&h, &r.run);
	}
	r.run.exit_reason = KVM_EXIT_REASONS;
	history_add(&h, &r.run);
	r.run.exit_reason = UINT32_MAX;
	history_add(&h, &r.run);
	assert_int_equal(h.total, 102);
	assert_int_equal(h.by_reason[KVM_EXIT_HLT], 34);
	assert_int_equal(h.by_reason[KVM_EXIT_IO], 66);
	assert_int_equal(h.by_reason[KVM_EXIT_UNKNOWN], 2);
	for (unsigned i = 0; i < KVM_EXIT_REASONS; i++)
		sum += h.by_reason[i];
	assert_int_equal(sum, h.total);
}

static void the_last_exits_are_kept_in_order(void **state)
{
	static struct run r;
	struct history h = {0};

	(void)state;
	for (unsigned i = 0; i < 3 * HISTORY_LAST + 5; i++) {
		io_exit(&r, false, (uint16_t)i, 1, i);
		history_add(&h, &r.run);
	}
	for (uint64_t i = h.total - HISTORY_LAST; i < h.total; i++)
		assert_int_equal(h.last[i % HISTORY_LAST].where, i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_of_the_header_has_its_name),
		cmocka_unit_test(every_reason_has_words),
		cmocka_unit_test(an_exit_is_told_with_what_it_did),
		cmocka_unit_test(a_narrow_mmio_write_has_only_its_own_bytes),
		cmocka_unit_test(exits_are_counted_by_reason),
		cmocka_unit_test(the_last_exits_are_kept_in_order),
	};

	return cmocka_run_group_tests_name("exits", tests, NULL, NULL);
}
