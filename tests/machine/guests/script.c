/* SPDX-License-Identifier: MIT */
/* The script guest: see script.h for the words. */
#include "script.h"

#include <penumbra/guest.h>

#define PTE_PRESENT 1
#define PTE_WRITE   2
#define PTE_USER    4
#define PAGE	    4096
#define CR4_LA57    (1 << 12)
#define CR4_PKE	    (1 << 22)
#define ADDRESS	    UINT64_C(0x000ffffffffff000)

extern uint64_t fault_error, fault_cr2;

void trap_6(void);
void trap_13(void);
void trap_14(void);
uint64_t try(void (*f)(void *), void *arg);
void script(const struct pn_boot_info *boot);

struct script_result results[SCRIPT_RESULTS];
uint64_t result_count;

/* For `serve`: the host stores 1 to have it done once, 2 to go on with the script. */
volatile uint32_t serve_command;
/* For `hammer`. */
volatile uint64_t hammered;

static uint64_t window_pdpt[512] __attribute__((aligned(PAGE)));
static uint64_t window_pd[512] __attribute__((aligned(PAGE)));
static uint64_t window_pt[512] __attribute__((aligned(PAGE)));

/* A word of the script, about to be done. */
struct step {
	uint64_t a[3], value;
	const char *text;
	unsigned size;
};

static void out(uint16_t port, uint32_t value, unsigned size)
{
	switch (size) {
	case 1: __asm__ volatile("outb %b0, %1" : : "a"(value), "Nd"(port)); break;
	case 2: __asm__ volatile("outw %w0, %1" : : "a"(value), "Nd"(port)); break;
	default: __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port)); break;
	}
}

static void do_read(struct step *s)
{
	switch (s->size) {
	case 1: s->value = *(volatile uint8_t *)s->a[0]; break;
	case 2: s->value = *(volatile uint16_t *)s->a[0]; break;
	case 4: s->value = *(volatile uint32_t *)s->a[0]; break;
	default: s->value = *(volatile uint64_t *)s->a[0]; break;
	}
}

static void do_write(struct step *s)
{
	switch (s->size) {
	case 1: *(volatile uint8_t *)s->a[0] = (uint8_t)s->a[1]; break;
	case 2: *(volatile uint16_t *)s->a[0] = (uint16_t)s->a[1]; break;
	case 4: *(volatile uint32_t *)s->a[0] = (uint32_t)s->a[1]; break;
	default: *(volatile uint64_t *)s->a[0] = s->a[1]; break;
	}
}

static void do_out(struct step *s)
{
	out((uint16_t)s->a[0], (uint32_t)s->a[1], s->size);
}

static void do_in(struct step *s)
{
	uint32_t value = 0;
	uint16_t port = (uint16_t)s->a[0];

	switch (s->size) {
	case 1: __asm__ volatile("inb %1, %b0" : "+a"(value) : "Nd"(port)); break;
	case 2: __asm__ volatile("inw %1, %w0" : "+a"(value) : "Nd"(port)); break;
	default: __asm__ volatile("inl %1, %0" : "+a"(value) : "Nd"(port)); break;
	}
	s->value = value;
}

static void do_call(struct step *s)
{
	uint64_t value = s->a[0];

	__asm__ volatile("inl %w1, %k0"
			 : "+a"(value)
			 : "d"(PN_PORT_CALL), "D"(s->a[1]), "S"(s->a[2])
			 : "memory");
	s->value = (uint32_t)value;
}

static void do_print(struct step *s)
{
	uint64_t from = s->a[0], count = s->a[1];

	__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(PN_PORT_CONSOLE) : "memory");
}

static void do_say(struct step *s)
{
	for (const char *c = s->text; *c && *c != ' '; c++)
		out(PN_PORT_CONSOLE, (uint8_t)*c, 1);
	out(PN_PORT_CONSOLE, '\n', 1);
}

static void do_outs(struct step *s)
{
	for (uint64_t i = 0; i < s->a[0]; i++)
		out(0x80, (uint32_t)i, 1);
}

static uint64_t gpa_of(const void *p)
{
	uint64_t gva = (uint64_t)p;

	return gva >= PN_HIGH_BASE ? gva - PN_HIGH_BASE : gva;
}

static void map(uint64_t page, uint64_t entry)
{
	uint64_t cr3, cr4, *root;

	__asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
	__asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
	root = (uint64_t *)(cr3 & ADDRESS);
	if (cr4 & CR4_LA57)
		root = (uint64_t *)(root[0] & ADDRESS);
	window_pt[page % 512] = entry;
	window_pd[0] = gpa_of(window_pt) | PTE_PRESENT | PTE_WRITE | PTE_USER;
	window_pdpt[0] = gpa_of(window_pd) | PTE_PRESENT | PTE_WRITE | PTE_USER;
	root[SCRIPT_WINDOW >> 39] = gpa_of(window_pdpt) | PTE_PRESENT | PTE_WRITE | PTE_USER;
	__asm__ volatile("invlpg (%0)" : : "r"(SCRIPT_WINDOW + page % 512 * PAGE) : "memory");
}

static void do_map(struct step *s)
{
	map(s->a[0], s->a[1] | PTE_PRESENT | PTE_WRITE);
}

static void do_mapro(struct step *s)
{
	map(s->a[0], s->a[1] | PTE_PRESENT);
}

static void do_table(struct step *s)
{
	window_pd[1 + s->a[0] % 8] = s->a[1] | PTE_PRESENT | PTE_WRITE;
	__asm__ volatile("movq %%cr3, %%rax; movq %%rax, %%cr3" : : : "rax", "memory");
}

/* Where no emulator of general instructions can help. */
static void do_sse(struct step *s)
{
	__asm__ volatile("movq %0, %%xmm0; punpcklqdq %%xmm0, %%xmm0" : : "r"(s->a[1]));
	if (s->a[0] % 16)
		__asm__ volatile("movups %%xmm0, (%0)" : : "r"(s->a[0]) : "memory");
	else
		__asm__ volatile("movaps %%xmm0, (%0)" : : "r"(s->a[0]) : "memory");
}

static void do_pkru(struct step *s)
{
	uint64_t cr4;

	__asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("movq %0, %%cr4" : : "r"(cr4 | CR4_PKE) : "memory");
	__asm__ volatile("wrpkru" : : "a"((uint32_t)s->a[0]), "c"(0), "d"(0) : "memory");
	__asm__ volatile("rdpkru" : "=a"(s->value) : "c"(0) : "rdx");
}

static void do_jump(struct step *s)
{
	((void (*)(void))s->a[0])();
}

static void do_serve(struct step *s)
{
	volatile uint64_t *number = (volatile uint64_t *)s->a[0];

	for (;;) {
		while (!serve_command)
			__asm__ volatile("pause");
		if (serve_command == 2)
			break;
		*number = *number + 1;
		s->value++;
		serve_command = 0;
	}
	serve_command = 0;
}

static void do_hammer(struct step *s)
{
	for (;;) {
		s->value = *(volatile uint64_t *)s->a[0];
		hammered++;
	}
}

static void do_spin(struct step *s)
{
	(void)s;
	for (;;)
		__asm__ volatile("pause");
}

static void do_hlt(struct step *s)
{
	(void)s;
	__asm__ volatile("hlt");
}

/* Leaves a mark in R15 for the report to show. */
static inline __attribute__((always_inline)) void triple_fault(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = {0};

	__asm__ volatile("lidt %0; movq $0x123, %%r15; ud2" : : "m"(none) : "r15", "memory");
}

static void do_triple(struct step *s)
{
	(void)s;
	triple_fault();
}

/* A name as long as some languages make them: longer than a line of a report. */
static void
a_function_whose_name_is_much_longer_than_any_line_of_a_report_that_keeps_to_eighty_columns(
	struct step *s)
{
	(void)s;
	triple_fault();
}

static void do_exit(struct step *s)
{
	out(PN_PORT_EXIT, (uint32_t)s->a[0], 4);
}

struct word {
	const char *name;
	unsigned size, arguments;
	void (*run)(struct step *s);
};

static const struct word words[] = {
	{"r1", 1, 1, do_read},
	{"r2", 2, 1, do_read},
	{"r4", 4, 1, do_read},
	{"r8", 8, 1, do_read},
	{"w1", 1, 2, do_write},
	{"w2", 2, 2, do_write},
	{"w4", 4, 2, do_write},
	{"w8", 8, 2, do_write},
	{"o1", 1, 2, do_out},
	{"o2", 2, 2, do_out},
	{"o4", 4, 2, do_out},
	{"i1", 1, 1, do_in},
	{"i2", 2, 1, do_in},
	{"i4", 4, 1, do_in},
	{"call", 0, 3, do_call},
	{"print", 0, 2, do_print},
	{"say", 0, 0, do_say},
	{"outs", 0, 1, do_outs},
	{"map", 0, 2, do_map},
	{"mapro", 0, 2, do_mapro},
	{"table", 0, 2, do_table},
	{"sse", 0, 2, do_sse},
	{"pkru", 0, 1, do_pkru},
	{"jump", 0, 1, do_jump},
	{"serve", 0, 1, do_serve},
	{"hammer", 0, 1, do_hammer},
	{"spin", 0, 0, do_spin},
	{"hlt", 0, 0, do_hlt},
	{"triple", 0, 0, do_triple},
	{"exit", 0, 1, do_exit},
	{"deep", 0, 0,
	 a_function_whose_name_is_much_longer_than_any_line_of_a_report_that_keeps_to_eighty_columns},
};

static const struct word *find(const char *text)
{
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *t = text, *n = words[i].name;

		while (*n && *t == *n)
			t++, n++;
		if (!*n && (!*t || *t == ' '))
			return &words[i];
	}
	return 0;
}

static const char *next(const char *text)
{
	while (*text && *text != ' ')
		text++;
	while (*text == ' ')
		text++;
	return text;
}

static uint64_t number(const char *text)
{
	uint64_t n = 0;

	for (; *text && *text != ' '; text++)
		n = n << 4 | (uint64_t)(*text <= '9' ? *text - '0' : (*text | 0x20) - 'a' + 10);
	return n;
}

/* The exceptions that try() turns into values; any other is a triple fault. */
static void load_idt(void)
{
	static struct gate {
		uint16_t low, selector, type, middle;
		uint32_t high, zero;
	} idt[15] __attribute__((aligned(16)));
	static const struct {
		unsigned vector;
		void (*handler)(void);
	} traps[] = {{6, trap_6}, {13, trap_13}, {14, trap_14}};
	const struct {
		uint16_t limit;
		const void *base;
	} __attribute__((packed)) table = {sizeof(idt) - 1, idt};

	for (unsigned i = 0; i < 3; i++) {
		uint64_t at = (uint64_t)traps[i].handler;

		idt[traps[i].vector] =
			(struct gate){(uint16_t)at,	    PN_BOOT_CS,		  0x8e00,
				      (uint16_t)(at >> 16), (uint32_t)(at >> 32), 0};
	}
	__asm__ volatile("lidt %0; sti" : : "m"(table) : "memory");
}

static void run(void *arg)
{
	struct {
		const struct word *word;
		struct step step;
	} *todo = arg;

	todo->word->run(&todo->step);
}

void script(const struct pn_boot_info *boot)
{
	const char *text = boot->cmdline;
	struct {
		const struct word *word;
		struct step step;
	} todo;

	load_idt();
	while (*text) {
		struct script_result *r = &results[result_count % SCRIPT_RESULTS];

		todo.word = find(text);
		if (!todo.word) {
			out(PN_PORT_EXIT, 99, 4);
			continue;
		}
		text = next(text);
		todo.step = (struct step){.text = text, .size = todo.word->size};
		for (unsigned i = 0; i < todo.word->arguments; i++, text = next(text))
			todo.step.a[i] = number(text);
		if (todo.word->run == do_say)
			text = next(text);
		r->trap = try(run, &todo);
		r->value = todo.step.value;
		r->error = fault_error;
		r->cr2 = fault_cr2;
		result_count++;
	}
	out(PN_PORT_EXIT, 0, 4);
}
