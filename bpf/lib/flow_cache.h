/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The flow cache: one entry a direction of a connection, left by its first packet (first_packet.h), so
 * that every later packet costs one lookup. Used ONLY kernel side.
 */
#ifndef SPYGLASS_LIB_FLOW_CACHE_H
#define SPYGLASS_LIB_FLOW_CACHE_H

#include "counters.h"
#include "emit.h"
#include "packet.h"
#include "rewrite.h"
#include "route.h"
#include "scratch.h"

#undef THIS_FILE
#define THIS_FILE SOURCE_FLOW_CACHE

/*
 * The map forgets entries one by one, not in pairs. After this long without a packet an entry makes sure
 * that its other direction is still there.
 */
#define PAIR_CHECK_NS 1000000000ull
/* After this long without a packet, a UDP or ICMP tuple may be taken by another connection. */
#define IDLE_NS 60000000000ull

static __always_inline __u32 generation_of(__u32 subject)
{
	__u64 *generation = bpf_map_lookup_elem(&generations, &subject);

	return generation ? *generation : 0;
}

static __always_inline int is_current(const struct flow_entry *e)
{
	return e->generation == generation_of(e->subjects[0]) + generation_of(e->subjects[1]) +
					generation_of(e->subjects[2]);
}

/* The key under which the other direction of an entry's connection lies. */
static __always_inline void peer_key(struct flow_key *key, const struct packet *p, const struct flow_entry *e)
{
	key->source = e->new_destination;
	key->destination = e->new_source;
	key->source_port_be = e->new_destination_port_be;
	key->destination_port_be = e->new_source_port_be;
	key->protocol = p->key.protocol;
	key->padding[0] = key->padding[1] = key->padding[2] = 0;
}

static __always_inline struct flow_entry *peer_of(const struct packet *p, const struct flow_entry *e)
{
	struct scratch *s = scratch_of_cpu();

	if (!s)
		return NULL;
	peer_key(&s->reply_key, p, e);
	return bpf_map_lookup_elem(&flow_cache, &s->reply_key);
}

/* Counts the packet for its connection and its edge; `e` is the entry of its direction. */
static __always_inline struct edge_counters *count_packet(struct packet *p, struct flow_entry *e)
{
	struct edge_counters *edge = edge_counters_of(e->edge);

	__sync_fetch_and_add(&e->packets, p->packets);
	__sync_fetch_and_add(&e->bytes, p->bytes);
	if (edge) {
		if (e->is_reply) {
			edge->reply_packets += p->packets;
			edge->reply_bytes += p->bytes;
		} else {
			edge->packets += p->packets;
			edge->bytes += p->bytes;
		}
	}
	return edge;
}

/* Does what the entry says. Returns the program's verdict, or -1 with the drop reason set. */
static __always_inline int deliver(struct packet *p, struct flow_entry *e)
{
	if (e->rewrite && rewrite_packet(p, e) != CONTINUE)
		return -1;
	if (e->action != ACTION_REDIRECT_PEER)
		return TC_ACT_OK;
	if (rewrite_macs(p, e) != CONTINUE)
		return -1;
	return bpf_redirect_peer(e->out_interface, 0);
}

static __always_inline void fill_direction(struct flow_entry *e, const struct end *from, const struct end *to,
					   int is_reply)
{
	e->is_reply = is_reply;
	e->in_interface = from->interface;
	e->out_interface = to->interface;
	e->source_identity = from->identity;
	e->destination_identity = to->identity;
	e->source_endpoint = from->endpoint;
	e->destination_endpoint = to->endpoint;
	/* Pod to pod needs no stack; everything that begins or ends at the host goes through it. */
	if (from->interface && to->interface) {
		e->action = ACTION_REDIRECT_PEER;
		__builtin_memcpy(e->destination_mac, to->mac, 6);
		__builtin_memcpy(e->source_mac, to->host_mac, 6);
	} else {
		e->action = ACTION_PASS;
	}
	if (to->interface)
		e->observation_point = POINT_TO_ENDPOINT;
	else
		e->observation_point = to->identity == IDENTITY_HOST ? POINT_TO_HOST : POINT_TO_STACK;
	/* The side of the pod that sees it: the receiving one if it is on this node. */
	e->direction = !!to->interface ^ is_reply ? DIRECTION_INGRESS : DIRECTION_EGRESS;
}

/* Whether a tuple in the cache may be given to another connection. */
static __always_inline int is_free(const struct packet *p, const struct flow_entry *e)
{
	return e->closed || (p->key.protocol != IPPROTO_TCP && bpf_ktime_get_coarse_ns() - e->last_ns > IDLE_NS);
}

/* Whether the entry found under our reply key is the other direction of our own tuple. */
static __always_inline int is_own_reply(const struct packet *p, const struct flow_entry *e)
{
	return e->is_reply && address_equal(&e->new_destination, &p->key.source) &&
	       e->new_destination_port_be == p->key.source_port_be &&
	       address_equal(&e->new_source, &p->key.destination) &&
	       e->new_source_port_be == p->key.destination_port_be;
}

/* Forgets the other direction of a forward entry, unless another connection has taken its tuple since. */
static __always_inline void forget_peer(const struct packet *p, const struct flow_entry *e)
{
	struct flow_entry *peer = peer_of(p, e);
	struct scratch *s = scratch_of_cpu();

	if (s && peer && is_own_reply(p, peer))
		bpf_map_delete_elem(&flow_cache, &s->reply_key);
}

/*
 * Brings an entry of an older generation up to date. True if the packet may go on with it; false if
 * the connection must be decided anew.
 */
static __noinline int revalidate(struct packet *p, struct flow_entry *e)
{
	struct scratch *s = scratch_of_cpu();
	__u32 generation;
	struct backend *backend;

	if (!p || !e || !s)
		return 0;
	/* Generations first: a change after this line leaves the entry out of date, not wrongly current. */
	generation = generation_of(e->subjects[0]) + generation_of(e->subjects[1]) + generation_of(e->subjects[2]);
	identify(&s->source, &p->key.source);
	if (p->hook == HOOK_TO_POD)
		s->source.interface = 0;
	identify(&s->destination, &e->new_destination);
	if (s->source.endpoint != e->source_endpoint || s->source.interface != e->in_interface ||
	    s->destination.endpoint != e->destination_endpoint)
		return 0;
	/* An answer on its way still finds home when its backend has left the service. */
	if (e->service_id && !e->is_reply) {
		backend = bpf_map_lookup_elem(&backends, &e->backend_id);
		/* Its number may have gone to another one meanwhile. */
		if (!backend || !address_equal(&backend->address, &e->new_destination) ||
		    backend->port_be != e->new_destination_port_be)
			return 0;
	}
	fill_direction(e, &s->source, &s->destination, e->is_reply);
	e->generation = generation;
	return 1;
}

/* Flags, round trip, close, reports: what is worth an event beyond the first packet. */
static __always_inline void observe(struct packet *p, struct flow_entry *e, struct edge_counters *edge)
{
	__u8 new_flags = p->tcp_flags & ~e->tcp_flags;
	struct flow_entry *peer = NULL;
	__u64 now = bpf_ktime_get_coarse_ns();
	__u8 type = 0;

	e->last_ns = now;
	if (new_flags) {
		e->tcp_flags |= new_flags;
		if (!e->is_reply && (new_flags & TCP_ACK) && (e->tcp_flags & TCP_SYN) && e->answered) {
			/* The client's ACK ends the handshake that its SYN began. */
			__u64 rtt = now_of(p) - e->first_ns;

			e->rtt_ns = rtt > 0xffffffff ? 0xffffffff : rtt;
			if (edge)
				count_rtt(edge, rtt);
		}
		if (new_flags & (TCP_SYN | TCP_FIN | TCP_RST))
			type = RECORD_FLAGS;
		if (new_flags & (TCP_FIN | TCP_RST)) {
			peer = peer_of(p, e);
			if ((new_flags & TCP_RST) || (peer && peer->tcp_flags & TCP_FIN)) {
				e->closed = 1;
				if (peer) {
					peer->closed = 1;
					if (peer->rtt_ns)
						e->rtt_ns = peer->rtt_ns;
				}
				type = RECORD_CLOSE;
			}
		}
	}
	if (e->is_reply && !e->answered) {
		e->answered = 1;
		peer = peer_of(p, e);
		if (peer && !peer->answered) {
			peer->answered = 1;
			if (edge)
				edge->answered++;
			if (p->key.protocol != IPPROTO_TCP) {
				__u64 rtt = now_of(p) - peer->first_ns;

				/* Without a handshake, the time to the first answer stands in for it. */
				e->rtt_ns = rtt > 0xffffffff ? 0xffffffff : rtt;
				peer->rtt_ns = e->rtt_ns;
				if (edge)
					count_rtt(edge, rtt);
			}
		}
	}
	if (config_level < LEVEL_MEDIUM)
		return;
	if (!type) {
		if (now - e->reported_ns > config_report_interval_ns && now > e->reported_ns)
			type = RECORD_REPORT;
		else if (config_level == LEVEL_MAX)
			type = RECORD_PACKET;
		else
			return;
	}
	if (type == RECORD_CLOSE || type == RECORD_REPORT)
		peer = peer_of(p, e);
	else
		peer = NULL;
	emit_flow(p, e, peer, type);
}

/* Whether a forward entry that has been idle stands alone: its answers would not be translated. */
static __always_inline int has_lost_peer(const struct packet *p, const struct flow_entry *e)
{
	return !e->is_reply && bpf_ktime_get_coarse_ns() - e->last_ns > PAIR_CHECK_NS &&
	       bpf_ktime_get_coarse_ns() > e->last_ns && !peer_of(p, e);
}

/* The flow cache as a stage: the program's verdict, -1 with the drop reason set, or -2 for no entry. */
#define NO_ENTRY -2

static __always_inline int cached_packet(struct packet *p, __u32 *preferred)
{
	struct flow_entry *e = bpf_map_lookup_elem(&flow_cache, &p->key);
	struct edge_counters *edge;

	if (!e)
		return NO_ENTRY;
	if (p->hook == HOOK_FROM_POD && e->in_interface != p->skb->ifindex)
		return NO_ENTRY; /* the source check names it */
	if (e->closed && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && !e->is_reply) {
		/* The tuple is used again: a new connection. */
		forget_peer(p, e);
		return NO_ENTRY;
	}
	if (has_lost_peer(p, e)) {
		/* Decided anew, with the same backend, so that the answer finds its way. */
		*preferred = e->backend_id;
		bpf_map_delete_elem(&flow_cache, &p->key);
		return NO_ENTRY;
	}
	if (!is_current(e) && !revalidate(p, e)) {
		if (e->is_reply)
			return drop(p, FLOW_CACHE, STALE_OR_UNROUTABLE_IP), -1;
		*preferred = e->backend_id;
		forget_peer(p, e);
		bpf_map_delete_elem(&flow_cache, &p->key);
		return NO_ENTRY;
	}
	edge = count_packet(p, e);
	p->path |= 1u << STAGE_FLOW_CACHE | 1u << STAGE_DELIVER;
	observe(p, e, edge);
	return deliver(p, e);
}

#endif
