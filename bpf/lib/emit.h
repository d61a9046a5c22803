/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The only place that writes events. Used ONLY kernel side.
 * Nobody is woken: the agent polls the ring, which spares an interrupt per event.
 */
#ifndef SPYGLASS_LIB_EMIT_H
#define SPYGLASS_LIB_EMIT_H

#include "counters.h"
#include "scratch.h"

/* How much is reported (enum aggregation_level). */
const volatile __u32 config_level = LEVEL_MEDIUM;
/* Time between two reports of a connection on which packets flow. */
const volatile __u64 config_report_interval_ns = 5000000000ull;
/* Shortest time between two reported drops of one edge on one CPU; the counters see every drop. */
const volatile __u64 config_drop_interval_ns = 50000000ull;

/* Payload captured of a message's head, bytes, up to MAX_CAPTURE; 0: none, of no connection. */
const volatile __u32 config_l7_bytes = 1024;

/*
 * Room for a record, NULL if there is none; the ledger of the ring counts both. The pointer is compared with
 * NULL once: the verifier of Linux 6.1 forgets the first answer, and then sees a record that is never submitted.
 */
static __always_inline struct record *reserve_record(void)
{
	struct event_counters *counters;
	struct record *r;
	__u32 zero = 0;

	counters = bpf_map_lookup_elem(&event_stats, &zero);
	if (!counters)
		return NULL;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		counters->lost++;
		barrier(); /* else clang counts both ways in one place, and compares again */
		return NULL;
	}
	counters->written++;
	return r;
}

static __always_inline void fill_from_packet(struct record *r, struct packet *p, __u8 type)
{
	int icmp = p->key.protocol == IPPROTO_ICMP || p->key.protocol == IPPROTO_ICMPV6;

	r->type = type;
	r->version = RECORD_VERSION;
	r->family = p->family;
	r->protocol = p->key.protocol;
	r->tcp_flags = p->tcp_flags;
	r->captured = 0;
	r->reserved = 0;
	r->masquerade_port = 0;
	r->time_ns = now_of(p);
	r->interface = p->interface;
	__builtin_memcpy(r->source, &p->key.source, 16);
	r->source_port = icmp ? p->icmp_type : bpf_ntohs(p->key.source_port_be);
	r->destination_port = icmp ? p->icmp_code : bpf_ntohs(p->key.destination_port_be);
}

/* What the entry knows of its packets, after fill_from_packet. */
static __always_inline void fill_from_entry(struct record *r, const struct packet *p, const struct flow_entry *e)
{
	r->verdict = e->verdict;
	r->drop_reason = 0;
	r->drop_stage = 0;
	r->drop_line = 0;
	r->drop_file = 0;
	r->observation_point = e->observation_point;
	r->direction = e->direction;
	r->flags = RECORD_FLAG_REPLY_KNOWN | (e->is_reply ? RECORD_FLAG_REPLY : 0);
	r->connection_id = e->connection_id;
	__builtin_memcpy(r->destination, &e->new_destination, 16);
	if (p->key.protocol == IPPROTO_TCP || p->key.protocol == IPPROTO_UDP)
		r->destination_port = bpf_ntohs(e->new_destination_port_be);
	if (e->service_id && e->rewrite) {
		__builtin_memcpy(r->original, e->is_reply ? &e->new_source : &p->key.destination, 16);
		r->original_port = bpf_ntohs(e->is_reply ? e->new_source_port_be : p->key.destination_port_be);
	} else {
		__builtin_memset(r->original, 0, 16);
		r->original_port = 0;
	}
	r->service_id = e->service_id;
	r->backend_id = e->backend_id;
	r->source_identity = e->source_identity;
	r->destination_identity = e->destination_identity;
	r->source_endpoint = e->source_endpoint;
	r->destination_endpoint = e->destination_endpoint;
	r->egress_rule = e->egress_rule;
	r->ingress_rule = e->ingress_rule;
	r->egress_match = e->egress_match;
	r->ingress_match = e->ingress_match;
	r->rtt_ns = e->rtt_ns;
	r->suppressed = 0;
	r->edge = e->edge;
	if (e->action == ACTION_NEIGHBOR && e->rewrite & REWRITE_SOURCE && !e->is_reply)
		r->masquerade_port = bpf_ntohs(e->new_source_port_be);
}

/*
 * Reports a packet of a known connection. `peer` is the entry of the other direction where its
 * counters belong into the record (CLOSE, REPORT), else NULL.
 */
__noinline int emit_flow(struct packet *p, struct flow_entry *e, struct flow_entry *peer, __u8 type)
{
	struct record *r;
	__u64 packets, bytes;

	if (!p || !e)
		return 0;
	r = reserve_record();
	if (!r)
		return 0;
	fill_from_packet(r, p, type);
	fill_from_entry(r, p, e);
	if (type == RECORD_CLOSE || type == RECORD_REPORT)
		r->tcp_flags = e->tcp_flags | (peer ? peer->tcp_flags : 0);
	r->path = type == RECORD_NEW ? e->path : p->path;

	packets = e->packets;
	bytes = e->bytes;
	r->packets = packets - e->reported_packets;
	r->bytes = bytes - e->reported_bytes;
	e->reported_packets = packets;
	e->reported_bytes = bytes;
	e->reported_ns = r->time_ns;
	r->reply_packets = 0;
	r->reply_bytes = 0;
	if (peer) {
		packets = peer->packets;
		bytes = peer->bytes;
		r->reply_packets = packets - peer->reported_packets;
		r->reply_bytes = bytes - peer->reported_bytes;
		peer->reported_packets = packets;
		peer->reported_bytes = bytes;
		peer->reported_ns = r->time_ns;
	}
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

/* Counts a drop (what is known of it stands in the scratch facts), and reports it unless the same edge reported one just before. */
__noinline int emit_drop(struct packet *p)
{
	struct scratch *s = scratch_of_cpu();
	const struct drop_facts *f;
	struct edge_key *key;
	struct edge_counters *counters;
	struct record *r;
	__u32 slot;
	__u64 now;

	if (!p || !s)
		return 0;
	f = &s->facts;
	key = &s->edge;
	__builtin_memset(key, 0, sizeof(*key));
	count_drop(p);
	if (!p->family) /* not IP: there is no edge to show */
		return 0;
	key->source_endpoint = f->source_endpoint;
	key->destination_endpoint = f->destination_endpoint;
	key->source_identity = f->source_identity;
	key->destination_identity = f->destination_identity;
	key->service_id = f->service_id;
	if (p->key.protocol == IPPROTO_TCP || p->key.protocol == IPPROTO_UDP)
		key->port = bpf_ntohs(f->service_id ? p->key.destination_port_be : f->destination_port_be);
	key->protocol = p->key.protocol;
	key->verdict = VERDICT_DROPPED;
	key->drop_reason = p->drop_reason;
	if (!f->destination_endpoint && !f->service_id)
		key->peer = p->key.destination;
	slot = edge_slot();
	counters = edge_counters_of(slot);
	if (!counters)
		return 0;
	counters->packets += p->packets;
	counters->bytes += p->bytes;
	if (config_level == LEVEL_NONE)
		return 0;
	now = now_of(p);
	if (counters->last_event_ns && now - counters->last_event_ns < config_drop_interval_ns) {
		counters->suppressed += p->packets;
		return 0;
	}
	r = reserve_record();
	if (!r)
		return 0;
	fill_from_packet(r, p, RECORD_DROP);
	r->verdict = VERDICT_DROPPED;
	r->drop_reason = p->drop_reason;
	r->drop_stage = p->drop_stage;
	r->drop_line = p->drop_line;
	r->drop_file = p->drop_file;
	r->observation_point = p->hook == HOOK_FROM_POD	     ? POINT_FROM_ENDPOINT :
			       p->hook == HOOK_FROM_UPLINK ? POINT_FROM_NETWORK :
							     POINT_FROM_HOST;
	r->direction = p->hook == HOOK_FROM_POD && p->drop_stage != STAGE_INGRESS_POLICY ? DIRECTION_EGRESS :
											    DIRECTION_INGRESS;
	r->flags = 0;
	r->connection_id = 0;
	__builtin_memcpy(r->destination, &f->destination, 16);
	if (p->key.protocol == IPPROTO_TCP || p->key.protocol == IPPROTO_UDP)
		r->destination_port = bpf_ntohs(f->destination_port_be);
	if (f->service_id) {
		__builtin_memcpy(r->original, &p->key.destination, 16);
		r->original_port = bpf_ntohs(p->key.destination_port_be);
	} else {
		__builtin_memset(r->original, 0, 16);
		r->original_port = 0;
	}
	r->service_id = f->service_id;
	r->backend_id = f->backend_id;
	r->source_identity = f->source_identity;
	r->destination_identity = f->destination_identity;
	r->source_endpoint = f->source_endpoint;
	r->destination_endpoint = f->destination_endpoint;
	r->egress_rule = f->egress_rule;
	r->ingress_rule = f->ingress_rule;
	r->egress_match = 0;
	r->ingress_match = 0;
	r->path = p->path;
	r->rtt_ns = 0;
	r->packets = p->packets;
	r->bytes = p->bytes;
	r->reply_packets = 0;
	r->reply_bytes = 0;
	r->suppressed = counters->suppressed;
	r->edge = slot;
	counters->suppressed = 0;
	counters->last_event_ns = now;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
