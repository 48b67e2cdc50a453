/* SPDX-License-Identifier: MIT */
/* What the host's kernel offers beside KVM. */
#include "kvm/probe_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the oldest kernel headers that Penumbra builds with. */
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

int probe_userfaultfd_open(enum probe_userfaultfd *how)
{
	int device, fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	bool absent = fd < 0 && errno == ENOSYS;

	*how = PROBE_UFFD_SYSCALL;
	if (fd >= 0)
		return fd;
	*how = absent ? PROBE_UFFD_ABSENT : PROBE_UFFD_FORBIDDEN;
	device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -1;
	fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	close(device);
	*how = fd >= 0 ? PROBE_UFFD_DEVICE : PROBE_UFFD_FORBIDDEN;
	return fd;
}

enum probe_userfaultfd probe_userfaultfd(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	enum probe_userfaultfd how;
	int fd = probe_userfaultfd_open(&how);

	if (fd < 0)
		return how;
	/* The kernel may have it and not speak this API. */
	if (ioctl(fd, UFFDIO_API, &api))
		how = PROBE_UFFD_ABSENT;
	close(fd);
	return how;
}

static bool kernel_has_filesystem(const char *name)
{
	FILE *f = fopen("/proc/filesystems", "re");
	char line[128];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		found = strchr(line, '\t') && strcmp(strchr(line, '\t') + 1, name) == 0;
	}
	fclose(f);
	return found;
}

static void find_mount(struct probe_tracefs *t)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	const struct mntent *m;

	if (!f)
		return;
	while (!t->path[0] && (m = getmntent(f)))
		if (strcmp(m->mnt_type, "tracefs") == 0 && strlen(m->mnt_dir) < sizeof(t->path))
			snprintf(t->path, sizeof(t->path), "%s", m->mnt_dir);
	endmntent(f);
}

static bool reach(const struct probe_tracefs *t, const char *name, int how)
{
	char path[sizeof(t->path) + 64];

	snprintf(path, sizeof(path), "%s/%s", t->path, name);
	return access(path, how) == 0;
}

void probe_tracefs(struct probe_tracefs *t)
{
	*t = (struct probe_tracefs){.supported = kernel_has_filesystem("tracefs")};
	find_mount(t);
	if (!t->path[0])
		return;
	t->readable = reach(t, "events", R_OK | X_OK);
	t->writable = reach(t, "tracing_on", W_OK);
	t->kvm = reach(t, "events/kvm/kvm_exit/id", R_OK);
	t->kvmmmu = reach(t, "events/kvmmmu", R_OK | X_OK);
}

static bool read_number(uint64_t size, const char *name, uint64_t *value)
{
	unsigned long long n;
	char path[128];
	bool read;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%llukB/%s",
		 (unsigned long long)(size >> 10), name);
	f = fopen(path, "re");
	if (!f)
		return false;
	read = fscanf(f, "%llu", &n) == 1;
	fclose(f);
	if (read)
		*value = n;
	return read;
}

bool probe_hugepages(uint64_t size, uint64_t *reserved, uint64_t *free)
{
	*reserved = *free = 0;
	return read_number(size, "nr_hugepages", reserved) &&
	       read_number(size, "free_hugepages", free);
}
