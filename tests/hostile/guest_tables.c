/* SPDX-License-Identifier: MIT */
/* Cases of the hostile guest: page tables as nobody should make them, and changes through them. */
#include "world.h"

#define FLIPS	  16
#define SELF_SLOT 200 /* free, in the lower half */

static table table_x, table_y;

static uint64_t path(uint64_t l4, uint64_t l3, uint64_t l2, uint64_t l1)
{
	return l4 << 39 | l3 << 30 | l2 << 21 | l1 << 12;
}

/* Points page n of the window at data[0] and data[1] in turn by stores at `entry` and keeps how
 * often the right one was there. */
static void flip(uint64_t entry, unsigned n)
{
	uint64_t right = 0;

	for (unsigned i = 0; i < FLIPS; i++) {
		poke(entry, gpa_of(data[i % 2]) | RW);
		flush(HOSTILE_PAGE((uint64_t)n));
		right += peek(HOSTILE_PAGE((uint64_t)n)) == 0x100 + i % 2;
	}
	keep(right);
}

static void self_pml4(void)
{
	uint64_t *top = root();

	top[SELF_SLOT] = gpa_of(top) | RW;
	flip(path(SELF_SLOT, 1, 0, 0) + 3 * 8, 3);
	/* The top table through itself: another entry of it, and that one used. */
	poke(path(SELF_SLOT, SELF_SLOT, SELF_SLOT, SELF_SLOT) + (SELF_SLOT + 1) * 8,
	     gpa_of(window_pdpt) | RW);
	keep(peek(path(SELF_SLOT + 1, 0, 0, 3)));
	flip(path(SELF_SLOT, SELF_SLOT + 1, 0, 0) + 3 * 8, 3);
	/* It takes its own entry away. */
	poke(path(SELF_SLOT, SELF_SLOT, SELF_SLOT, SELF_SLOT) + SELF_SLOT * 8, 0);
	load_root(gpa_of(top));
	argument[0] = path(SELF_SLOT, SELF_SLOT, SELF_SLOT, SELF_SLOT);
}

static void read_argument(void)
{
	peek(argument[0]);
}

static void write_argument(void)
{
	poke(argument[0], 1);
}

static void jump_argument(void)
{
	((void (*)(void))argument[0])();
}

static void self_pml4_case(void)
{
	self_pml4();
	try(read_argument);
}

static void self_pdpt(void)
{
	window_pdpt[1] = gpa_of(window_pdpt) | RW;
	/* PDPT, the same as PD, PD as table: its entry 0 is the window's table as a page. */
	flip(path(1, 1, 0, 0) + 4 * 8, 4);
}

static void self_pd(void)
{
	window_pd[1] = gpa_of(window_pd) | RW;
	flip(path(1, 0, 1, 0) + 5 * 8, 5);
	/* The PD through itself: a new PDE. */
	poke(path(1, 0, 1, 1) + 2 * 8, gpa_of(window_pt) | RW);
	keep(peek(path(1, 0, 2, 5)));
}

static void self_pt(void)
{
	window(5, gpa_of(window_pt) | RW);
	flip(HOSTILE_PAGE(5) + 6 * 8, 6);
	poke(HOSTILE_PAGE(5) + 5 * 8, gpa_of(data[2]) | RW);
	flush(HOSTILE_PAGE(5));
	keep(peek(HOSTILE_PAGE(5)));
}

/* One page is the table of every level; then a store through it changes the way to itself. */
static void one_page_for_all(void)
{
	for (unsigned i = 0; i < 512; i++)
		table_x[i] = gpa_of(table_x) | RW;
	root()[SELF_SLOT] = gpa_of(table_x) | RW;
	keep((peek(path(SELF_SLOT, 5, 6, 7)) | A | D) == (gpa_of(table_x) | RW | A | D));
	poke(path(SELF_SLOT, 5, 6, 7), gpa_of(table_y) | RW);
	argument[0] = path(SELF_SLOT, 0, 6, 7);
	flush(argument[0]);
	load_root(gpa_of(root()));
	try(read_argument);
}

/* The same table through a large page that covers it, and through two small aliases. */
static void aliases(void)
{
	window(8, gpa_of(window_pt) | RW);
	window(9, gpa_of(window_pt) | RW);
	flip(gpa_of(window_pt) + 10 * 8, 10);
	flip(HOSTILE_PAGE(8) + 10 * 8, 10);
	flip(HOSTILE_PAGE(9) + 10 * 8, 10);
	for (unsigned i = 0; i < FLIPS; i++) {
		const uint64_t way[] = {gpa_of(window_pt), HOSTILE_PAGE(8), HOSTILE_PAGE(9)};

		poke(way[i % 3] + 11 * 8, gpa_of(data[i % 5]) | RW);
		flush(HOSTILE_PAGE(11));
		if (peek(HOSTILE_PAGE(11)) != 0x100 + i % 5)
			keep(i);
	}
}

static void rights_flip(void)
{
	argument[0] = HOSTILE_PAGE(12);
	for (unsigned i = 0; i < 4; i++) {
		window(12, gpa_of(data[3]) | (i % 2 ? P : RW));
		try(write_argument);
	}
	/* D that was taken back comes again. */
	for (unsigned i = 0; i < 3; i++) {
		window(12, gpa_of(data[3]) | RW | A);
		write_argument();
		keep(window_pt[12] & (A | D));
	}
}

/* Access to page 7 of the window, whose entry is the first argument. */
static void leaf_read(void)
{
	window(7, argument[0] | RW);
	keep(peek(HOSTILE_PAGE(7)));
}

static void leaf_write(void)
{
	window(7, argument[0] | RW);
	poke(HOSTILE_PAGE(7), 0x77);
	keep(peek(HOSTILE_PAGE(7)));
}

static void leaf_jump(void)
{
	window(7, argument[0] | RW);
	((void (*)(void))HOSTILE_PAGE(7))();
}

/* The same as a table, a PD and a PDPT: by the second argument. */
static void table_at(void)
{
	switch (argument[1]) {
	case 1: window_pd[3] = argument[0] | USER; break;
	case 2: window_pdpt[3] = argument[0] | USER; break;
	case 3: root()[SELF_SLOT] = argument[0] | USER; break;
	}
	keep(peek(argument[1] == 1   ? path(1, 0, 3, 0)
		  : argument[1] == 2 ? path(1, 3, 0, 0)
				     : path(SELF_SLOT, 0, 0, 0)));
}

/* Tables in ROM that the host has filled: page 0 of it leads to data[4], page 1 has A and D too. */
static void tables_in_rom(void)
{
	window_pd[3] = argument[0] | USER;
	keep(peek(path(1, 0, 3, 0)));
	poke(path(1, 0, 3, 0), 0x55);
	keep(peek(gpa_of(data[4])));
	poke(path(1, 0, 3, 1) + 8, 0x66);
	keep(data[4][1]);
	flush(path(1, 0, 3, 0));
	keep(peek(path(1, 0, 3, 0)));
	keep(peek(argument[0]) & (A | D)); /* the entry itself is as it was */
}

/* Bits of an entry (second argument) at a level (first), each way of access. */
static void reserved(void)
{
	uint64_t mask = argument[1];

	switch (argument[0]) {
	case 1:
		window_pt[20] = gpa_of(data[5]) | USER | mask;
		argument[0] = HOSTILE_PAGE(20);
		break;
	case 2:
		window_pd[4] = (mask & PS ? 0x200000 : gpa_of(window_pt)) | USER | mask;
		argument[0] = path(1, 0, 4, 0);
		break;
	case 3:
		window_pdpt[3] = (mask & PS ? 0 : gpa_of(window_pd)) | USER | mask;
		argument[0] = path(1, 3, 0, 0);
		break;
	default:
		root()[SELF_SLOT] = gpa_of(window_pdpt) | USER | mask;
		argument[0] = path(SELF_SLOT, 0, 0, 0);
	}
	try(read_argument);
	try(write_argument);
	try(jump_argument);
	as_user(user_read, argument[0], 0);
	as_user(user_write, argument[0], 0);
}

static void load_argument(void)
{
	load_root(argument[0]);
}

/* CR3 to the first argument; there the guest may find its tables, or nothing. */
static void cr3(void)
{
	try(load_argument);
	keep(peek(gpa_of(&data[6][0])));
}

/* CR3 to a page of rubbish: 0 zeros, 1 ones, 2 entries that all lead to itself, and whose first
 * byte, 0x27, is no instruction. */
static void cr3_to_rubbish(void)
{
	const uint64_t rubbish[] = {0, UINT64_MAX, gpa_of(table_x) | USER | A};

	for (unsigned i = 0; i < 512; i++)
		table_x[i] = rubbish[argument[0] % COUNT(rubbish)];
	load_rubbish(gpa_of(table_x));
}

/* The host stores the time over a live entry; the entry counts, once flushed. */
static void time_over_an_entry(void)
{
	argument[0] = HOSTILE_PAGE(21);
	window(21, gpa_of(data[5]) | RW);
	keep(peek(HOSTILE_PAGE(21)));
	do {
		uint64_t value = PN_CALL_TIME;

		__asm__ volatile("inl %w1, %k0"
				 : "+a"(value)
				 : "d"(PN_PORT_CALL), "D"(&window_pt[21]), "S"(0)
				 : "memory");
		keep(value);
	} while (((volatile uint64_t *)window_pt)[21] & P);
	hostile_record.values = 2;
	flush(HOSTILE_PAGE(21));
	try(read_argument);
}

/* The host's turn: it does something to the guest's memory, and stores 2. */
volatile uint64_t hostile_turn;

static void turn(void)
{
	hostile_turn = 1;
	while (hostile_turn == 1)
		__asm__ volatile("pause");
}

/* A page table in memory (first argument) that the host exchanges. */
static void table_exchanged(void)
{
	window_pd[3] = argument[0] | USER;
	keep(peek(path(1, 0, 3, 0)));
	turn();
	load_root(gpa_of(root()));
	keep(peek(path(1, 0, 3, 0)));
}

/* An entry that the host stores to: data[5] instead of data[4]. */
static void entry_exchanged(void)
{
	window(22, gpa_of(data[4]) | RW);
	keep(peek(HOSTILE_PAGE(22)));
	turn();
	flush(HOSTILE_PAGE(22));
	keep(peek(HOSTILE_PAGE(22)));
}

/* A page (first argument) that the host exchanges for one with other rights. No flush. */
static void page_exchanged(void)
{
	window(7, argument[0] | RW);
	keep(peek(HOSTILE_PAGE(7)));
	if (argument[1])
		poke(HOSTILE_PAGE(7), 0x88);
	turn();
	poke(HOSTILE_PAGE(7), 0x99);
	keep(peek(HOSTILE_PAGE(7)));
}

static void set_mode(uint64_t mode)
{
	uint64_t value = PN_CALL_SET_MODE;

	__asm__ volatile("inl %w1, %k0"
			 : "+a"(value)
			 : "d"(PN_PORT_CALL), "D"(mode), "S"(0)
			 : "memory");
}

/* Shadow mode, hw mode, and then the first argument: what is at that GPA. */
static void leaf_read_after_shadow(void)
{
	set_mode(PN_GUEST_MODE_SHADOW);
	set_mode(PN_GUEST_MODE_HW);
	leaf_read();
}

/* SYSENTER's registers loaded in hw mode, and used in shadow mode. */
static void go(void)
{
	__asm__ volatile("sysenter");
}

static void sysenter_of_hw_mode(void)
{
	/* CS, ESP, EIP; all below 4 GiB. */
	const uint64_t values[] = {HOSTILE_CS, gpa_of(ist_top), gpa_of(user_ud)};

	set_mode(PN_GUEST_MODE_HW);
	for (uint32_t i = 0; i < COUNT(values); i++)
		__asm__ volatile("wrmsr" : : "c"(0x174 + i), "a"((uint32_t)values[i]), "d"(0));
	set_mode(PN_GUEST_MODE_SHADOW);
	try(go);
}

/* The monitor's own slot of the top table, put to use by the guest. */
static void slot_256(void)
{
	root()[256] = gpa_of(window_pdpt) | USER;
	window(3, gpa_of(data[1]) | USER);
	peek(UINT64_C(0xffff800000000000) + 3 * PAGE);
}

const struct hostile_case tables_cases[] = {
	{"self-pml4", self_pml4_case},
	{"self-pdpt", self_pdpt},
	{"self-pd", self_pd},
	{"self-pt", self_pt},
	{"one-page-for-all", one_page_for_all},
	{"aliases", aliases},
	{"rights-flip", rights_flip},
	{"leaf-read", leaf_read},
	{"leaf-write", leaf_write},
	{"leaf-jump", leaf_jump},
	{"table-at", table_at},
	{"tables-in-rom", tables_in_rom},
	{"reserved", reserved},
	{"cr3", cr3},
	{"cr3-to-rubbish", cr3_to_rubbish},
	{"time-over-an-entry", time_over_an_entry},
	{"table-exchanged", table_exchanged},
	{"entry-exchanged", entry_exchanged},
	{"page-exchanged", page_exchanged},
	{"leaf-read-after-shadow", leaf_read_after_shadow},
	{"sysenter-of-hw-mode", sysenter_of_hw_mode},
	{"slot-256", slot_256},
	{NULL, NULL},
};
