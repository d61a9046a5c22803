/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The graph: a packet without entry walks source check, service, identity, route and deliver, and leaves
 * one entry a direction in the flow cache. Used ONLY kernel side.
 */
#ifndef SPYGLASS_LIB_FIRST_PACKET_H
#define SPYGLASS_LIB_FIRST_PACKET_H

#include "flow_cache.h"
#include "reject.h"
#include "service.h"

#undef THIS_FILE
#define THIS_FILE SOURCE_FIRST_PACKET

/* How often another backend is tried when the translated tuple is taken. */
#define BACKEND_ATTEMPTS 4
/* How often another port is drawn for a masqueraded connection: with half of the ports taken, 1 in 65,536 fails. */
#define PORT_ATTEMPTS 16
/*
 * Stands in for a pod that reaches itself through its own service: 169.254.42.1, fd53:7079:676c::1. Not
 * link-local in IPv6, where the answer would need a scope.
 */
#define HAIRPIN_V4 0xa9fe2a01

/* Blames the pod behind the interface, not the one whose address was borrowed, and names its target. */
static __always_inline void name_spoofer(struct packet *p, struct scratch *s)
{
	__u32 interface = p->interface;
	struct interface_owner *owner = bpf_map_lookup_elem(&interfaces, &interface);
	struct service *service = service_of(p);

	if (owner) {
		s->facts.source_endpoint = owner->endpoint;
		s->facts.source_identity = owner->identity;
	}
	if (service)
		s->facts.service_id = service->id;
	identify(&s->destination, &p->key.destination);
	s->facts.destination_identity = s->destination.identity;
	s->facts.destination_endpoint = s->destination.endpoint;
}

__noinline int source_check(struct packet *p, struct scratch *s)
{
	if (!p || !s)
		return DROP;
	identify(&s->source, &p->key.source);
	s->facts.destination = p->key.destination;
	s->facts.destination_port_be = p->key.destination_port_be;
	switch (p->hook) {
	case HOOK_FROM_POD:
		if (s->source.interface != p->interface) {
			name_spoofer(p, s);
			return drop(p, SOURCE_CHECK, INVALID_SOURCE_IP);
		}
		break;
	case HOOK_FROM_UPLINK:
		/* Addresses of this node and its pods do not come from outside; the node's would open every policy. */
		if (s->source.interface || s->source.identity == IDENTITY_HOST)
			return drop(p, SOURCE_CHECK, INVALID_SOURCE_IP);
		break;
	default:
		/* What the host sends comes from the host, whatever interface the address belongs to. */
		s->source.interface = 0;
	}
	s->facts.source_identity = s->source.identity;
	s->facts.source_endpoint = s->source.endpoint;
	return CONTINUE;
}

static __always_inline void hairpin_address(struct flow_entry *e, __u8 family)
{
	if (family == 4) {
		address_from_v4(&e->new_source, bpf_htonl(HAIRPIN_V4));
	} else {
		e->new_source.words[0] = bpf_htonl(0xfd537079);
		e->new_source.words[1] = bpf_htonl(0x676c0000);
		e->new_source.words[2] = 0;
		e->new_source.words[3] = bpf_htonl(1);
	}
	e->rewrite |= REWRITE_SOURCE;
}

/* Names the service that a process of the host asked for: its socket has been given the backend's address. */
static __always_inline void name_socket_service(struct __sk_buff *skb, struct packet *p, struct scratch *s)
{
	struct socket_service_key key = {
		.cookie = bpf_get_socket_cookie(skb),
		.address = p->key.destination,
		.port_be = p->key.destination_port_be,
	};
	const struct socket_service *known = bpf_map_lookup_elem(&socket_services, &key);

	if (!known)
		return;
	s->forward.service_id = known->service_id;
	s->forward.backend_id = known->backend_id;
	s->facts.service_id = known->service_id;
	s->facts.backend_id = known->backend_id;
}

/* Translates s->forward for a service, if the packet is for one. */
__noinline int translate(struct __sk_buff *skb, struct packet *p, __u32 preferred, __u32 attempt)
{
	struct choice choice = { .preferred = preferred, .attempt = attempt };
	struct scratch *s = scratch_of_cpu();
	struct service *service;
	struct backend *backend;
	__u32 id = 0;

	if (!p || !s)
		return DROP;
	service = service_of(p);
	choice.inside = is_inside(p);
	s->service_generation = 0;
	s->forward.new_source = p->key.source;
	s->forward.new_source_port_be = p->key.source_port_be;
	s->forward.new_destination = p->key.destination;
	s->forward.new_destination_port_be = p->key.destination_port_be;
	s->forward.rewrite = 0;
	if (!service) {
		if (p->hook == HOOK_TO_POD)
			name_socket_service(skb, p, s);
		return CONTINUE;
	}
	s->service_generation = service->generation;
	s->forward.subjects[0] = SERVICE_SUBJECT + service->id;
	s->forward.service_id = service->id;
	s->facts.service_id = service->id;
	backend = choose_backend(service, &p->key, &choice, &id);
	if (!backend) {
		if ((choice.inside ? service->inside_only : service->outside_only) == NOT_HERE)
			return drop(p, SERVICE, NO_LOCAL_BACKEND);
		return drop(p, SERVICE, SERVICE_BACKEND_NOT_FOUND);
	}
	s->forward.backend_id = id;
	s->forward.new_destination = backend->address;
	s->forward.new_destination_port_be = backend->port_be;
	s->forward.rewrite = REWRITE_DESTINATION;
	if (address_equal(&backend->address, &p->key.source))
		hairpin_address(&s->forward, p->family);
	s->facts.backend_id = id;
	s->facts.destination = backend->address;
	s->facts.destination_port_be = backend->port_be;
	return CONTINUE;
}

/* Takes the reply tuple. CONTINUE, or DROP if it belongs to a connection that still needs it. */
__noinline int take_reply_tuple(struct packet *p)
{
	struct scratch *s = scratch_of_cpu();
	struct flow_entry *taken;

	if (!p || !s)
		return DROP;
	peer_key(&s->reply_key, p, &s->forward);
	if (write_flow(&s->reply_key, &s->reply, BPF_NOEXIST) == 0)
		return CONTINUE;
	taken = find_flow(&s->reply_key);
	if (taken && !is_own_reply(p, taken) && !is_free(p, taken))
		return drop(p, SERVICE, TUPLE_IN_USE);
	if (write_flow(&s->reply_key, &s->reply, BPF_ANY))
		return drop(p, FLOW_CACHE, CT_MAP_INSERTION_FAILED);
	return CONTINUE;
}

/* Draws source ports from the scratch's range until the answers' tuple is free. CONTINUE, or DROP. */
__noinline int take_port(struct packet *p)
{
	struct scratch *s = scratch_of_cpu();

	if (!p || !s)
		return DROP;
	if (!s->port_count)
		return drop(p, MASQUERADE, TUPLE_IN_USE);
	for (int attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
		s->forward.new_source_port_be = bpf_htons(s->first_port + bpf_get_prandom_u32() % s->port_count);
		peer_key(&s->reply_key, p, &s->forward);
		if (write_flow(&s->reply_key, &s->reply, BPF_NOEXIST) == 0)
			return CONTINUE;
	}
	return drop(p, MASQUERADE, TUPLE_IN_USE);
}

static __always_inline void fill_reply(struct packet *p, struct scratch *s)
{
	struct flow_entry *f = &s->forward, *r = &s->reply;

	if (p->hook == HOOK_FROM_UPLINK && !s->source.interface && s->destination.identity != IDENTITY_HOST) {
		/* Out where the request came in: its source address is one of this node's, which the stack
		 * would not let pass from a pod. */
		r->action = ACTION_NEIGHBOR;
		r->out_interface = p->interface;
	}

	r->new_source = p->key.destination;
	r->new_source_port_be = p->key.destination_port_be;
	r->new_destination = p->key.source;
	r->new_destination_port_be = p->key.source_port_be;
	r->rewrite = (f->rewrite & REWRITE_DESTINATION ? REWRITE_SOURCE : 0) |
		     (f->rewrite & REWRITE_SOURCE ? REWRITE_DESTINATION : 0);
	r->generation = f->generation;
	r->subjects[0] = f->subjects[0];
	r->subjects[1] = f->subjects[1];
	r->subjects[2] = f->subjects[2];
	r->edge = f->edge;
	r->service_id = f->service_id;
	r->backend_id = f->backend_id;
	r->egress_rule = f->egress_rule;
	r->ingress_rule = f->ingress_rule;
	r->egress_match = f->egress_match;
	r->ingress_match = f->ingress_match;
	r->verdict = f->verdict;
	r->path = f->path;
	r->l7_watch = f->l7_watch;
	r->l7_protocol = f->l7_protocol;
	r->l7_mode = f->l7_mode;
	r->connection_id = f->connection_id;
	r->first_ns = f->first_ns;
	r->last_ns = f->first_ns;
	r->reported_ns = f->first_ns;
	fill_direction(r, &s->destination, &s->source, 1);
}

static __always_inline int is_world(const struct end *end)
{
	return end->identity == IDENTITY_WORLD || end->identity >= FIRST_CIDR_IDENTITY;
}

/*
 * Sends a connection out of an uplink under the node's own address: what pods say to the world, and what the
 * world says to a service whose backend is on another node, so that the answer comes back here. The port is
 * drawn by take_port.
 */
static __always_inline int masquerade(struct packet *p, struct scratch *s)
{
	struct flow_entry *f = &s->forward;
	__u32 interface = s->fib.ifindex;
	const struct uplink *uplink = bpf_map_lookup_elem(&uplinks, &interface);
	const union address *address;

	if (!uplink)
		return CONTINUE;
	address = p->family == 4 ? &uplink->v4 : &uplink->v6;
	/* Under its own address the answer would not come back here. */
	if (!address->halves[0] && !address->halves[1])
		return drop(p, MASQUERADE, NO_NODE_ADDRESS);
	f->new_source = *address;
	f->rewrite |= REWRITE_SOURCE;
	f->action = ACTION_NEIGHBOR;
	f->out_interface = interface;
	s->first_port = uplink->first_port;
	s->port_count = uplink->port_count;
	s->masqueraded = 1;
	stage_end(p, STAGE_MASQUERADE, OUTCOME_HIT);
	return CONTINUE;
}

/* The way to an end that is no local pod. CONTINUE, or DROP. */
static __always_inline int route(struct __sk_buff *skb, struct packet *p, struct scratch *s)
{
	int result = check_route(skb, p, &s->forward.new_destination, &s->fib);

	if (result != CONTINUE)
		return result;
	stage_end(p, STAGE_ROUTE, OUTCOME_PASS);
	if (p->hook == HOOK_FROM_UPLINK || is_world(&s->destination))
		return masquerade(p, s);
	return CONTINUE;
}

/* What Linux gives to sockets by default (ip_local_port_range). */
#define FIRST_EPHEMERAL_PORT 32768
#define EPHEMERAL_PORTS 28232

/*
 * A pod may use one source port towards a service and towards one of its backends at the same time: to the backend
 * that is the same tuple twice. The later connection gets another source port there.
 */
static __always_inline int take_other_source_port(struct packet *p, struct scratch *s)
{
	if (p->key.protocol != IPPROTO_TCP && p->key.protocol != IPPROTO_UDP)
		return DROP;
	s->forward.rewrite |= REWRITE_SOURCE;
	s->first_port = FIRST_EPHEMERAL_PORT;
	s->port_count = EPHEMERAL_PORTS;
	fill_reply(p, s);
	return take_port(p);
}

/* Service, identity, policies, route: fills the forward entry but for its edge and counters. */
static __always_inline int decide(struct __sk_buff *skb, struct packet *p, struct scratch *s, __u32 preferred,
				  __u32 attempt)
{
	struct flow_entry *f = &s->forward;
	int result;

	f->subjects[0] = 0;
	f->service_id = 0;
	f->backend_id = 0;
	result = translate(skb, p, preferred, attempt);
	if (result != CONTINUE)
		return result;
	stage_end(p, STAGE_SERVICE, f->service_id ? OUTCOME_HIT : OUTCOME_PASS);

	identify(&s->destination, &f->new_destination);
	s->facts.destination_identity = s->destination.identity;
	s->facts.destination_endpoint = s->destination.endpoint;
	stage_end(p, STAGE_IDENTITY, OUTCOME_PASS);

	result = egress_policy(p, s, f, &s->source, &s->destination, f->new_destination_port_be);
	s->facts.egress_rule = f->egress_rule;
	s->facts.egress_match = f->egress_match;
	if (result != CONTINUE)
		return result;
	stage_end(p, STAGE_EGRESS_POLICY, OUTCOME_PASS);

	s->masqueraded = 0;
	f->action = 0;
	f->out_interface = 0;
	if (s->destination.interface || s->destination.identity == IDENTITY_HOST || p->hook == HOOK_TO_POD)
		stage_end(p, STAGE_ROUTE, OUTCOME_PASS);
	else if (route(skb, p, s) != CONTINUE)
		return DROP;

	result = ingress_policy(p, s, f, &s->source, &s->destination, f->new_destination_port_be);
	s->facts.ingress_rule = f->ingress_rule;
	s->facts.ingress_match = f->ingress_match;
	if (result != CONTINUE)
		return result;
	stage_end(p, STAGE_INGRESS_POLICY, OUTCOME_PASS);

	/* Generations as read with the values: an entry made from a value that changes now is never current. */
	f->subjects[1] = s->source.subject;
	f->subjects[2] = s->destination.subject;
	f->generation = s->service_generation + s->source.generation + s->destination.generation;
	fill_direction(f, &s->source, &s->destination, 0);
	set_watch(p, f, l7_mode_of(&s->source, &s->destination));
	return CONTINUE;
}

static __always_inline __u32 flow_edge(struct packet *p, struct scratch *s)
{
	struct flow_entry *f = &s->forward;
	struct edge_key *key = &s->edge;

	__builtin_memset(key, 0, sizeof(*key));
	key->source_endpoint = f->source_endpoint;
	key->destination_endpoint = f->destination_endpoint;
	key->source_identity = f->source_identity;
	key->destination_identity = f->destination_identity;
	key->service_id = f->service_id;
	if (p->key.protocol == IPPROTO_TCP || p->key.protocol == IPPROTO_UDP)
		key->port = bpf_ntohs(f->new_destination_port_be);
	key->protocol = p->key.protocol;
	key->verdict = f->verdict;
	if (!f->destination_endpoint)
		key->peer = f->new_destination;
	else if (!f->source_endpoint)
		key->peer = p->key.source;
	return edge_slot();
}

static __always_inline __u64 next_connection_id(struct packet *p)
{
	__u32 zero = 0;
	struct datapath_state *s = bpf_map_lookup_elem(&state, &zero);

	if (!s)
		return 1;
	/* Unique per boot: the time of creation above, a counter below. */
	return (now_of(p) >> 20 << 24) | (__sync_fetch_and_add(&s->next_connection, 1) & 0xffffff);
}

/*
 * Walks the stages for a packet without entry and writes both entries. Returns the program's verdict; drops are
 * counted.
 */
__noinline int first_packet(struct __sk_buff *skb, __u32 preferred)
{
	struct scratch *s = scratch_of_cpu();
	struct edge_counters *edge;
	struct flow_entry *f;
	struct packet *p;
	int result = DROP;

	if (!s)
		return TC_ACT_SHOT;
	/* Not an argument: its tuple is a map's key. */
	p = &s->packet;
	__builtin_memset(&s->forward, 0, sizeof(s->forward));
	__builtin_memset(&s->reply, 0, sizeof(s->reply));
	__builtin_memset(&s->facts, 0, sizeof(s->facts));
	f = &s->forward;

	if (source_check(p, s) != CONTINUE)
		goto dropped;
	stage_end(p, STAGE_SOURCE_CHECK, OUTCOME_PASS);

	for (int attempt = 0; attempt < BACKEND_ATTEMPTS; attempt++) {
		if (decide(skb, p, s, attempt ? 0 : preferred, attempt) != CONTINUE)
			goto dropped;
		f->path = p->path | 1u << STAGE_DELIVER;
		f->connection_id = next_connection_id(p);
		f->first_ns = now_of(p);
		f->last_ns = f->first_ns;
		f->edge = flow_edge(p, s);
		fill_reply(p, s);
		result = s->masqueraded ? take_port(p) : take_reply_tuple(p);
		if (result == CONTINUE || !f->service_id || p->drop_reason != DROP_TUPLE_IN_USE)
			break;
	}
	if (result != CONTINUE && p->drop_reason == DROP_TUPLE_IN_USE && !s->masqueraded)
		result = take_other_source_port(p, s);
	if (result != CONTINUE)
		goto dropped;

	f->packets = p->packets;
	f->bytes = p->bytes;
	f->tcp_flags = p->tcp_flags;
	/* The entry knows that its first packet has been reported; that is done once it is written. */
	if (config_level >= LEVEL_LOW) {
		f->reported_packets = f->packets;
		f->reported_bytes = f->bytes;
		f->reported_ns = now_of(p);
	}
	if (write_flow(&p->key, f, BPF_ANY)) {
		forget_flow(&s->reply_key);
		(void)drop(p, FLOW_CACHE, CT_MAP_INSERTION_FAILED);
		goto dropped;
	}
	if (config_level >= LEVEL_LOW) {
		f->reported_packets = 0;
		f->reported_bytes = 0;
		emit_flow(p, f, NULL, RECORD_NEW);
	}
	edge = edge_counters_of(f->edge);
	if (edge) {
		edge->packets += p->packets;
		edge->bytes += p->bytes;
		/* TCP without SYN goes on with a connection that began before its entry. */
		if (p->key.protocol != IPPROTO_TCP || p->tcp_flags & TCP_SYN)
			edge->connections++;
	}
	/* Of TCP it is a SYN, or the middle of a connection, which the next packets tell as well. */
	if (p->key.protocol == IPPROTO_UDP)
		read_messages(skb, p, f);
	result = deliver(skb, p, f);
	if (result >= 0) {
		stage_end(p, STAGE_DELIVER, f->action == ACTION_PASS ? OUTCOME_STACK : OUTCOME_PASS);
		return result;
	}
dropped:
	stage_end(p, p->drop_stage, OUTCOME_DROP);
	emit_drop(p);
	/*
	 * Only where no node has a backend: a client that was sent to the wrong node (traffic policy Local) may come to
	 * the right one when it asks again, and a refusal would end its attempt.
	 */
	if (p->drop_reason == DROP_SERVICE_BACKEND_NOT_FOUND && p->hook != HOOK_TO_POD)
		return reject(skb, p);
	return TC_ACT_SHOT;
}

#endif
