/* SPDX-License-Identifier: MIT */
/* The I/O-port space. */
#include "device/bus.h"

#include <assert.h>
#include <string.h>

void bus_add(struct bus *bus, uint16_t first, uint16_t last, bus_handler *handler, void *device)
{
	assert(bus->count < BUS_DEVICES_MAX);
	bus->device[bus->count++] = (struct bus_device){first, last, handler, device};
}

enum bus_answer bus_access(const struct bus *bus, const struct port_access *access)
{
	for (size_t i = 0; i < bus->count; i++) {
		const struct bus_device *d = &bus->device[i];

		if (access->port >= d->first && access->port <= d->last)
			return d->handler(d->device, access);
	}
	if (access->in)
		memset(access->data, 0xff, (size_t)access->size * access->count);
	return BUS_UNCLAIMED;
}
