/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is noted of every packet of a known connection: counters, TCP state, round trip, events. Used ONLY kernel side. */
#ifndef SPYGLASS_LIB_OBSERVE_H
#define SPYGLASS_LIB_OBSERVE_H

#include "emit.h"
#include "flow_map.h"

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
	return find_flow(&s->reply_key);
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

/*
 * Notes FINs and what acknowledges them. When both are acknowledged nothing more will come, and the entries go at
 * once, so that the map holds what lives. (RFC 9293, 3.6)
 */
static __always_inline void follow_end(struct packet *p, struct flow_entry *e)
{
	struct flow_entry *peer;

	if (p->tcp_flags & TCP_FIN)
		e->fin_ack = p->tcp_sequence;
	if (!(p->tcp_flags & TCP_ACK))
		return;
	peer = peer_of(p, e);
	if (!peer || !(peer->tcp_flags & TCP_FIN) || p->tcp_ack != peer->fin_ack)
		return;
	e->acknowledged = 1;
	if (peer->acknowledged)
		p->ended = 1;
}

/* Flags, round trip, close, reports: what is worth an event beyond the first packet. */
__noinline int observe(struct packet *p, struct flow_entry *e, struct edge_counters *edge)
{
	struct flow_entry *peer = NULL;
	__u8 type = 0, new_flags;
	__u64 now;

	if (!p || !e)
		return 0;
	new_flags = p->tcp_flags & ~e->tcp_flags;
	now = coarse_now_of(p);
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
	if (p->key.protocol == IPPROTO_TCP && (e->closed || p->tcp_flags & TCP_FIN))
		follow_end(p, e);
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
		return 0;
	if (!type) {
		if (now - e->reported_ns > config_report_interval_ns && now > e->reported_ns)
			type = RECORD_REPORT;
		else if (config_level == LEVEL_MAX)
			type = RECORD_PACKET;
		else
			return 0;
	}
	if (type == RECORD_CLOSE || type == RECORD_REPORT)
		peer = peer_of(p, e);
	else
		peer = NULL;
	emit_flow(p, e, peer, type);
	return 0;
}

#endif
