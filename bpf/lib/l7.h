/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Messages of applications: which protocol a connection speaks is decided once, by its first payload; from then on
 * the heads of messages go to the agent. Used ONLY kernel side. What is kept of it stands in the connection's two
 * entries: each has its own direction's place, and both the protocol.
 */
#ifndef SPYGLASS_LIB_L7_H
#define SPYGLASS_LIB_L7_H

#include "l7_turn.h"

/* Packets with payload, of each direction, after which a connection's protocol is taken for unknown. */
#define L7_TRIES 4

/* What may be read of the messages between two ends; see L7_MODES. */
static __always_inline __u8 l7_mode_of(const struct end *client, const struct end *server)
{
	if (client->l7_mode == L7_MODE_OFF || server->l7_mode == L7_MODE_OFF)
		return L7_MODE_OFF;
	return server->interface ? server->l7_mode : client->l7_mode;
}

/* Before or after translation: the port of the client's resolver is 53, that of a pod behind it may be another. */
static __always_inline int is_dns_port(const struct packet *p, const struct flow_entry *e)
{
	const __be16 port = bpf_htons(DNS_PORT);

	return p->key.source_port_be == port || p->key.destination_port_be == port || e->new_source_port_be == port ||
	       e->new_destination_port_be == port;
}

/* Says what is to be done with the payload of an entry; of TCP what it speaks, of UDP whether it is DNS. */
static __always_inline void set_watch(const struct packet *p, struct flow_entry *e, __u8 mode)
{
	e->l7_mode = mode;
	e->l7_watch = WATCH_NONE;
	if (!config_l7_bytes || mode == L7_MODE_OFF)
		return;
	e->l7_tries = 0;
	if (p->key.protocol == IPPROTO_TCP) {
		e->l7_watch = WATCH_SNIFF;
	} else if (p->key.protocol == IPPROTO_UDP && is_dns_port(p, e)) {
		e->l7_watch = WATCH_CAPTURE;
		e->l7_protocol = L7_DNS;
	}
}

/* A pod's annotation may have changed. */
static __always_inline void update_watch(const struct packet *p, struct flow_entry *e, __u8 mode)
{
	if (mode == e->l7_mode)
		return;
	if (mode != L7_MODE_OFF && e->l7_mode != L7_MODE_OFF) {
		e->l7_mode = mode;
		return;
	}
	set_watch(p, e, mode);
	e->l7_flags = L7_FLAG_LATE;
}

/* The protocol that the payload in hand begins. */
static __always_inline __u8 sniff(struct __sk_buff *skb, const struct packet *p, const struct flow_entry *e,
				  const struct l7_room *room)
{
	__u32 bytes = room->head_bytes, payload = room->end - room->start, length;
	const __u8 *h = room->head;
	__u8 next[5];

	if (is_http2_preface(h, bytes))
		return L7_HTTP2;
	if (is_http(h, bytes))
		return L7_HTTP;
	if (is_tls_hello(h, bytes))
		return L7_TLS;
	if (is_dns_port(p, e))
		return is_dns_stream(h, bytes) || (!e->is_reply && is_dns_length(h, bytes)) ? L7_DNS : L7_NONE;
	if (is_redis(h, bytes))
		return L7_REDIS;
	if (e->is_reply) {
		if (is_mysql_greeting(h, bytes, payload))
			return L7_MYSQL;
		return is_http2_settings(h, bytes) ? L7_HTTP2 : L7_NONE;
	}
	if (is_postgresql_startup(h, bytes, payload))
		return L7_POSTGRESQL;
	length = be32(h);
	if (is_kafka_request(h, bytes) && (length + 4 == payload || (!be16(h + 4) && length + 4 > payload)))
		return L7_KAFKA;
	/* PostgreSQL in the middle of a connection: one whole Query; or a Parse, and what may follow it. */
	length = be32(h + 1);
	if (bytes < 8 || length < 6 || length >= payload || !is_printable(h[5]))
		return L7_NONE;
	if (h[0] == 'Q' && length + 1 == payload)
		return !bpf_skb_load_bytes(skb, p->payload_offset + room->start - room->base + length, next, 1) &&
				       !next[0] ?
			       L7_POSTGRESQL :
			       L7_NONE;
	if (h[0] == 'P' && length + 1 + sizeof(next) <= payload &&
	    !bpf_skb_load_bytes(skb, p->payload_offset + room->start - room->base + length + 1, next, sizeof(next)) &&
	    (next[0] == 'B' || next[0] == 'D' || next[0] == 'S' || next[0] == 'H') && !next[1] && !next[2])
		return L7_POSTGRESQL;
	return L7_NONE;
}

static __always_inline void load_head(struct __sk_buff *skb, const struct packet *p, struct l7_room *room)
{
	__builtin_memset(room->head, 0, sizeof(room->head));
	room->head_bytes = load_payload(skb, p, room, room->start, room->head, L7_HEAD, L7_HEAD);
}

/* Decides the protocol by the payload in hand. 0 if it does not tell. */
__noinline int decide_protocol(struct __sk_buff *skb, struct packet *p, struct flow_entry *e)
{
	struct l7_room *room = l7_room_of_cpu();
	__u8 protocol;

	if (!skb || !p || !e || !room)
		return 0;
	protocol = sniff(skb, p, e, room);
	if (protocol) {
		begin_capture(p, e, room, protocol);
		return 1;
	}
	if (++e->l7_tries >= L7_TRIES)
		e->l7_watch = WATCH_NONE;
	return 0;
}

/* A datagram is captured whole, up to config_l7_bytes. */
static __always_inline void read_datagram(struct __sk_buff *skb, struct packet *p, struct flow_entry *e,
					  struct l7_room *room)
{
	__u32 captured = earlier_of(room->end, config_l7_bytes);
	__be16 length;

	if (!is_dns(room->head, room->head_bytes)) {
		if (++e->l7_tries >= L7_TRIES)
			e->l7_watch = WATCH_NONE;
		return;
	}
	/* Of the first fragment, the UDP header says how long the datagram is. */
	if (p->fragmented && !bpf_skb_load_bytes(skb, p->l4_offset + offsetof(struct udphdr, len), &length, 2) &&
	    bpf_ntohs(length) > sizeof(struct udphdr) + room->end)
		room->end = bpf_ntohs(length) - sizeof(struct udphdr);
	emit_capture(skb, p, e, 0, captured);
}

/* Looks at the payload of a packet whose entry wants it. */
__noinline int read_payload(struct __sk_buff *skb, struct packet *p, struct flow_entry *e)
{
	struct l7_room *room = l7_room_of_cpu();
	__u32 payload, head;

	if (!skb || !p || !e || !room)
		return 0;
	/* What the host sends out for a pod was seen when the pod sent it. */
	if (p->hook == HOOK_TO_UPLINK && e->in_interface)
		return 0;
	payload = p->l3_bytes + p->l3_offset - p->payload_offset;
	if (p->key.protocol == IPPROTO_UDP) {
		room->base = 0;
		room->start = 0;
		room->end = payload;
		load_head(skb, p, room);
		read_datagram(skb, p, e, room);
		return 0;
	}
	/* Data in a SYN (RFC 7413) is rare, and its sender may have to say it again. */
	if (p->tcp_flags & TCP_SYN)
		return 0;
	room->end = p->tcp_sequence - !!(p->tcp_flags & TCP_FIN);
	room->base = room->end - payload;
	room->start = room->base;
	room->turn = 1;
	room->head_bytes = 0;
	if (e->l7_flags & L7_FLAG_STARTED) {
		if (!is_before(e->l7_next, room->end))
			return 0;
		room->start = later_of(room->base, e->l7_next);
		room->turn = p->tcp_ack != e->l7_ack;
	}
	if (room->start == room->base)
		load_head(skb, p, room);
	/* Encryption may begin where either protocol has agreed on it. */
	if ((e->l7_protocol == L7_POSTGRESQL || e->l7_protocol == L7_MYSQL) && is_tls_hello(room->head, room->head_bytes))
		e->l7_watch = WATCH_SNIFF;
	if (e->l7_watch == WATCH_SNIFF && (!room->head_bytes || !decide_protocol(skb, p, e)))
		goto seen;
	if (e->l7_protocol == L7_HTTP2) {
		capture_frames(skb, p, e);
		goto seen;
	}
	head = capture_turn(skb, p, e);
	if (head) {
		/* What the server says by the new protocol may follow its answer at once. */
		room->start += head;
		load_head(skb, p, room);
		if (decide_protocol(skb, p, e) && e->l7_protocol == L7_HTTP2)
			capture_frames(skb, p, e);
	}
seen:
	e->l7_next = room->end;
	e->l7_ack = p->tcp_ack;
	e->l7_flags |= L7_FLAG_STARTED;
	return 0;
}

/* Tells that no more captures of the connection follow. */
__noinline int end_messages(struct __sk_buff *skb, struct packet *p, struct flow_entry *e)
{
	struct flow_entry *peer;

	if (!skb || !p || !e)
		return 0;
	emit_capture(skb, p, e, p->tcp_sequence, 0);
	e->l7_protocol = L7_NONE;
	e->l7_watch = WATCH_NONE;
	peer = peer_of(p, e);
	if (peer) {
		peer->l7_protocol = L7_NONE;
		peer->l7_watch = WATCH_NONE;
	}
	return 0;
}

static __always_inline int has_payload(const struct packet *p)
{
	return p->payload_offset && p->payload_offset < p->l3_offset + p->l3_bytes;
}

/* The messages of a packet with an entry: before it is translated. */
static __always_inline void read_messages(struct __sk_buff *skb, struct packet *p, struct flow_entry *e)
{
	if (!config_l7_bytes)
		return;
	if (e->l7_watch && has_payload(p))
		read_payload(skb, p, e);
	if (e->closed && e->l7_protocol)
		end_messages(skb, p, e);
}

#endif
