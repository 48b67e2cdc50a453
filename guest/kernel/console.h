/* SPDX-License-Identifier: MIT */
/* Formatted output, a line at a time. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Prints. Understands %s %c %u %lu %x %lx %%, and a width for %s (`-` aligns left). The text stays
 * in a buffer until its line ends; lines over CONSOLE_LINE_MAX bytes are broken.
 */
void kprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void kvprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

#define CONSOLE_LINE_MAX 512

#endif
