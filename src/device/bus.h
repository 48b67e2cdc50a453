/* SPDX-License-Identifier: MIT */
/* The I/O-port space: devices claim ranges of ports, the bus finds the one that answers. */
#ifndef DEVICE_BUS_H
#define DEVICE_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUS_DEVICES_MAX 16

/* One exit's worth of port accesses: `count` of them, `size` bytes each, one after the other. */
struct port_access {
	uint16_t port;
	uint8_t size; /* 1, 2 or 4 */
	bool in;      /* IN: the device fills data; OUT: it reads data */
	uint32_t count;
	uint8_t *data; /* size * count bytes */
};

enum bus_answer {
	BUS_DONE,      /* the guest goes on */
	BUS_UNCLAIMED, /* nobody there: an IN has read all ones, an OUT is lost */
	BUS_END,       /* the device ends the run */
};

typedef enum bus_answer bus_handler(void *device, const struct port_access *access);

struct bus_device {
	uint16_t first, last; /* ports, both included */
	bus_handler *handler;
	void *device;
};

struct bus {
	size_t count;
	struct bus_device device[BUS_DEVICES_MAX];
};

/* Adds a device; its ports are free and there is room (both are the machine's own doing). */
void bus_add(struct bus *bus, uint16_t first, uint16_t last, bus_handler *handler, void *device);

enum bus_answer bus_access(const struct bus *bus, const struct port_access *access);

#endif
