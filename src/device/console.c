/* SPDX-License-Identifier: MIT */
/* The guest's console. */
#include "device/console.h"

#include <penumbra/guest.h>
#include <string.h>

void console_write(struct console *c, const char *bytes, size_t len)
{
	if (c->write)
		c->write(c->arg, bytes, len);
}

static enum bus_answer console_port(void *device, const struct port_access *access)
{
	size_t len = (size_t)access->size * access->count;

	/* Reading gives the port's own number: how a guest finds out that a console is there. */
	if (access->in)
		memset(access->data, PN_PORT_CONSOLE, len);
	else
		console_write(device, (const char *)access->data, len);
	return BUS_DONE;
}

void console_attach(struct console *c, struct bus *bus)
{
	bus_add(bus, PN_PORT_CONSOLE, PN_PORT_CONSOLE, console_port, c);
}
