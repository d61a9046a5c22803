/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The protocols that take turns: the first config_l7_bytes of every turn are captured, and of every segment that
 * begins like a message. Used ONLY kernel side.
 */
#ifndef SPYGLASS_LIB_L7_TURN_H
#define SPYGLASS_LIB_L7_TURN_H

#include "l7_http2.h"
#include "observe.h"

/* Post-quantum key shares make hellos this long; they come once a connection. */
#define TLS_WINDOW 4096
/* 'Z', length 5, state (PostgreSQL, "ReadyForQuery"). */
#define READY_BYTES 6
/* How far before ReadyForQuery the CommandComplete is looked for: its tag is one of the server's own. */
#define TAIL_BYTES 64

/* Both directions speak `protocol` from here on. */
static __always_inline void begin_capture(const struct packet *p, struct flow_entry *e, struct l7_room *room,
					  __u8 protocol)
{
	__u8 lost = protocol == L7_HTTP2 ? L7_FLAG_LOST : 0;
	struct flow_entry *peer = peer_of(p, e);

	room->turn = 1;
	e->l7_protocol = protocol;
	e->l7_watch = WATCH_CAPTURE;
	e->l7_tries = 0;
	e->l7_flags |= lost;
	if (!peer)
		return;
	/* Its packets were not looked at, and it has not learnt yet that they are now. */
	if (peer->l7_mode == L7_MODE_OFF)
		peer->l7_flags = L7_FLAG_LATE;
	peer->l7_protocol = protocol;
	peer->l7_mode = e->l7_mode;
	peer->l7_watch = WATCH_CAPTURE;
	peer->l7_tries = 0;
	peer->l7_flags |= lost;
	peer->l7_window = peer->l7_next;
}

/* Whether a message begins with the segment in hand, for a connection of a known protocol. */
static __always_inline int begins_message(const struct flow_entry *e, const struct l7_room *room)
{
	const __u8 *h = room->head;
	__u32 bytes = room->head_bytes, payload = room->end - room->start, length;

	if (bytes < 5)
		return 0;
	switch (e->l7_protocol) {
	case L7_HTTP:
		return is_http(h, bytes);
	case L7_DNS:
		return is_dns_stream(h, bytes);
	case L7_REDIS:
		/* Answers: an array, a bulk string, a simple string, an error, a number. */
		if (!e->is_reply)
			return is_redis(h, bytes);
		return ((h[0] == '*' || h[0] == '$') && is_digit(h[1])) || h[0] == '+' || h[0] == '-' || h[0] == ':';
	case L7_POSTGRESQL:
		length = be32(h + 1);
		return ((h[0] >= 'A' && h[0] <= 'Z') || (h[0] >= 'a' && h[0] <= 'z') || is_digit(h[0])) &&
		       length >= 4 && length < payload;
	case L7_MYSQL:
		length = h[0] | h[1] << 8 | h[2] << 16;
		return length && (e->is_reply ? h[3] == 1 && length + 4 <= payload : h[3] == 0 && h[4] < 0x20);
	case L7_KAFKA:
		return e->is_reply ? be32(h) + 4 == payload : is_kafka_request(h, bytes);
	default:
		return 0;
	}
}

/* Bytes of the CommandComplete before the ReadyForQuery at the end of `tail`, 0 if there is none. */
static __always_inline __u32 command_complete(const __u8 *tail)
{
	const __u8 *end = tail + TAIL_BYTES - READY_BYTES;

	for (__u32 bytes = 6; bytes <= TAIL_BYTES - READY_BYTES; bytes++)
		if (*(end - bytes) == 'C' && be32(end - bytes + 1) + 1 == bytes)
			return bytes;
	return 0;
}

/*
 * PostgreSQL: the end of an answer that is longer than the window, from its CommandComplete on. Looked for only in
 * packets that end with ReadyForQuery.
 */
__noinline int capture_tail(struct __sk_buff *skb, struct packet *p, struct flow_entry *e)
{
	struct l7_room *room = l7_room_of_cpu();
	__u32 bytes, place, complete;

	if (!skb || !p || !e || !room)
		return 0;
	bytes = room->end - later_of(room->start, e->l7_window);
	if (bytes < READY_BYTES)
		return 0;
	if (bytes > TAIL_BYTES)
		bytes = TAIL_BYTES;
	/* At the end of the room, so that everything has a constant place. */
	__builtin_memset(room->bytes, 0, TAIL_BYTES);
	place = TAIL_BYTES - bytes;
	asm volatile("" : "+r"(place));
	place &= TAIL_BYTES - 1;
	if (!load_payload(skb, p, room, room->end - bytes, room->bytes + place, bytes, TAIL_BYTES))
		return 0;
	if (be32(room->bytes + TAIL_BYTES - READY_BYTES) != FOUR('Z', 0, 0, 0) || room->bytes[TAIL_BYTES - 2] != 5)
		return 0;
	complete = command_complete(room->bytes);
	return emit_capture(skb, p, e, room->end - READY_BYTES - complete, READY_BYTES + complete);
}

/* Where the head of an HTTP/1 message in hand ends, 0 if not within the window. */
__noinline __u32 http_head_end(struct __sk_buff *skb, struct packet *p)
{
	struct l7_room *room = l7_room_of_cpu();
	__u32 bytes;

	if (!skb || !p || !room)
		return 0;
	bytes = load_payload(skb, p, room, room->start, room->bytes, 1024, 1024);
	for (__u32 i = 0; i < 1024 - 4; i++) {
		if (i + 4 > bytes)
			return 0;
		if (be32(room->bytes + i) == FOUR('\r', '\n', '\r', '\n'))
			return i + 4;
	}
	return 0;
}

/* Another protocol follows the message in hand, which one its bytes say. */
static __always_inline void sniff_again(const struct packet *p, struct flow_entry *e)
{
	struct flow_entry *peer = peer_of(p, e);

	e->l7_watch = WATCH_SNIFF;
	e->l7_tries = 0;
	if (!peer)
		return;
	peer->l7_watch = WATCH_SNIFF;
	peer->l7_tries = 0;
}

/* Notes a CONNECT; whether the answer in hand ends HTTP on this connection (RFC 9110, 9.3.6 and 15.2.2). */
static __always_inline int switches_protocol(const struct packet *p, struct flow_entry *e, const struct l7_room *room)
{
	const __u8 *h = room->head;
	struct flow_entry *peer;
	int tunnel = e->l7_flags & L7_FLAG_TUNNEL;

	if (room->head_bytes < 12)
		return 0;
	if (be32(h) == FOUR('C', 'O', 'N', 'N') && be32(h + 4) == FOUR('E', 'C', 'T', ' ')) {
		peer = peer_of(p, e);
		if (peer)
			peer->l7_flags |= L7_FLAG_TUNNEL;
		return 0;
	}
	if (be32(h) != FOUR('H', 'T', 'T', 'P') || h[8] != ' ')
		return 0;
	if (h[9] == '1')
		return h[10] == '0' && h[11] == '1';
	e->l7_flags &= ~L7_FLAG_TUNNEL;
	return tunnel && h[9] == '2';
}

/*
 * Captures what is wanted of the payload from room->start on. Returns how much of it is the head of an answer behind
 * which another protocol begins, 0 if none does in this packet.
 */
__noinline __u32 capture_turn(struct __sk_buff *skb, struct packet *p, struct flow_entry *e)
{
	struct l7_room *room = l7_room_of_cpu();
	__u32 window = config_l7_bytes, head_end = 0;
	int switches = 0;

	if (!skb || !p || !e || !room)
		return 0;
	if (e->l7_protocol == L7_TLS) {
		window = later_of(window, TLS_WINDOW);
		/* Each side's hello is its first turn. */
		if (room->turn && e->l7_tries++) {
			e->l7_watch = WATCH_NONE;
			return 0;
		}
	}
	/* Never far behind: positions more than 2 GiB apart change places. */
	e->l7_window = room->turn ? room->start : later_of(e->l7_window, room->start);
	if (room->turn || begins_message(e, room))
		e->l7_window = later_of(e->l7_window, room->start + window);
	if (e->l7_protocol == L7_HTTP && switches_protocol(p, e, room)) {
		switches = 1;
		head_end = http_head_end(skb, p);
		if (head_end)
			e->l7_window = earlier_of(e->l7_window, room->start + head_end);
	}
	if (is_before(room->start, e->l7_window))
		emit_capture(skb, p, e, room->start, earlier_of(e->l7_window, room->end) - room->start);
	if (e->l7_protocol == L7_TLS && !is_before(room->end, e->l7_window))
		e->l7_watch = WATCH_NONE;
	if (e->l7_protocol == L7_POSTGRESQL && is_before(e->l7_window, room->end))
		capture_tail(skb, p, e);
	if (switches)
		sniff_again(p, e);
	return is_before(room->start + head_end, room->end) ? head_end : 0;
}

#endif
