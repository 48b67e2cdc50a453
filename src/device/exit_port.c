/* SPDX-License-Identifier: MIT */
/* The exit port. */
#include "device/exit_port.h"

#include <penumbra/guest.h>
#include <string.h>

static enum bus_answer exit_port(void *device, const struct port_access *access)
{
	struct exit_port *e = device;

	if (access->in) {
		memset(access->data, 0, (size_t)access->size * access->count);
		return BUS_DONE;
	}
	e->status = 0;
	memcpy(&e->status, access->data, access->size);
	return BUS_END;
}

void exit_port_attach(struct exit_port *e, struct bus *bus)
{
	bus_add(bus, PN_PORT_EXIT, PN_PORT_EXIT, exit_port, e);
}
