/* SPDX-License-Identifier: MIT */
/*
 * The loader with files that are wrong in one way each: refused, in one line that names the file
 * and the value, with memory untouched. Each case spoils a good file.
 */
#include "elf_fixture.h"

#include <penumbra/guest.h>
#include <stdlib.h>

struct hostile {
	const char *name;
	void (*spoil)(struct elf_file *f);
	const char *says; /* a part of the line */
};

static Elf64_Phdr *segment(struct elf_file *f, unsigned index)
{
	return elf_program(f, index);
}

#define SPOIL(name, statement)               \
	static void name(struct elf_file *f) \
	{                                    \
		statement;                   \
	}

SPOIL(bad_magic, f->bytes[0] = 0x7e)
SPOIL(class_32, elf_header(f)->e_ident[EI_CLASS] = ELFCLASS32)
SPOIL(class_0, elf_header(f)->e_ident[EI_CLASS] = ELFCLASSNONE)
SPOIL(big_endian, elf_header(f)->e_ident[EI_DATA] = ELFDATA2MSB)
SPOIL(no_data, elf_header(f)->e_ident[EI_DATA] = ELFDATANONE)
SPOIL(machine_386, elf_header(f)->e_machine = EM_386)
SPOIL(machine_arm, elf_header(f)->e_machine = EM_AARCH64)
SPOIL(type_rel, elf_header(f)->e_type = ET_REL)
SPOIL(type_core, elf_header(f)->e_type = ET_CORE)
SPOIL(type_none, elf_header(f)->e_type = ET_NONE)
SPOIL(phoff_past, elf_header(f)->e_phoff = f->size + 1)
SPOIL(phoff_wraps, elf_header(f)->e_phoff = UINT64_MAX - 8)
SPOIL(phnum_past, elf_header(f)->e_phnum = 4096)
SPOIL(no_phdr, elf_header(f)->e_phnum = 0)
SPOIL(no_load, segment(f, 0)->p_type = segment(f, 1)->p_type = PT_NOTE)
SPOIL(interp, segment(f, 1)->p_type = PT_INTERP)
SPOIL(filesz_more, segment(f, 0)->p_memsz = segment(f, 0)->p_filesz - 1)
SPOIL(filesz_no_memsz, segment(f, 1)->p_memsz = 0)
SPOIL(phentsize_0, elf_header(f)->e_phentsize = 0)
SPOIL(phentsize_112, elf_header(f)->e_phentsize = 112)
SPOIL(half_header, f->size = 50)
SPOIL(filesz_past, segment(f, 1)->p_filesz = segment(f, 1)->p_memsz = 0x4000)
SPOIL(offset_past, segment(f, 1)->p_offset = f->size - 1)
SPOIL(offset_wraps, segment(f, 1)->p_offset = -(uint64_t)8)
SPOIL(filesz_wraps, segment(f, 0)->p_filesz = segment(f, 0)->p_memsz = -(uint64_t)64)
SPOIL(same_place, segment(f, 1)->p_vaddr = segment(f, 1)->p_paddr = 0x20000)
SPOIL(same_gpa, segment(f, 1)->p_paddr = 0x20008)
SPOIL(same_gva, segment(f, 1)->p_vaddr = 0x20008)
SPOIL(overlap_by_one, segment(f, 0)->p_memsz = 0x1001)
SPOIL(inside, (segment(f, 0)->p_memsz = 0x8000))
SPOIL(page_0, segment(f, 1)->p_paddr = 0)
SPOIL(boot_area, segment(f, 1)->p_paddr = PN_BOOT_AREA_END - 16)
SPOIL(boot_area_edge, segment(f, 1)->p_paddr = PN_BOOT_AREA_END - 1)
SPOIL(bss_past_ram, segment(f, 1)->p_memsz = LOW_SIZE - 0x21000 + 1)
SPOIL(in_no_ram, segment(f, 1)->p_paddr = LOW_SIZE)
SPOIL(far, segment(f, 1)->p_paddr = UINT64_C(1) << 40)
SPOIL(huge_memsz, segment(f, 1)->p_memsz = UINT64_C(1) << 62)
SPOIL(gpa_wraps, segment(f, 1)->p_paddr = -(uint64_t)50)
SPOIL(gva_wraps, segment(f, 1)->p_vaddr = -(uint64_t)50)
SPOIL(memsz_wraps, segment(f, 1)->p_memsz = -(uint64_t)0x21000)
SPOIL(memsz_all, segment(f, 1)->p_memsz = UINT64_MAX)
SPOIL(in_rom, segment(f, 1)->p_paddr = HOLE)
SPOIL(entry_before, elf_header(f)->e_entry = 0x1ffff)
SPOIL(entry_behind, elf_header(f)->e_entry = 0x20000 + sizeof(ELF_TEXT))
SPOIL(entry_0, elf_header(f)->e_entry = 0)
SPOIL(entry_high, elf_header(f)->e_entry += PN_HIGH_BASE)
SPOIL(entry_noncanonical, elf_header(f)->e_entry = UINT64_C(0x8000000000020004))

static void entry_unmapped(struct elf_file *f)
{
	segment(f, 0)->p_vaddr += UINT64_C(1) << 40;
	elf_header(f)->e_entry += UINT64_C(1) << 40;
}

static void entry_moved(struct elf_file *f)
{
	segment(f, 0)->p_vaddr += 0x10000;
	elf_header(f)->e_entry += 0x10000;
}

static const struct hostile hostiles[] = {
	{"no magic number", bad_magic, "not an ELF"},
	{"32-bit", class_32, "64-bit"},
	{"no class", class_0, ""},
	{"big-endian", big_endian, "little-endian"},
	{"no byte order", no_data, ""},
	{"for the 386", machine_386, "3"},
	{"for ARM", machine_arm, "183"},
	{"an object file", type_rel, "1"},
	{"a core file", type_core, "4"},
	{"a file of no type", type_none, "0"},
	{"program headers past the end", phoff_past, "program headers"},
	{"program headers that wrap", phoff_wraps, "program headers"},
	{"more program headers than bytes", phnum_past, "program headers"},
	{"no program headers", no_phdr, "PT_LOAD"},
	{"nothing to load", no_load, "PT_LOAD"},
	{"wants a dynamic linker", interp, "dynamic linker"},
	{"p_filesz above p_memsz", filesz_more, "p_filesz"},
	{"p_filesz and no p_memsz", filesz_no_memsz, "p_filesz"},
	{"program headers of no bytes", phentsize_0, "of 0 bytes"},
	{"program headers of 112 bytes", phentsize_112, "of 112 bytes"},
	{"half an ELF header", half_header, "truncated: 50 bytes"},
	{"a segment past the end of the file", filesz_past, "truncated"},
	{"a segment that begins at the last byte", offset_past, "truncated"},
	{"a file offset that wraps", offset_wraps, "truncated"},
	{"a file size that wraps", filesz_wraps, ""},
	{"two segments at one place", same_place, "overlap"},
	{"two segments at one GPA", same_gpa, "overlap"},
	{"two segments at one GVA", same_gva, "overlap"},
	{"segments that overlap by a byte", overlap_by_one, "overlap"},
	{"a segment inside another", inside, "overlap"},
	{"page 0", page_0, "boot area"},
	{"the boot area", boot_area, "boot area"},
	{"the boot area's last byte", boot_area_edge, "0x1ffff"},
	{"BSS past the end of RAM", bss_past_ram, "outside RAM"},
	{"a segment behind RAM", in_no_ram, "0x40000"},
	{"a segment at a terabyte", far, "0x10000000000"},
	{"a huge p_memsz", huge_memsz, "outside RAM"},
	{"a GPA range that wraps", gpa_wraps, ""},
	{"a GVA range that wraps", gva_wraps, "wrap"},
	{"a p_memsz that wraps to 0", memsz_wraps, ""},
	{"the largest p_memsz", memsz_all, ""},
	{"a segment in a read-only slot", in_rom, "0x80000"},
	{"an entry before every segment", entry_before, "0x1ffff"},
	{"an entry behind its segment", entry_behind, "entry"},
	{"an entry at 0", entry_0, "entry 0x0"},
	{"an entry in another half", entry_high, "entry"},
	{"an entry that is not canonical", entry_noncanonical, "entry"},
	{"an entry at an unmapped GVA", entry_unmapped, "entry"},
	{"an entry whose GVA maps another GPA", entry_moved, "entry"},
};

static void refuse_all(struct loader *l, const struct elf_plan *plan, const struct hostile *cases,
		       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct hostile *c = &cases[i];
		struct elf_file f = elf_build(plan);
		int code;

		c->spoil(&f);
		loader_store(l, f.bytes, f.size);
		free(f.bytes);
		code = loader_load(l);
		CHECK_CODE(c->name, code, PN_ERR_IMAGE);
		CHECK_CONTAINS(c->name, l->err.text, c->says);
		expect_good_order(c->name, l, code);
	}
}

static void each_wrong_executable_is_refused_in_one_line(void **state)
{
	refuse_all(*state, &elf_good_exec, hostiles, COUNT(hostiles));
}

#define RELA_TYPE(f, index, type) (elf_rela(f, index)->r_info = ELF64_R_INFO(0, type))

SPOIL(rela_64, RELA_TYPE(f, 1, R_X86_64_64))
SPOIL(rela_glob_dat, RELA_TYPE(f, 0, R_X86_64_GLOB_DAT))
SPOIL(rela_irelative, RELA_TYPE(f, 2, R_X86_64_IRELATIVE))
SPOIL(rela_unknown, RELA_TYPE(f, 2, 0x7fffffff))
SPOIL(rela_outside, elf_rela(f, 2)->r_offset = 0x100000)
SPOIL(rela_straddles, elf_rela(f, 2)->r_offset = 0x1000 + 100 - 7)
SPOIL(rela_before, elf_rela(f, 2)->r_offset = -(uint64_t)1)
SPOIL(rela_low, elf_rela(f, 2)->r_offset = -IMAGE_PIE_BASE)
SPOIL(rela_truncated, elf_section(f, SHT_RELA)->sh_offset = f->size - 24)
SPOIL(rela_entry_half, elf_section(f, SHT_RELA)->sh_entsize = 12)
SPOIL(rela_entry_double, elf_section(f, SHT_RELA)->sh_entsize = 48)
SPOIL(rela_entry_0, elf_section(f, SHT_RELA)->sh_entsize = 0)
SPOIL(rela_twice, *elf_section(f, SHT_SYMTAB) = *elf_section(f, SHT_RELA))
SPOIL(relr, elf_section(f, SHT_RELA)->sh_type = SHT_RELR)
SPOIL(rel, elf_section(f, SHT_RELA)->sh_type = SHT_REL)
SPOIL(pie_interp, segment(f, 1)->p_type = PT_INTERP)
SPOIL(pie_past_ram, segment(f, 1)->p_vaddr = PIE_SIZE)
SPOIL(pie_wraps, segment(f, 1)->p_vaddr = -(uint64_t)50 - IMAGE_PIE_BASE)
SPOIL(pie_boot_area, segment(f, 1)->p_vaddr = 0x1000 - IMAGE_PIE_BASE)
SPOIL(pie_entry, elf_header(f)->e_entry = 0x20000)

static const struct hostile hostile_pies[] = {
	{"an absolute relocation", rela_64, "type 1"},
	{"a relocation to a symbol", rela_glob_dat, "type 6"},
	{"an indirect relocation", rela_irelative, "type 37"},
	{"an unknown relocation", rela_unknown, "2147483647"},
	{"a relocation outside every segment", rela_outside, "0x100000"},
	{"a relocation over the end of a segment", rela_straddles, "0x105d"},
	{"a relocation before the first segment", rela_before, "0xffffffffffffffff"},
	{"a relocation at GPA 0", rela_low, "0xffffffffffe00000"},
	{"relocations past the end of the file", rela_truncated, "relocation"},
	{"relocations of half a size", rela_entry_half, "relocation"},
	{"relocations of twice their size", rela_entry_double, "relocation"},
	{"relocations of size 0", rela_entry_0, "relocation"},
	{"the same relocations twice", rela_twice, "second section of relocations"},
	{"packed relocations", relr, "RELR"},
	{"relocations without addends", rel, "relocation"},
	{"a PIE that wants a dynamic linker", pie_interp, "dynamic linker"},
	{"a PIE past the end of RAM", pie_past_ram, "outside RAM"},
	{"a PIE that wraps", pie_wraps, ""},
	{"a PIE in the boot area", pie_boot_area, "boot area"},
	{"a PIE's entry outside", pie_entry, "entry"},
};

static void each_wrong_static_pie_is_refused_in_one_line(void **state)
{
	refuse_all(*state, &elf_good_pie, hostile_pies, COUNT(hostile_pies));
}

/* The dynamic section still names the relocations: to start the guest unrelocated is wrong. */
static void a_static_pie_without_sections_is_relocated_or_refused(void **state)
{
	struct loader *l = *state;
	struct elf_file f = elf_build(&elf_good_pie);
	uint64_t word;

	elf_header(&f)->e_shoff = 0;
	elf_header(&f)->e_shnum = 0;
	elf_header(&f)->e_shstrndx = 0;
	loader_store(l, f.bytes, f.size);
	free(f.bytes);
	if (loader_load(l) == PN_OK) {
		assert_int_equal(gmem_read(&l->mem, IMAGE_PIE_BASE + 0x1000, &word, 8), PN_OK);
		assert_int_equal(word, IMAGE_PIE_BASE + 4);
	}
}

static void more_segments_than_allowed_are_refused(void **state)
{
	struct loader *l = *state;
	struct elf_plan plan = elf_good_exec;
	int code;

	plan.segments = IMAGE_SEGMENTS_MAX + 1;
	for (unsigned i = 2; i < plan.segments; i++)
		plan.segment[i] =
			(struct elf_segment){0x22000 + i * 16, 0x22000 + i * 16, "x", 1, 16};
	code = loader_load_plan(l, &plan);
	CHECK_CODE("segments", code, PN_ERR_IMAGE);
	expect_good_order("segments", l, code);
}

/* An entry must be where the boot tables map it: GPA 0 to 4 GiB, and the first 2 GiB high. */
static void an_entry_past_what_the_boot_tables_map_is_refused(void **state)
{
	const struct {
		const char *name;
		gpa_t gpa;
		gva_t gva;
		int code;
	} cases[] = {
		{"the last page below 4 GiB", 0xfffff000, 0xfffff000, PN_OK},
		{"4 GiB", 0x100000000, 0x100000000, PN_ERR_IMAGE},
		{"high, the last page below 2 GiB", 0x7ffff000, 0xfffffffffffff000, PN_OK},
		{"high, 2 GiB, whose sum wraps to 0", 0x80020000, 0x20000, PN_ERR_IMAGE},
		{"high, 2.5 GiB", 0xa0000000, 0x20000000, PN_ERR_IMAGE},
	};
	struct loader *l = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct elf_plan plan = elf_good_exec;
		uint8_t *page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);

		plan.segments = 1;
		plan.segment[0].vaddr = cases[i].gva;
		plan.segment[0].paddr = cases[i].gpa;
		plan.entry = cases[i].gva + 4;
		assert_int_equal(gmem_add(&l->mem, cases[i].gpa, page, PAGE_SIZE, false, NULL),
				 PN_OK);
		CHECK_CODE(cases[i].name, loader_load_plan(l, &plan), cases[i].code);
		for (unsigned at = 0; at < l->mem.count; at++)
			if (l->mem.slot[at].gpa == cases[i].gpa)
				gmem_remove(&l->mem, at);
		free(page);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, loader_set_up, loader_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_wrong_executable_is_refused_in_one_line),
		TEST(each_wrong_static_pie_is_refused_in_one_line),
		TEST(a_static_pie_without_sections_is_relocated_or_refused),
		TEST(more_segments_than_allowed_are_refused),
		TEST(an_entry_past_what_the_boot_tables_map_is_refused),
	};

	return cmocka_run_group_tests_name("elf_hostile", tests, NULL, NULL);
}
