/* SPDX-License-Identifier: MIT */
/* The hostile guest's world: descriptor tables, a window to map things in, the way to a case. */
#include "world.h"

void hostile(const struct pn_boot_info *boot);

table window_pdpt, window_pd, window_pt;
table data[8];
struct hostile_record hostile_record;
uint64_t argument[3];

struct gate idt[PAGE / sizeof(struct gate)] __attribute__((aligned(PAGE)));
uint64_t gdt[PAGE / 8] __attribute__((aligned(PAGE))) = {
	[HOSTILE_CS / 8] = UINT64_C(0x00af9b000000ffff),
	[HOSTILE_DS / 8] = UINT64_C(0x00cf93000000ffff),
	[HOSTILE_USER_DS / 8] = UINT64_C(0x00cff3000000ffff),
	[HOSTILE_USER_CS / 8] = UINT64_C(0x00affb000000ffff),
};
union tss_page tss;

void keep(uint64_t value)
{
	if (hostile_record.values < HOSTILE_VALUES)
		hostile_record.value[hostile_record.values] = value;
	hostile_record.values++;
}

void window(unsigned n, uint64_t entry)
{
	((volatile uint64_t *)window_pt)[n] = entry;
	flush(HOSTILE_PAGE((uint64_t)n));
}

void set_gate(unsigned vector, uint64_t handler, unsigned ist)
{
	idt[vector] = (struct gate){
		.low = (uint16_t)handler,
		.selector = HOSTILE_CS,
		.ist = (uint8_t)ist,
		.type = 0x8f, /* a trap gate: interrupts stay on */
		.middle = (uint16_t)(handler >> 16),
		.high = (uint32_t)(handler >> 32),
	};
}

static struct {
	const uint8_t *what;
	uint64_t rdi, rax;
} errand;

static void run_errand(void)
{
	enter_user(HOSTILE_PAGE(HOSTILE_USER_PAGE) + (uint64_t)(errand.what - user), errand.rdi,
		   errand.rax);
}

void as_user(const uint8_t *what, uint64_t rdi, uint64_t rax)
{
	errand.what = what;
	errand.rdi = rdi;
	errand.rax = rax;
	try(run_errand);
}

static void load_tables(void)
{
	const struct {
		uint16_t limit;
		const void *base;
	} __attribute__((packed)) g = {sizeof(gdt) - 1, gdt}, i = {VECTORS * 16 - 1, idt};
	uint64_t base = gpa_of(&tss);

	for (unsigned v = 0; v < VECTORS; v++)
		set_gate(v, gpa_of(stubs) + v * 16, v == VECTOR_DF);
	tss.tss.ist[0] = gpa_of(ist_top);
	tss.tss.rsp[0] = gpa_of(ist_top) - PAGE;
	tss.tss.bitmap = sizeof(struct tss);
	gdt[HOSTILE_TR / 8] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 |
			      UINT64_C(0x89) << 40 | (base >> 24 & 0xff) << 56;
	gdt[HOSTILE_TR / 8 + 1] = base >> 32;
	__asm__ volatile("lgdt %0; lidt %1; ltr %w2; sti"
			 :
			 : "m"(g), "m"(i), "r"(HOSTILE_TR)
			 : "memory");
}

static void open_window(void)
{
	window_pdpt[0] = gpa_of(window_pd) | USER;
	window_pd[0] = gpa_of(window_pt) | USER;
	root()[HOSTILE_WINDOW >> 39] = gpa_of(window_pdpt) | USER;
	window(HOSTILE_USER_PAGE, gpa_of(user) | USER);
	for (unsigned i = 0; i < COUNT(data); i++)
		data[i][0] = 0x100 + i;
}

/* The text after the word, if it is this word; else NULL. */
static const char *after(const char *text, const char *word)
{
	while (*word && *text == *word)
		text++, word++;
	return !*word && (!*text || *text == ' ') ? text : NULL;
}

static const char *number(const char *text, uint64_t *n)
{
	while (*text == ' ')
		text++;
	for (*n = 0; *text && *text != ' '; text++)
		*n = *n << 4 | (uint64_t)(*text <= '9' ? *text - '0' : (*text | 0x20) - 'a' + 10);
	return text;
}

void hostile(const struct pn_boot_info *boot)
{
	static const struct hostile_case *const all[] = {tables_cases, self_cases, transfer_cases,
							 edges_cases, cr2_cases};

	load_tables();
	open_window();
	for (unsigned i = 0; i < COUNT(all); i++) {
		for (const struct hostile_case *c = all[i]; c->name; c++) {
			const char *rest = after(boot->cmdline, c->name);

			if (!rest)
				continue;
			for (unsigned k = 0; k < COUNT(argument); k++)
				rest = number(rest, &argument[k]);
			c->run();
			out32(PN_PORT_EXIT, 0);
		}
	}
	out32(PN_PORT_EXIT, 98);
}
