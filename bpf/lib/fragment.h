/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Fragments (RFC 791, RFC 8200). Only the first has a transport header; the others take its ports from a map and
 * so follow the same flow entry. One that comes before the first has none to take and is dropped: senders
 * emit them in order. Used ONLY kernel side.
 */
#ifndef SPYGLASS_LIB_FRAGMENT_H
#define SPYGLASS_LIB_FRAGMENT_H

#include "map_defs.h"
#include "packet.h"

#undef THIS_FILE
#define THIS_FILE SOURCE_FRAGMENT

/*
 * After this long the receiver has given up on the datagram (the kernel's ipfrag_time and ip6frag_time allow less or
 * as much; RFC 8200, 4.5), and what has its number belongs to another one.
 */
#define REASSEMBLY_NS 60000000000ull

static __always_inline void fragment_key_of(struct fragment_key *key, const struct packet *p)
{
	key->source = p->key.source;
	key->destination = p->key.destination;
	key->id = p->fragment_id;
	key->interface = p->interface;
	key->hook = p->hook;
	key->protocol = p->key.protocol;
	__builtin_memset(key->padding, 0, sizeof(key->padding));
}

/* Notes the ports of a first fragment. */
static __always_inline void first_fragment(const struct packet *p)
{
	struct fragment_key key;
	struct fragment_value value = {
		.seen_ns = bpf_ktime_get_coarse_ns(),
		.source_port_be = p->key.source_port_be,
		.destination_port_be = p->key.destination_port_be,
	};

	fragment_key_of(&key, p);
	bpf_map_update_elem(&fragments, &key, &value, BPF_ANY);
}

/* Gives a later fragment the ports of its first. CONTINUE, or DROP if that has not been seen of late. */
static __always_inline int later_fragment(struct packet *p)
{
	struct fragment_key key;
	const struct fragment_value *value;

	fragment_key_of(&key, p);
	value = bpf_map_lookup_elem(&fragments, &key);
	if (!value || bpf_ktime_get_coarse_ns() - value->seen_ns > REASSEMBLY_NS)
		return drop(p, PARSE, IP_FRAGMENTATION_NOT_SUPPORTED);
	p->key.source_port_be = value->source_port_be;
	p->key.destination_port_be = value->destination_port_be;
	p->headless = 1;
	return CONTINUE;
}

#endif
