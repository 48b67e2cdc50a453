/* SPDX-License-Identifier: MIT */
/*
 * What a case must come to: walk(), asked about a copy of the tables that the guest builds. The copy
 * is memory of the test's own at the same GPAs; the guest's is never looked at.
 */
#ifndef TESTS_CONFORMANCE_MODEL_H
#define TESTS_CONFORMANCE_MODEL_H

#include "memory/walk.h"
#include "record.h"

/* Where the guest's things lie, and what its processor is. */
struct conf_world {
	unsigned levels;   /* 2: two levels of 32-bit entries; 3: PAE */
	unsigned slots;	   /* of CONF_SLOTS, those that the top table has room for */
	bool loads_pdptes; /* PAE: at MOV to CR3, which then refuses reserved bits; else the walk
			      reads them */
	bool lax_pdptes;   /* PAE: of the top table's entries, bits 1, 2 and 5 to 8 are not looked
			      at, and A is set */
	bool nxe_without_pae; /* two levels: EFER.NXE puts I/D into the error code */
	bool has_aliases;     /* the page is at each power of two from 4 GiB on as well */
	gpa_t root;	      /* of the top table */
	gpa_t tables;	      /* of conf_tables: by slot, four of a page each, by level - 1 */
	gpa_t data;	      /* of conf_data */
	unsigned maxphyaddr;
	bool has_1g, amd;
	unsigned host_maxphyaddr;    /* if the guest's CPUID has another */
	bool ac_at_cpl0, ac_at_cpl3; /* AC counts for implicit accesses, as for the kernel's own */
};

/* What the processor does, as far as the guest can see it. */
struct conf_expected {
	struct walk_query query;
	struct walk_result result;
	struct walk_path path;
	uint8_t vector;	   /* as in struct conf_result */
	uint64_t entry[5]; /* after the access */
	uint64_t value;	   /* of an access that goes through and has one, else 0 */
};

struct conf_model {
	struct conf_world world;
	struct gmem mem;
	uint8_t *top, *tables;
	uint8_t regs; /* those that `ctx` was made for, if `fresh` */
	uint32_t pkru;
	bool fresh;
	struct walk_context ctx;
};

void conf_model_init(struct conf_model *model, const struct conf_world *world);
void conf_model_fini(struct conf_model *model);

/* The bits of a GVA that an entry of this level leaves to lower ones. */
unsigned conf_shift(const struct conf_world *world, unsigned level);

gva_t conf_gva(const struct conf_world *world, unsigned slot);

/* The GPA of the table that entry `level` of a slot is in; the level is below the top. */
gpa_t conf_table(const struct conf_world *world, unsigned slot, unsigned level);

/*
 * Fills *e. False if the case is none: its way leads out of the model's tables, or to another page
 * than conf_data, where an access would do who knows what.
 */
bool conf_expect(struct conf_model *model, const struct conf_case *c, struct conf_expected *e);

/* Whether the case is a fetch that goes through, from a page that the same privilege may not read. */
bool conf_is_execute_only(struct conf_model *model, const struct conf_case *c);

#endif
