/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who may write captures while the agent reads fewer than there are. Some connections are then left out as a whole, as half
 * of a connection's messages make few exchanges; and what one pod says takes no room from the others. Used ONLY kernel
 * side.
 */
#ifndef SPYGLASS_LIB_L7_SHARE_H
#define SPYGLASS_LIB_L7_SHARE_H

#include "scratch.h"

/* Bursts of this much are nothing to worry about. */
#define CAPTURES_AT_EASE (CAPTURES_BYTES / 4)
/* Connections are left out one by one as what waits grows up to this; the rest is for pods that say little. */
#define CAPTURES_CROWDED (CAPTURES_BYTES / 4 * 3)
/* A pod's share is that of the last bytes written, about so many. */
#define SHARE_WINDOW (CAPTURES_BYTES / 4)

/* What an endpoint wrote of late: with each byte written by anyone, one part in SHARE_WINDOW of it is forgotten. */
struct capture_share {
	__u64 bytes;
	__u64 position; /* of the ring's end when `bytes` was right */
};

/* Of endpoints that wrote while there was a crowd. Each object has its own. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct capture_share);
} capture_shares SEC(".maps");

/*
 * Whether an endpoint that wrote `recent` of the last SHARE_WINDOW bytes may go on with `available` bytes of room: its share
 * is less than half the share of the ring that is free. So many that write much never leave no room, and one that
 * writes little finds some (Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet
 * Switches", 1998).
 */
static __always_inline int writes_little(__u64 recent, __u64 available)
{
	return 2 * recent * (CAPTURES_BYTES / SHARE_WINDOW) < available;
}

/* A new share and its key. Not on the stack, of which the calls down to here have used all. */
struct share_room {
	struct capture_share fresh;
	__u32 client;
	__u32 padding;
};

/* Whether `bytes` more of the connection may be written; counts them for the endpoint at its client's end. */
static __always_inline int may_capture(const struct flow_entry *e, __u32 bytes, struct share_room *room)
{
	__u64 waiting = bpf_ringbuf_query(&captures, BPF_RB_AVAIL_DATA), position, passed;
	struct capture_share *share;
	__u32 limit;

	if (waiting < CAPTURES_AT_EASE)
		return 1;
	room->client = e->is_reply ? e->destination_endpoint : e->source_endpoint;
	/* Strangers count for the pod they speak to. */
	if (!room->client)
		room->client = e->is_reply ? e->source_endpoint : e->destination_endpoint;
	position = bpf_ringbuf_query(&captures, BPF_RB_PROD_POS);
	share = bpf_map_lookup_elem(&capture_shares, &room->client);
	if (!share) {
		room->fresh.bytes = 0;
		room->fresh.position = position;
		bpf_map_update_elem(&capture_shares, &room->client, &room->fresh, BPF_NOEXIST);
		share = bpf_map_lookup_elem(&capture_shares, &room->client);
		if (!share)
			return 0;
	}
	passed = position - share->position;
	share->bytes = passed < SHARE_WINDOW ? share->bytes - share->bytes * passed / SHARE_WINDOW : 0;
	share->position = position;
	/* Both directions of a connection have the same id; the product's upper bits depend on all of it (Knuth). */
	limit = (__u32)e->connection_id * 2654435761u >> 16;
	limit = CAPTURES_AT_EASE + limit * ((CAPTURES_CROWDED - CAPTURES_AT_EASE) >> 16);
	if (waiting >= limit && !writes_little(share->bytes, CAPTURES_BYTES - waiting))
		return 0;
	share->bytes += bytes;
	return 1;
}

#endif
