/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Service addresses -> backends. Used ONLY kernel side. */
#ifndef SPYGLASS_LIB_SERVICE_H
#define SPYGLASS_LIB_SERVICE_H

#include "map_defs.h"
#include "packet.h"

static __always_inline struct service *service_of(const struct packet *p)
{
	struct service_key key = {
		.address = p->key.destination,
		.port_be = p->key.destination_port_be,
		.protocol = p->key.protocol,
	};

	if (p->key.protocol != IPPROTO_TCP && p->key.protocol != IPPROTO_UDP)
		return NULL;
	return bpf_map_lookup_elem(&services, &key);
}

/*
 * A backend of the service. `preferred` is kept if connections may still use it (0: none); otherwise
 * each attempt draws one at random. NULL if there is none.
 */
static __always_inline struct backend *choose_backend(const struct service *service, __u32 preferred, __u32 *id)
{
	struct service_slot_key key = { .frontend = service->frontend };
	struct backend *backend;
	__u32 count = service->backend_count, *found;

	if (preferred) {
		backend = bpf_map_lookup_elem(&backends, &preferred);
		if (backend && backend->frontend == service->frontend) {
			*id = preferred;
			return backend;
		}
	}
	if (!count)
		return NULL;
	key.slot = bpf_get_prandom_u32() % count;
	found = bpf_map_lookup_elem(&service_slots, &key);
	if (!found)
		return NULL;
	*id = *found;
	return bpf_map_lookup_elem(&backends, found);
}

#endif
