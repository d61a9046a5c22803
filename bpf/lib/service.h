/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Services as packets meet them; the choice of a backend is in balance.h. Used ONLY kernel side. */
#ifndef SPYGLASS_LIB_SERVICE_H
#define SPYGLASS_LIB_SERVICE_H

#include "balance.h"
#include "packet.h"

/* Whether the packet was sent by this node's pods or processes, and did not come in over the uplink. */
static __always_inline int is_inside(const struct packet *p)
{
	return p->hook == HOOK_FROM_POD || p->hook == HOOK_TO_POD;
}

/* The service a packet is for, NULL if it is for none that is offered where it comes from. */
static __always_inline struct service *service_of(const struct packet *p)
{
	struct service_key key = {
		.address = p->key.destination,
		.port_be = p->key.destination_port_be,
		.protocol = p->key.protocol,
	};
	struct service *service;

	if (p->key.protocol != IPPROTO_TCP && p->key.protocol != IPPROTO_UDP)
		return NULL;
	service = bpf_map_lookup_elem(&services, &key);
	if (!service || !(is_inside(p) ? service->inside_pool : service->outside_pool))
		return NULL;
	return service;
}

#endif
