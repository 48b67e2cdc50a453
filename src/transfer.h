/* SPDX-License-Identifier: MIT */
/* Reads that go on after an interruption or half a transfer. errno is the call's. */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads `size` bytes or up to the end; returns how many, or -1. */
ssize_t transfer_read(int fd, void *to, size_t size);

/* The same at an offset of a file, in bytes; its own position stays. */
ssize_t transfer_read_at(int fd, void *to, size_t size, uint64_t offset);

#endif
