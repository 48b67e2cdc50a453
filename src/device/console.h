/* SPDX-License-Identifier: MIT */
/* The guest's console: bytes out through PN_PORT_CONSOLE or the console host call. */
#ifndef DEVICE_CONSOLE_H
#define DEVICE_CONSOLE_H

#include "device/bus.h"

#include <penumbra/penumbra.h>

struct console {
	pn_console_fn *write; /* NULL: output is dropped */
	void *arg;
};

void console_write(struct console *c, const char *bytes, size_t len);

/* Claims PN_PORT_CONSOLE. */
void console_attach(struct console *c, struct bus *bus);

#endif
