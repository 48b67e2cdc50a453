/* SPDX-License-Identifier: MIT */
/*
 * What is known of a host before a guest runs: the device file and how to get at it, the
 * capabilities, what the kernel offers besides KVM.
 */
#include "groups.h"

#include "kvm/caps.h"
#include "kvm/probe_device.h"
#include "kvm/probe_kernel.h"
#include "kvm/probe_vm.h"
#include "kvm/vendor.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void open_probe(struct probe *p)
{
	struct pn_error err = {0};

	if (probe_open(p, &err))
		fail_msg("%s", err.text);
}

/* A machine that could run KVM, with the module loaded and the device file at its usual mode. */
static const struct probe_device sound = {
	.exists = true,
	.mode = 0660,
	.gid = 104,
	.group = "kvm",
	.cpuid_virt = true,
	.kernel_virt = true,
	.module = "kvm_intel",
	.loaded = true,
	.available = true,
};

static struct probe_remedy judge(const struct probe_device *d)
{
	struct probe_remedy r;

	probe_device_judge(d, &r);
	return r;
}

static void a_device_that_opens_needs_no_remedy(void **state)
{
	struct probe_remedy r = judge(&sound);

	(void)state;
	assert_string_equal(r.text, "");
	assert_string_equal(r.command, "");
}

static void a_closed_device_gets_the_command_that_opens_it(void **state)
{
	struct probe_device d = sound;
	struct probe_remedy r;

	(void)state;
	d.open_errno = EACCES;
	r = judge(&d);
	assert_string_equal(r.command, "sudo usermod -aG kvm $USER");
	assert_non_null(strstr(r.text, "log in again"));

	d.member = true;
	r = judge(&d);
	assert_string_equal(r.command, "");
	assert_non_null(strstr(r.text, "log in again"));

	d = sound;
	d.open_errno = EACCES;
	d.mode = 0600;
	r = judge(&d);
	assert_string_equal(r.command, "sudo chmod 0666 /dev/kvm");
	assert_non_null(strstr(r.lasting, "/etc/udev/rules.d/"));

	/* Nobody should be told to join root's group. */
	d.mode = 0660;
	d.gid = 0;
	strcpy(d.group, "root");
	assert_string_equal(judge(&d).command, "sudo chmod 0666 /dev/kvm");

	d.open_errno = EPERM;
	assert_non_null(strstr(judge(&d).text, "--device=/dev/kvm"));
}

static void a_missing_device_is_traced_to_the_first_gap(void **state)
{
	struct probe_device d = sound;

	(void)state;
	d.exists = false;
	d.open_errno = ENOENT;
	assert_non_null(strstr(judge(&d).command, "mknod"));

	d.loaded = false;
	assert_string_equal(judge(&d).command, "sudo modprobe kvm_intel");
	d.module = "kvm_amd";
	assert_string_equal(judge(&d).command, "sudo modprobe kvm_amd");

	d.available = false;
	assert_string_equal(judge(&d).command, "");
	assert_non_null(strstr(judge(&d).text, "no module kvm_amd"));

	d.kernel_virt = false;
	assert_non_null(strstr(judge(&d).text, "firmware turned it off"));

	d.cpuid_virt = false;
	assert_non_null(strstr(judge(&d).text, "neither VMX nor SVM"));
	d.in_vm = true;
	assert_non_null(strstr(judge(&d).text, "nested"));
	d.in_container = true;
	assert_non_null(strstr(judge(&d).text, "--device=/dev/kvm"));
}

static void looking_at_the_device_agrees_with_opening_it(void **state)
{
	struct probe_device d;

	(void)state;
	probe_device_look(&d);
	assert_true(d.exists);
	assert_int_equal(d.open_errno, 0);
	if (strcmp(kvm_vendor_module(), "kvm_intel") == 0 ||
	    strcmp(kvm_vendor_module(), "kvm_amd") == 0) {
		assert_string_equal(d.module, kvm_vendor_module());
		assert_true(d.loaded && d.cpuid_virt && d.kernel_virt);
	}
}

static void capabilities_have_ids_of_their_own_that_fit(void **state)
{
	size_t count;
	const struct kvm_cap *caps = kvm_caps(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		assert_in_range(strlen(caps[i].id), 1, 21);
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(caps[i].id, caps[j].id);
			assert_int_not_equal(caps[i].number, caps[j].number);
		}
	}
}

static void a_capability_with_bits_needs_all_of_them(void **state)
{
	const struct kvm_cap plain = {.bits = 0}, three = {.bits = 3};

	(void)state;
	assert_true(kvm_cap_enough(&plain, 1));
	assert_true(kvm_cap_enough(&plain, 4096));
	assert_false(kvm_cap_enough(&plain, 0));
	assert_true(kvm_cap_enough(&three, 7));
	assert_false(kvm_cap_enough(&three, 5));
}

static void a_host_that_runs_guests_has_what_is_required(void **state)
{
	struct probe p;
	size_t count;
	const struct kvm_cap *caps = kvm_caps(&count);

	(void)state;
	open_probe(&p);
	for (size_t i = 0; i < count; i++)
		if (caps[i].required &&
		    !kvm_cap_enough(&caps[i], kvm_check_extension(p.host.fd, caps[i].number)))
			fail_msg("%s", caps[i].id);
	probe_close(&p);
}

static void kernel_probes_tell_what_is_there(void **state)
{
	uint64_t reserved = 1, available = 1;
	struct probe_tracefs t;

	(void)state;
	assert_false(probe_hugepages(UINT64_C(3) << 20, &reserved, &available));
	assert_int_equal(reserved, 0);
	assert_int_equal(available, 0);
	if (probe_hugepages(UINT64_C(2) << 20, &reserved, &available))
		assert_true(available <= reserved);
	probe_tracefs(&t);
	if (!t.path[0])
		assert_false(t.readable || t.writable || t.kvm || t.kvmmmu);
	else
		assert_true(t.supported);
	if (getenv("PENUMBRA_RIG"))
		assert_true(t.readable && t.writable && t.kvm && t.kvmmmu);
	/* What a container's policy leaves to its root is not for this test to say. */
	if (getenv("PENUMBRA_RIG"))
		assert_int_equal(probe_userfaultfd(), PROBE_UFFD_SYSCALL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_device_that_opens_needs_no_remedy),
	cmocka_unit_test(a_closed_device_gets_the_command_that_opens_it),
	cmocka_unit_test(a_missing_device_is_traced_to_the_first_gap),
	cmocka_unit_test(looking_at_the_device_agrees_with_opening_it),
	cmocka_unit_test(capabilities_have_ids_of_their_own_that_fit),
	cmocka_unit_test(a_capability_with_bits_needs_all_of_them),
	cmocka_unit_test(a_host_that_runs_guests_has_what_is_required),
	cmocka_unit_test(kernel_probes_tell_what_is_there),
};

GROUP_OF(device, tests);
