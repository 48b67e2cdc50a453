/* SPDX-License-Identifier: MIT */
/* The exit port: an OUT of a status to PN_PORT_EXIT ends the run. */
#ifndef DEVICE_EXIT_PORT_H
#define DEVICE_EXIT_PORT_H

#include "device/bus.h"

struct exit_port {
	uint32_t status; /* as the guest wrote it, any value */
};

/* Claims PN_PORT_EXIT. */
void exit_port_attach(struct exit_port *e, struct bus *bus);

#endif
