/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * HTTP/2: from frame to frame (RFC 9113, 4.1). Everything is captured but the payload of DATA frames and what
 * other frames have beyond config_l7_bytes. Used ONLY kernel side.
 */
#ifndef SPYGLASS_LIB_L7_HTTP2_H
#define SPYGLASS_LIB_L7_HTTP2_H

#include "l7_signature.h"

/* Frames looked at in a packet; one with more is rare, and costs the place. */
#define MAX_FRAMES 256
/* What is left out only where it is more than this: a capture has a header, too. */
#define MIN_GAP 128

static __always_inline __u32 later_of(__u32 a, __u32 b)
{
	return is_before(a, b) ? b : a;
}

static __always_inline __u32 earlier_of(__u32 a, __u32 b)
{
	return is_before(a, b) ? a : b;
}

/* Wants the payload from `from` up to `to`; what was wanted before and lies apart is captured. */
static __always_inline void want(struct __sk_buff *skb, struct packet *p, struct flow_entry *e, struct l7_room *room,
				 __u32 from, __u32 to)
{
	if (room->from == room->to) {
		room->from = from;
	} else if (from - room->to > MIN_GAP || to - room->from > MAX_CAPTURE) {
		emit_capture(skb, p, e, room->from, room->to - room->from);
		room->from = from;
	}
	room->to = to;
}

/* Reads the frame's head at e->l7_frame, if it is in the packet. 1 if another frame may follow in it. */
__noinline int next_frame(struct __sk_buff *skb, struct packet *p, struct flow_entry *e)
{
	struct l7_room *room = l7_room_of_cpu();
	__u32 head, have, here, length, wanted;

	if (!skb || !p || !e || !room)
		return 0;
	head = e->l7_frame;
	if (!is_before(head, room->end))
		return 0;
	/* Of a head that is split, the first bytes came with an earlier packet. */
	have = is_before(head, room->start) ? room->start - head : 0;
	asm volatile("" : "+r"(have));
	if (have >= HTTP2_FRAME_HEAD) {
		e->l7_flags |= L7_FLAG_LOST;
		return 0;
	}
	*(__u64 *)room->frame = *(__u64 *)e->l7_head;
	here = load_payload(skb, p, room, head + have, room->frame + have, HTTP2_FRAME_HEAD - have,
			    HTTP2_FRAME_HEAD);
	if (have + here < HTTP2_FRAME_HEAD) {
		*(__u64 *)e->l7_head = *(__u64 *)room->frame;
		e->l7_window = head + HTTP2_FRAME_HEAD;
		want(skb, p, e, room, head + have, room->end);
		return 0;
	}
	length = be32(room->frame) >> 8;
	wanted = room->frame[3] == FRAME_DATA ? 0 : length;
	if (wanted > config_l7_bytes - HTTP2_FRAME_HEAD)
		wanted = config_l7_bytes - HTTP2_FRAME_HEAD;
	e->l7_window = head + HTTP2_FRAME_HEAD + wanted;
	e->l7_frame = head + HTTP2_FRAME_HEAD + length;
	want(skb, p, e, room, head + have, earlier_of(e->l7_window, room->end));
	return 1;
}

/* Finds the first frame of a direction whose place is not known. 1 if it begins with the payload in hand. */
static __always_inline int find_frame(struct flow_entry *e, const struct l7_room *room)
{
	if (is_http2_preface(room->head, room->head_bytes))
		e->l7_frame = room->start + HTTP2_PREFACE;
	else if (is_http2_frame(room->head, room->head_bytes))
		e->l7_frame = room->start;
	else
		return 0;
	e->l7_window = e->l7_frame;
	e->l7_flags &= ~L7_FLAG_LOST;
	return 1;
}

/* Captures what is wanted of the payload from room->start on. */
__noinline int capture_frames(struct __sk_buff *skb, struct packet *p, struct flow_entry *e)
{
	struct l7_room *room = l7_room_of_cpu();
	int i;

	if (!skb || !p || !e || !room)
		return 0;
	/* A packet did not pass here: the place is still known if it held nothing but the middle of a frame. */
	if (e->l7_flags & L7_FLAG_STARTED && is_before(e->l7_next, room->start) && is_before(e->l7_frame, room->start))
		e->l7_flags |= L7_FLAG_LOST;
	if (e->l7_flags & L7_FLAG_LOST && !find_frame(e, room))
		return 0;
	room->from = room->start;
	room->to = room->start;
	if (is_before(room->start, e->l7_window))
		room->to = earlier_of(e->l7_window, room->end);
	/* A split head is wanted from where it goes on, which next_frame says. */
	if (is_before(e->l7_frame, room->start))
		room->to = room->start;
	for (i = 0; i < MAX_FRAMES; i++)
		if (!next_frame(skb, p, e))
			break;
	if (is_before(e->l7_frame, room->end) && i == MAX_FRAMES)
		e->l7_flags |= L7_FLAG_LOST;
	if (room->from != room->to)
		emit_capture(skb, p, e, room->from, room->to - room->from);
	return 0;
}

#endif
