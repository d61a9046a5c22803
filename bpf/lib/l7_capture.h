/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The only place that writes captures: payload for the agent's parsers. Used ONLY kernel side. */
#ifndef SPYGLASS_LIB_L7_CAPTURE_H
#define SPYGLASS_LIB_L7_CAPTURE_H

#include "emit.h"
#include "l7_share.h"

/* First bytes of a payload that signatures are looked for in. */
#define L7_HEAD 32

/* What is known of the payload in hand. Positions are TCP sequence numbers; in a datagram they count from 0. */
struct l7_room {
	__u32 base;  /* first byte of the packet's payload */
	__u32 start; /* first byte that was not looked at before */
	__u32 end;   /* behind the last byte */
	__u32 from;  /* HTTP/2: what is wanted, and not captured yet */
	__u32 to;
	__u8 turn;    /* the other side has spoken since this one did */
	__u8 padding[3];
	__u32 head_bytes;   /* how many of `head` there are, 0 if `start` is not where the segment begins */
	__u8 head[L7_HEAD]; /* from `start` on, zero behind the end */
	__u8 frame[16];     /* HTTP/2: the head of a frame */
	struct share_room share;
	struct record record;
	struct capture capture;
	__u8 bytes[MAX_CAPTURE + 8];
};

/* Apart from `scratch`, which would not leave room for the payload in one element. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct l7_room);
} l7_rooms SEC(".maps");

static __always_inline struct l7_room *l7_room_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&l7_rooms, &zero);
}

/* Whether position `a` comes before `b` (RFC 9293, 3.4). */
static __always_inline int is_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

/*
 * Copies `wanted` bytes of the payload from `position` on, or what there is of them. Returns how many. `most`, a
 * constant, bounds them for the verifier.
 */
static __always_inline __u32 load_payload(struct __sk_buff *skb, const struct packet *p, const struct l7_room *room,
					  __u32 position, void *to, __u32 wanted, const __u32 most)
{
	__u32 there = room->end - position, last = (wanted < there ? wanted : there) - 1;

	/* In one comparison that leaves out 0, too, and said where it is used: Linux 6.1 learns from no other. */
	asm volatile("" : "+r"(last));
	if (last >= most)
		return 0;
	if (bpf_skb_load_bytes(skb, p->payload_offset + (position - room->base), to, last + 1))
		return 0;
	return last + 1;
}

/*
 * Writes `captured` bytes of the payload from `sequence` on, which may be none, to the ring. bpf_ringbuf_output and
 * not a reserved record: the kernel reserves constant sizes only. Packets are counted in flow events alone, here
 * they are 0.
 */
__noinline int emit_capture(struct __sk_buff *skb, struct packet *p, struct flow_entry *e, __u32 sequence,
			    __u32 captured)
{
	struct event_counters *counters;
	struct l7_room *room = l7_room_of_cpu();
	__u32 zero = 0;
	struct record *r;

	if (!skb || !p || !e || !room)
		return 0;
	counters = bpf_map_lookup_elem(&event_stats, &zero);
	if (!counters)
		return 0;
	/* That a connection has ended is always told: what is kept of it waits for that. */
	if (captured && !may_capture(e, sizeof(*r) + sizeof(room->capture) + captured, &room->share)) {
		counters->captures_lost++;
		return 0;
	}
	r = &room->record;
	fill_from_packet(r, p, RECORD_L7);
	fill_from_entry(r, p, e);
	r->path = p->path;
	r->packets = 0;
	r->bytes = 0;
	r->reply_packets = 0;
	r->reply_bytes = 0;
	room->capture.sequence = sequence;
	room->capture.length = captured ? room->end - sequence : 0;
	room->capture.protocol = e->l7_protocol;
	room->capture.mode = e->l7_mode;
	room->capture.flags = p->key.protocol == IPPROTO_UDP ? CAPTURE_FLAG_UDP : 0;
	if (!captured)
		room->capture.flags |= CAPTURE_FLAG_END;
	else if (!(e->l7_flags & (L7_FLAG_STARTED | L7_FLAG_LATE)) && e->tcp_flags & TCP_SYN && sequence == room->base)
		room->capture.flags |= CAPTURE_FLAG_FIRST;
	asm volatile("" : "+r"(captured));
	if (captured > MAX_CAPTURE)
		captured = MAX_CAPTURE;
	/* Zero where the last word is not filled. */
	*(__u64 *)(room->bytes + (captured & ~7u)) = 0;
	captured = captured ? load_payload(skb, p, room, sequence, room->bytes, captured, MAX_CAPTURE) : 0;
	r->captured = captured;
	captured = sizeof(*r) + sizeof(room->capture) + ((captured + 7) & ~7u);
	asm volatile("" : "+r"(captured));
	if (captured > sizeof(*r) + sizeof(room->capture) + MAX_CAPTURE)
		return 0;
	if (bpf_ringbuf_output(&captures, r, captured, BPF_RB_NO_WAKEUP))
		counters->captures_lost++;
	else
		counters->captures_written++;
	return 0;
}

#endif
