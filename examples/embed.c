/* SPDX-License-Identifier: MIT */
/*
 * Lesson: a VMM of your own in a page of C. A machine is made, a page of this very program's
 * memory is put into the guest's physical address space with pn_mmu_map, guest and host pass a
 * message through it, and pn_mmu_unmap takes it away again.
 *
 *     build/examples/embed build/examples/embed-guest.elf
 */
#include <penumbra/penumbra.h>
#include <stdio.h>
#include <string.h>

/* In the hole below 4 GiB, where a machine has no RAM; the guest knows the address too. */
#define SHARED_GPA 0xd0000000
#define PAGE	   4096

static _Alignas(PAGE) char shared[PAGE];

static void print(void *arg, const char *bytes, size_t len)
{
	(void)arg;
	fwrite(bytes, 1, len, stdout);
}

static int run(struct pn_machine *m, const char *guest)
{
	struct pn_result result;
	struct pn_error err;
	int code;

	strcpy(shared, "hello, guest");
	code = pn_mmu_map(m, SHARED_GPA, shared, PAGE, PN_PROT_READ_WRITE);
	if (code) {
		fprintf(stderr, "embed: pn_mmu_map: %s\n", pn_code_name(code));
		return 1;
	}
	if (pn_load_elf(m, guest, &err) || pn_run(m, &result, &err)) {
		fprintf(stderr, "embed: %s\n", err.text);
		return 1;
	}
	printf("host:  the guest ended: %s\n", result.reason);
	printf("host:  the page now says \"%s\"\n", shared);

	code = pn_mmu_unmap(m, SHARED_GPA, PAGE);
	if (code) {
		fprintf(stderr, "embed: pn_mmu_unmap: %s\n", pn_code_name(code));
		return 1;
	}
	code = pn_read(m, SHARED_GPA, shared, PAGE);
	printf("host:  after pn_mmu_unmap, reading it gives %s\n", pn_code_name(code));
	return result.end == PN_END_STATUS && result.status == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct pn_config config = {.console = print};
	struct pn_machine *m;
	struct pn_error err;
	int status;

	if (argc != 2) {
		fprintf(stderr, "usage: embed GUEST.elf\n");
		return 2;
	}
	m = pn_machine_create(&config, &err);
	if (!m) {
		fprintf(stderr, "embed: %s\n", err.text);
		return 1;
	}
	status = run(m, argv[1]);
	pn_machine_destroy(m);
	return status;
}
