/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The flow cache: one entry a direction of a connection, left by its first packet (first_packet.h), so
 * that every later packet costs one lookup. Used ONLY kernel side.
 */
#ifndef SPYGLASS_LIB_FLOW_CACHE_H
#define SPYGLASS_LIB_FLOW_CACHE_H

#include "l7.h"
#include "observe.h"
#include "policy.h"
#include "rewrite.h"

#undef THIS_FILE
#define THIS_FILE SOURCE_FLOW_CACHE

/*
 * The overflow map forgets entries one by one, not in pairs, and so may an operator. After this long without
 * a packet an entry makes sure that its other direction is still there.
 */
#define PAIR_CHECK_NS 1000000000ull
/* After this long without a packet, a UDP or ICMP tuple may be taken by another connection. */
#define IDLE_NS 60000000000ull

static __always_inline int is_current(const struct flow_entry *e)
{
	return e->generation == generation_of(e->subjects[0]) + generation_of(e->subjects[1]) +
					generation_of(e->subjects[2]);
}

/* Sends a packet that is translated on its way. Returns the program's verdict, or -1 with the drop reason set. */
static __always_inline int hand_over(struct __sk_buff *skb, struct packet *p, const struct flow_entry *e)
{
	switch (e->action) {
	case ACTION_LOCAL:
		if (p->hook == HOOK_TO_POD || p->hook == HOOK_TO_UPLINK)
			return TC_ACT_OK;
		if (rewrite_macs(skb, p, e) != CONTINUE)
			return -1;
		return bpf_redirect_peer(e->out_interface, 0);
	case ACTION_NEIGHBOR:
		if (p->hook == HOOK_TO_UPLINK)
			return TC_ACT_OK;
		return bpf_redirect_neigh(e->out_interface, NULL, 0, 0);
	default:
		return TC_ACT_OK;
	}
}

/* Does what the entry says. Returns the program's verdict, or -1 with the drop reason set. */
static __always_inline int deliver(struct __sk_buff *skb, struct packet *p, struct flow_entry *e)
{
	if (e->rewrite && rewrite_packet(skb, p, e) != CONTINUE)
		return -1;
	return hand_over(skb, p, e);
}

static __always_inline void fill_direction(struct flow_entry *e, const struct end *from, const struct end *to,
					   int is_reply)
{
	e->is_reply = is_reply;
	e->in_interface = from->interface;
	if (to->interface)
		e->out_interface = to->interface;
	e->source_identity = from->identity;
	e->destination_identity = to->identity;
	e->source_endpoint = from->endpoint;
	e->destination_endpoint = to->endpoint;
	/* What goes to a pod needs no stack; the rest goes through it, unless it leaves by an uplink. */
	if (to->interface) {
		e->action = ACTION_LOCAL;
		__builtin_memcpy(e->destination_mac, to->mac, 6);
		__builtin_memcpy(e->source_mac, to->host_mac, 6);
		e->observation_point = POINT_TO_ENDPOINT;
	} else if (e->action == ACTION_NEIGHBOR) {
		e->observation_point = POINT_TO_NETWORK;
	} else {
		e->action = ACTION_PASS;
		e->observation_point = to->identity == IDENTITY_HOST ? POINT_TO_HOST : POINT_TO_STACK;
	}
	/* The side of the pod that sees it: the receiving one if it is on this node. */
	e->direction = !!to->interface ^ is_reply ? DIRECTION_INGRESS : DIRECTION_EGRESS;
}

/* Whether a tuple in the cache may be given to another connection. */
static __always_inline int is_free(struct packet *p, const struct flow_entry *e)
{
	return e->closed || (p->key.protocol != IPPROTO_TCP && coarse_now_of(p) - e->last_ns > IDLE_NS);
}

/* Whether the entry found under our reply key is the other direction of our own tuple. */
static __always_inline int is_own_reply(const struct packet *p, const struct flow_entry *e)
{
	return e->is_reply && address_equal(&e->new_destination, &p->key.source) &&
	       e->new_destination_port_be == p->key.source_port_be &&
	       address_equal(&e->new_source, &p->key.destination) &&
	       e->new_source_port_be == p->key.destination_port_be;
}

/* Forgets the other direction of a connection, unless another one has taken its tuple since. */
static __always_inline void forget_peer(const struct packet *p, const struct flow_entry *e)
{
	struct flow_entry *peer = peer_of(p, e);
	struct scratch *s = scratch_of_cpu();

	if (s && peer && peer->connection_id == e->connection_id)
		forget_flow(&s->reply_key);
}

/* Whether the packet came in where its connection does: what a pod or the node sends cannot come from elsewhere. */
static __always_inline int may_enter(const struct packet *p, const struct flow_entry *e)
{
	if (p->hook == HOOK_FROM_POD)
		return e->in_interface == p->interface;
	return p->hook != HOOK_FROM_UPLINK || (!e->in_interface && e->source_identity != IDENTITY_HOST);
}

/* What has become of an entry whose subjects have changed since it was decided. */
enum validity {
	VALID,  /* brought up to date */
	DENIED, /* policies now deny it; it stays, out of date, and is asked about with every packet */
	ANEW,   /* its ends or its backend are others now: the connection must be decided anew */
};

/*
 * Asks the policies again, for the connection as it was begun: an answer has its ends the other way round.
 * CONTINUE, or DROP.
 */
static __always_inline int ask_policies_again(struct packet *p, struct scratch *s, struct flow_entry *e, const struct end *source,
					      const struct end *destination)
{
	const struct end *from = e->is_reply ? destination : source, *to = e->is_reply ? source : destination;
	__be16 port = e->is_reply ? p->key.source_port_be : e->new_destination_port_be;

	if (egress_policy(p, s, e, from, to, port) != CONTINUE)
		return DROP;
	return ingress_policy(p, s, e, from, to, port);
}

__noinline int revalidate(struct packet *p, struct flow_entry *e)
{
	struct scratch *s = scratch_of_cpu();
	__u32 generation, backend_id;
	struct backend *backend;

	if (!p || !e || !s)
		return ANEW;
	/* Generations first: a change after this line leaves the entry out of date, not wrongly current. */
	generation = generation_of(e->subjects[0]) + generation_of(e->subjects[1]) + generation_of(e->subjects[2]);
	identify(&s->source, &p->key.source);
	if (p->hook != HOOK_FROM_POD)
		s->source.interface = 0;
	identify(&s->destination, &e->new_destination);
	if (s->source.endpoint != e->source_endpoint || s->source.interface != e->in_interface ||
	    s->destination.endpoint != e->destination_endpoint)
		return ANEW;
	/* An answer on its way still finds home when its backend has left the service. */
	if (e->service_id && e->rewrite && !e->is_reply) {
		backend_id = e->backend_id;
		backend = bpf_map_lookup_elem(&backends, &backend_id);
		/* Its number may have gone to another one meanwhile. */
		if (!backend || !address_equal(&backend->address, &e->new_destination) ||
		    backend->port_be != e->new_destination_port_be)
			return ANEW;
	}
	fill_direction(e, &s->source, &s->destination, e->is_reply);
	if (ask_policies_again(p, s, e, &s->source, &s->destination) != CONTINUE)
		return DENIED;
	update_watch(p, e, e->is_reply ? l7_mode_of(&s->destination, &s->source) : l7_mode_of(&s->source, &s->destination));
	e->generation = generation;
	return VALID;
}

/* What a drop of a packet with an entry is reported with. */
static __always_inline void tell_facts(const struct packet *p, const struct flow_entry *e)
{
	struct scratch *s = scratch_of_cpu();

	if (!s)
		return;
	s->facts.destination = e->new_destination;
	s->facts.destination_port_be = e->new_destination_port_be;
	s->facts.service_id = e->service_id;
	s->facts.backend_id = e->backend_id;
	s->facts.source_identity = e->source_identity;
	s->facts.destination_identity = e->destination_identity;
	s->facts.source_endpoint = e->source_endpoint;
	s->facts.destination_endpoint = e->destination_endpoint;
	s->facts.egress_rule = e->egress_rule;
	s->facts.ingress_rule = e->ingress_rule;
}

/* Whether a forward entry that has been idle stands alone: its answers would not be translated. */
static __always_inline int has_lost_peer(struct packet *p, const struct flow_entry *e)
{
	__u64 now = coarse_now_of(p);

	return !e->is_reply && now > e->last_ns && now - e->last_ns > PAIR_CHECK_NS && !peer_of(p, e);
}

/* The flow cache as a stage: the program's verdict, -1 with drop reason and facts set, or -2 for no entry. */
#define NO_ENTRY -2

static __always_inline int cached_packet(struct __sk_buff *skb, struct packet *p, __u32 *preferred)
{
	struct flow_entry *e = find_flow(&p->key);
	struct edge_counters *edge;
	int result;

	if (!e)
		return NO_ENTRY;
	if (!may_enter(p, e))
		return NO_ENTRY; /* the source check names it */
	if (e->closed && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && !e->is_reply) {
		/* The tuple is used again: a new connection. */
		forget_peer(p, e);
		return NO_ENTRY;
	}
	if (has_lost_peer(p, e)) {
		/* Decided anew, with the same backend, so that the answer finds its way. */
		*preferred = e->backend_id;
		forget_flow(&p->key);
		return NO_ENTRY;
	}
	if (!is_current(e)) {
		result = revalidate(p, e);
		if (result == DENIED) {
			tell_facts(p, e);
			return -1;
		}
		if (result == ANEW) {
			if (e->is_reply) {
				tell_facts(p, e);
				return drop(p, FLOW_CACHE, STALE_OR_UNROUTABLE_IP), -1;
			}
			*preferred = e->backend_id;
			forget_peer(p, e);
			forget_flow(&p->key);
			return NO_ENTRY;
		}
	}
	edge = count_packet(p, e);
	p->path |= 1u << STAGE_FLOW_CACHE | 1u << STAGE_DELIVER;
	observe(p, e, edge);
	read_messages(skb, p, e);
	result = deliver(skb, p, e);
	if (result < 0)
		tell_facts(p, e);
	if (p->ended) {
		forget_peer(p, e);
		forget_flow(&p->key);
	}
	return result;
}

#endif
