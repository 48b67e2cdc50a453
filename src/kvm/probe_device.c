/* SPDX-License-Identifier: MIT */
/* The way to /dev/kvm: CPU, firmware, module, device file, permission. The first gap is named. */
#include "kvm/probe_device.h"

#include "kvm/kvm.h"
#include "kvm/vendor.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CPUID_1_ECX_VMX	       (1u << 5)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_EXT_ECX_SVM      (1u << 2)

#define CHMOD		       "sudo chmod 0666 " KVM_DEVICE
#define RULES		       "/etc/udev/rules.d/99-kvm.rules"
#define UDEV		       "echo 'KERNEL==\"kvm\", MODE=\"0666\"' | sudo tee " RULES

/* Whether a line of the file holds `word`; false also where the file cannot be read. */
static bool file_has(const char *path, const char *word)
{
	FILE *f = fopen(path, "re");
	char line[4096];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, word) != NULL;
	fclose(f);
	return found;
}

static void look_at_cpu(struct probe_device *d)
{
	unsigned eax, ebx, ecx, edx;
	bool vmx, svm;

	__cpuid(1, eax, ebx, ecx, edx);
	vmx = ecx & CPUID_1_ECX_VMX;
	d->in_vm = ecx & CPUID_1_ECX_HYPERVISOR;
	svm = __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && (ecx & CPUID_EXT_ECX_SVM);
	d->cpuid_virt = vmx || svm;
	d->module = svm ? "kvm_amd" : "kvm_intel";
	d->kernel_virt = file_has("/proc/cpuinfo", " vmx ") || file_has("/proc/cpuinfo", " svm ");
}

/* The vendor module as a file of this kernel; its name has '-' there. */
static bool is_available(const char *module)
{
	const char *file = strcmp(module, "kvm_amd") == 0 ? "/kvm-amd.ko" : "/kvm-intel.ko";
	struct utsname host;
	char path[sizeof(host.release) + 64];

	if (uname(&host))
		return false;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", host.release);
	return file_has(path, file);
}

static bool is_member(gid_t gid)
{
	const struct passwd *user = getpwuid(getuid());
	gid_t groups[256];
	int count = sizeof(groups) / sizeof(groups[0]);

	if (!user || getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
		return false;
	for (int i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static void look_at_file(struct probe_device *d)
{
	const struct group *group;
	struct stat s;
	int fd;

	d->exists = stat(KVM_DEVICE, &s) == 0;
	fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
	d->open_errno = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (!d->exists)
		return;
	d->mode = s.st_mode & 07777;
	d->gid = s.st_gid;
	group = getgrgid(s.st_gid);
	if (group)
		snprintf(d->group, sizeof(d->group), "%s", group->gr_name);
	d->member = is_member(s.st_gid);
}

void probe_device_look(struct probe_device *d)
{
	*d = (struct probe_device){0};
	look_at_cpu(d);
	look_at_file(d);
	d->loaded = strcmp(kvm_vendor_module(), "unknown") != 0;
	d->available = is_available(d->module);
	d->in_container =
		access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
}

static void say(struct probe_remedy *r, const char *text, const char *command)
{
	snprintf(r->text, sizeof(r->text), "%s", text);
	snprintf(r->command, sizeof(r->command), "%s", command);
}

/* No driver answers: what stands between this CPU and the module? */
static void judge_absence(const struct probe_device *d, struct probe_remedy *r)
{
	if (d->in_container) {
		say(r, "containers get it from their host: start this one with --device=/dev/kvm",
		    "");
	} else if (d->loaded) {
		say(r, "the module is loaded, but the device file is missing",
		    "sudo mknod -m 0666 " KVM_DEVICE " c 10 232");
	} else if (!d->cpuid_virt) {
		say(r,
		    d->in_vm ? "this machine is a VM without VMX or SVM: turn on nested "
			       "virtualisation for it on its host"
			     : "this CPU shows neither VMX nor SVM: turn on virtualisation in the "
			       "firmware, if it has it",
		    "");
	} else if (!d->kernel_virt) {
		say(r, "the CPU has VMX or SVM, but the firmware turned it off: turn it on there",
		    "");
	} else if (d->available) {
		say(r, "the vendor module is not loaded", "");
		snprintf(r->command, sizeof(r->command), "sudo modprobe %s", d->module);
	} else {
		snprintf(r->text, sizeof(r->text),
			 "this kernel has no module %s: install one that has it", d->module);
	}
}

static void judge_permission(const struct probe_device *d, struct probe_remedy *r)
{
	if ((d->mode & 0060) != 0060 || d->gid == 0 || !d->group[0]) {
		say(r, "only its owner may open it; open it to all users, then make that last",
		    CHMOD);
		snprintf(r->lasting, sizeof(r->lasting), "%s", UDEV);
	} else if (d->member) {
		snprintf(r->text, sizeof(r->text),
			 "you are in the group %s, but this session is older: log in again",
			 d->group);
	} else {
		snprintf(r->text, sizeof(r->text),
			 "it is for the group %s: join it, then log in again", d->group);
		snprintf(r->command, sizeof(r->command), "sudo usermod -aG %s $USER", d->group);
	}
}

void probe_device_judge(const struct probe_device *d, struct probe_remedy *r)
{
	*r = (struct probe_remedy){0};
	switch (d->open_errno) {
	case 0: return;
	case ENOENT:
	case ENODEV:
	case ENXIO: judge_absence(d, r); return;
	case EACCES: judge_permission(d, r); return;
	case EPERM:
		say(r, "a device policy forbids it; start a container with --device=/dev/kvm", "");
		return;
	default: snprintf(r->text, sizeof(r->text), "%s", strerror(d->open_errno)); return;
	}
}
