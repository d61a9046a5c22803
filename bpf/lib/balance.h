/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The choice of a service's backend, the same for a packet and for a socket of the host. Used ONLY kernel
 * side.
 *
 * Without anything to remember, a connection's tuple alone decides, by the pool's Maglev table (Eisenbud et
 * al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016; the agent fills it): all
 * nodes choose alike, and a backend that comes or goes moves few connections but its own.
 */
#ifndef SPYGLASS_LIB_BALANCE_H
#define SPYGLASS_LIB_BALANCE_H

#include "map_defs.h"

#define NANOSECONDS 1000000000ull

/* One step of MurmurHash3 (32 bit; public domain, Austin Appleby). */
static __always_inline __u32 hash_word(__u32 hash, __u32 word)
{
	word *= 0xcc9e2d51;
	word = word << 15 | word >> 17;
	hash ^= word * 0x1b873593;
	hash = hash << 13 | hash >> 19;
	return hash * 5 + 0xe6546b64;
}

/* And its end, after which each bit of the input has reached each bit of the hash. */
static __always_inline __u32 hash_end(__u32 hash)
{
	hash = (hash ^ hash >> 16) * 0x85ebca6b;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35;
	return hash ^ hash >> 16;
}

/* The n-th hash of a tuple; when the choice of one attempt cannot be had, the next is another one. */
static __always_inline __u32 flow_hash(const struct flow_key *key, __u32 attempt)
{
	__u32 hash = attempt;

	for (int i = 0; i < 4; i++)
		hash = hash_word(hash, key->source.words[i]);
	for (int i = 0; i < 4; i++)
		hash = hash_word(hash, key->destination.words[i]);
	hash = hash_word(hash, (__u32)key->source_port_be << 16 | key->destination_port_be);
	return hash_end(hash_word(hash, key->protocol));
}

/* What the choice depends on. */
struct choice {
	__u32 inside;    /* 1: made for this node's pods and processes, 0: for the uplink */
	__u32 preferred; /* the backend of a connection that exists: kept while it is in the pool; 0 none */
	__u32 attempt;   /* from 0; later ones because the translated tuple was taken */
};

/* The backend in a slot of the pool's table, 0 if the table is being replaced. */
static __always_inline __u32 table_slot(__u32 pool, __u32 slot)
{
	struct maglev_key key = { .pool = pool, .chunk = slot / MAGLEV_CHUNK };
	struct maglev_chunk *chunk = bpf_map_lookup_elem(&maglev, &key);

	return chunk ? chunk->backends[slot % MAGLEV_CHUNK] : 0;
}

/*
 * A backend of the service for the tuple `key`, whose source is the client; NULL if there is none. A client
 * that is to stay with its backend (sessionAffinity ClientIP) leaves it only for a tuple that is taken.
 */
static __noinline struct backend *choose_backend(const struct service *service, const struct flow_key *key,
						 const struct choice *choice, __u32 *id)
{
	struct affinity_key who = {};
	struct affinity *last, now = {};
	struct backend *backend;
	__u32 table;

	who.client = key->source;
	who.pool = choice->inside ? service->inside_pool : service->outside_pool;
	if (choice->preferred) {
		*id = choice->preferred;
		backend = bpf_map_lookup_elem(&backends, id);
		if (backend && backend->pool == who.pool)
			return backend;
	}
	*id = 0;
	table = choice->inside ? service->inside_table : service->outside_table;
	if (!table)
		return NULL;
	if (service->affinity_s && !choice->attempt) {
		now.last_used_ns = bpf_ktime_get_coarse_ns();
		last = bpf_map_lookup_elem(&affinity, &who);
		if (last && now.last_used_ns < last->last_used_ns + service->affinity_s * NANOSECONDS) {
			*id = last->backend;
			backend = bpf_map_lookup_elem(&backends, id);
			if (backend && backend->pool == who.pool && !backend->draining) {
				last->last_used_ns = now.last_used_ns;
				return backend;
			}
		}
	}
	if (table == 1)
		*id = choice->inside ? service->inside_only : service->outside_only;
	else
		*id = table_slot(who.pool, flow_hash(key, choice->attempt) % table);
	backend = bpf_map_lookup_elem(&backends, id);
	if (backend && service->affinity_s && !choice->attempt) {
		now.backend = *id;
		bpf_map_update_elem(&affinity, &who, &now, BPF_ANY);
	}
	return backend;
}

#endif
