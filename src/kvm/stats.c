/* SPDX-License-Identifier: MIT */
/* KVM's own statistics: a header, a table of descriptors and a block of values, read by pread. */
#include "kvm/stats.h"

#include "error.h"
#include "kvm/kvm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* More descriptors than any kernel has; a larger number is taken as nonsense. */
#define DESCRIPTORS_MAX 4096
#define NAME_MAX_BYTES	1024

static bool read_at(int fd, void *to, size_t len, uint64_t offset)
{
	ssize_t n = pread(fd, to, len, (off_t)offset);

	/* Half of it is a failure without a number of its own. */
	if (n >= 0 && n != (ssize_t)len)
		errno = EIO;
	return n == (ssize_t)len;
}

/* Descriptors are read one by one into this. */
union descriptor {
	struct kvm_stats_desc desc;
	char room[sizeof(struct kvm_stats_desc) + NAME_MAX_BYTES];
};

static int read_head(int fd, struct kvm_stats_header *head, struct pn_error *err)
{
	if (!read_at(fd, head, sizeof(*head), 0))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM statistics: header");
	if (head->num_desc > DESCRIPTORS_MAX || head->name_size > NAME_MAX_BYTES)
		return pn_fail(err, PN_ERR_SYSTEM, "KVM statistics: %u descriptors of %u bytes",
			       head->num_desc, head->name_size);
	return PN_OK;
}

static int read_descriptor(int fd, const struct kvm_stats_header *head, uint32_t i,
			   union descriptor *d, struct pn_error *err)
{
	size_t step = sizeof(struct kvm_stats_desc) + head->name_size;

	memset(d, 0, sizeof(*d));
	if (!read_at(fd, d, step, head->desc_offset + i * step))
		return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM statistics: descriptor %u", i);
	return PN_OK;
}

static int read_all(int fd, struct kvm_stats *stats, struct pn_error *err)
{
	struct kvm_stats_header head;
	union descriptor d;
	int code = read_head(fd, &head, err);

	if (code)
		return code;
	stats->stat = calloc(head.num_desc ? head.num_desc : 1, sizeof(stats->stat[0]));
	if (!stats->stat)
		return pn_fail(err, PN_ERR_NOMEM, "KVM statistics: out of memory");
	for (uint32_t i = 0; i < head.num_desc; i++) {
		struct kvm_stat *s = &stats->stat[stats->count];

		code = read_descriptor(fd, &head, i, &d, err);
		if (code)
			return code;
		if (d.desc.size != 1)
			continue;
		if (!read_at(fd, &s->value, sizeof(s->value), head.data_offset + d.desc.offset))
			return pn_fail_errno(err, PN_ERR_SYSTEM, "KVM statistics: value %u", i);
		snprintf(s->name, sizeof(s->name), "%.*s", KVM_STAT_NAME - 1, d.desc.name);
		stats->count++;
	}
	return PN_OK;
}

int kvm_stats_read(int fd, struct kvm_stats *stats, struct pn_error *err)
{
	int stats_fd = ioctl(fd, KVM_GET_STATS_FD, NULL);
	int code;

	*stats = (struct kvm_stats){0};
	if (stats_fd < 0)
		return pn_fail_errno(err, PN_ERR_HOST_LACKS, "KVM_GET_STATS_FD");
	code = read_all(stats_fd, stats, err);
	close(stats_fd);
	if (code)
		kvm_stats_free(stats);
	return code;
}

void kvm_stats_free(struct kvm_stats *stats)
{
	free(stats->stat);
	*stats = (struct kvm_stats){0};
}

uint64_t kvm_stats_get(const struct kvm_stats *stats, const char *name, uint64_t missing)
{
	for (size_t i = 0; i < stats->count; i++)
		if (strcmp(stats->stat[i].name, name) == 0)
			return stats->stat[i].value;
	return missing;
}

static int find_watched(struct kvm_stats_watch *w, const char *const *names, struct pn_error *err)
{
	struct kvm_stats_header head;
	union descriptor d;
	int code = read_head(w->fd, &head, err);

	for (uint32_t i = 0; !code && i < head.num_desc; i++) {
		code = read_descriptor(w->fd, &head, i, &d, err);
		for (size_t k = 0; !code && k < w->count; k++)
			if (names[k] && d.desc.size == 1 &&
			    strncmp(names[k], d.desc.name, NAME_MAX_BYTES) == 0)
				w->offset[k] = (int64_t)head.data_offset + d.desc.offset;
	}
	return code;
}

int kvm_stats_watch(struct kvm_stats_watch *w, int fd, const char *const *names, size_t count,
		    struct pn_error *err)
{
	int code;

	*w = (struct kvm_stats_watch){.fd = ioctl(fd, KVM_GET_STATS_FD, NULL), .count = count};
	if (w->fd < 0)
		return pn_fail_errno(err, PN_ERR_HOST_LACKS, "KVM_GET_STATS_FD");
	for (size_t i = 0; i < count; i++)
		w->offset[i] = -1;
	code = find_watched(w, names, err);
	if (code)
		kvm_stats_unwatch(w);
	return code;
}

void kvm_stats_unwatch(struct kvm_stats_watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

bool kvm_stats_watched(const struct kvm_stats_watch *w, size_t i, uint64_t *value)
{
	return i < w->count && w->offset[i] >= 0 &&
	       read_at(w->fd, value, sizeof(*value), (uint64_t)w->offset[i]);
}
