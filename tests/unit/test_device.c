/* SPDX-License-Identifier: MIT */
/* The I/O-port space and its two devices, driven with accesses as KVM would hand them over. */
#include "check.h"

#include "device/bus.h"
#include "device/console.h"
#include "device/exit_port.h"

#include <penumbra/guest.h>

/* A device that counts its accesses and fills INs with its own letter. */
struct probe {
	unsigned hits;
	uint8_t letter;
	enum bus_answer answer;
};

static enum bus_answer on_probe(void *device, const struct port_access *access)
{
	struct probe *p = device;

	p->hits++;
	if (access->in)
		memset(access->data, p->letter, (size_t)access->size * access->count);
	return p->answer;
}

static void the_device_whose_range_holds_the_port_answers(void **state)
{
	struct probe a = {.letter = 'a', .answer = BUS_DONE};
	struct probe b = {.letter = 'b', .answer = BUS_END};
	struct bus bus = {0};
	struct {
		uint16_t port;
		enum bus_answer answer;
		uint8_t data;
	} cases[] = {
		{0x0000, BUS_UNCLAIMED, 0xff}, {0x00ff, BUS_UNCLAIMED, 0xff},
		{0x0100, BUS_DONE, 'a'},       {0x0107, BUS_DONE, 'a'},
		{0x0108, BUS_UNCLAIMED, 0xff}, {0xfffe, BUS_UNCLAIMED, 0xff},
		{0xffff, BUS_END, 'b'},
	};

	(void)state;
	bus_add(&bus, 0x100, 0x107, on_probe, &a);
	bus_add(&bus, 0xffff, 0xffff, on_probe, &b);
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t data = 0x5a;
		struct port_access access = {
			.port = cases[i].port, .size = 1, .in = true, .count = 1, .data = &data};

		assert_int_equal(bus_access(&bus, &access), cases[i].answer);
		assert_int_equal(data, cases[i].data);
	}
	assert_int_equal(a.hits, 2);
	assert_int_equal(b.hits, 1);
}

static void a_port_of_nobody_reads_all_ones_in_every_element(void **state)
{
	uint8_t data[16];
	struct bus bus = {0};
	struct port_access access = {.port = 0x80, .size = 4, .in = true, .count = 3, .data = data};

	(void)state;
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(bus_access(&bus, &access), BUS_UNCLAIMED);
	for (size_t i = 0; i < sizeof(data); i++)
		assert_int_equal(data[i], i < 12 ? 0xff : 0x5a);
	access.in = false;
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(bus_access(&bus, &access), BUS_UNCLAIMED);
	assert_int_equal(data[0], 0x5a);
}

struct written {
	char bytes[64];
	size_t len, calls;
};

static void keep(void *arg, const char *bytes, size_t len)
{
	struct written *w = arg;

	assert_true(w->len + len <= sizeof(w->bytes));
	memcpy(w->bytes + w->len, bytes, len);
	w->len += len;
	w->calls++;
}

static void the_console_passes_every_byte_on(void **state)
{
	struct written w = {0};
	struct console c = {.write = keep, .arg = &w};
	struct bus bus = {0};
	uint8_t data[] = "ab\0\377ef";
	struct port_access access = {.port = PN_PORT_CONSOLE, .data = data};

	(void)state;
	console_attach(&c, &bus);
	/* OUT of one byte, OUT of four, REP OUTSB of six. */
	access.size = 1, access.count = 1;
	assert_int_equal(bus_access(&bus, &access), BUS_DONE);
	access.size = 4, access.count = 1;
	assert_int_equal(bus_access(&bus, &access), BUS_DONE);
	access.size = 1, access.count = 6;
	assert_int_equal(bus_access(&bus, &access), BUS_DONE);
	assert_int_equal(w.len, 11);
	assert_memory_equal(w.bytes, "aab\0\377ab\0\377ef", 11);
}

static void a_console_without_a_reader_drops_and_counts(void **state)
{
	struct console c = {0};

	(void)state;
	console_write(&c, "lost", 4);
	console_write(&c, "", 0);
}

static void reading_the_console_port_gives_its_own_number(void **state)
{
	struct written w = {0};
	struct console c = {.write = keep, .arg = &w};
	struct bus bus = {0};
	uint8_t data = 0;
	struct port_access access = {
		.port = PN_PORT_CONSOLE, .size = 1, .in = true, .count = 1, .data = &data};

	(void)state;
	console_attach(&c, &bus);
	assert_int_equal(bus_access(&bus, &access), BUS_DONE);
	assert_int_equal(data, 0xe9);
	assert_int_equal(w.calls, 0);
}

static void an_out_to_the_exit_port_ends_the_run_with_its_value(void **state)
{
	struct bus bus = {0};
	struct exit_port e = {0};
	uint32_t value = 0xdeadbe07;
	struct port_access access = {
		.port = PN_PORT_EXIT, .size = 4, .count = 1, .data = (uint8_t *)&value};

	(void)state;
	exit_port_attach(&e, &bus);
	assert_int_equal(bus_access(&bus, &access), BUS_END);
	assert_int_equal(e.status, 0xdeadbe07);
	/* A narrow OUT gives its own bytes and zeroes, whatever lies behind them. */
	access.size = 1;
	assert_int_equal(bus_access(&bus, &access), BUS_END);
	assert_int_equal(e.status, 0x07);
	access.size = 2;
	assert_int_equal(bus_access(&bus, &access), BUS_END);
	assert_int_equal(e.status, 0xbe07);
}

static void reading_the_exit_port_ends_nothing(void **state)
{
	struct bus bus = {0};
	struct exit_port e = {.status = 7};
	uint32_t value = 0x5a5a5a5a;
	struct port_access access = {
		.port = PN_PORT_EXIT, .size = 4, .in = true, .count = 1, .data = (uint8_t *)&value};

	(void)state;
	exit_port_attach(&e, &bus);
	assert_int_equal(bus_access(&bus, &access), BUS_DONE);
	assert_int_equal(value, 0);
	assert_int_equal(e.status, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_device_whose_range_holds_the_port_answers),
		cmocka_unit_test(a_port_of_nobody_reads_all_ones_in_every_element),
		cmocka_unit_test(the_console_passes_every_byte_on),
		cmocka_unit_test(a_console_without_a_reader_drops_and_counts),
		cmocka_unit_test(reading_the_console_port_gives_its_own_number),
		cmocka_unit_test(an_out_to_the_exit_port_ends_the_run_with_its_value),
		cmocka_unit_test(reading_the_exit_port_ends_nothing),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
