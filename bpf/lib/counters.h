/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Exact counting: edges, connections, stages, drops. Used ONLY kernel side.
 * Per-CPU values need no atomics: a tc program is not interrupted by another one on its CPU.
 */
#ifndef SPYGLASS_LIB_COUNTERS_H
#define SPYGLASS_LIB_COUNTERS_H

#include "map_defs.h"
#include "packet.h"
#include "scratch.h"

#define EDGE_OVERFLOW 0
/* Edges named by an address of the world may take half of the slots, so that a scan of addresses
 * cannot push workloads into the overflow; beyond that they share one edge without address. */
#define WORLD_EDGE_SLOTS (EDGE_SLOTS / 2)
/* One packet in this many has the time of its stages measured. */
#define STAGE_SAMPLE 256

static __always_inline void stage_begin(struct packet *p)
{
	__u32 index = STAGE_PARSE * STAGE_OUTCOMES + OUTCOME_PASS;
	struct stage_counters *counters = bpf_map_lookup_elem(&stage_stats, &index);

	if (counters && counters->packets % STAGE_SAMPLE == 0) {
		p->sampled = 1;
		p->stage_ns = bpf_ktime_get_ns();
	}
}

static __always_inline void stage_end(struct packet *p, __u32 stage, __u32 outcome)
{
	__u32 index = stage * STAGE_OUTCOMES + outcome;
	struct stage_counters *counters = bpf_map_lookup_elem(&stage_stats, &index);

	p->path |= 1u << stage;
	if (!counters)
		return;
	counters->packets++;
	if (p->sampled) {
		__u64 now = bpf_ktime_get_ns();

		counters->sampled++;
		counters->sampled_ns += now - p->stage_ns;
		p->stage_ns = now;
	}
}

static __always_inline void count_drop(struct packet *p)
{
	__u32 reason = p->drop_reason;
	__u64 *count = bpf_map_lookup_elem(&drops, &reason);

	if (count)
		*count += p->packets;
}

/*
 * The slot of the edge in the scratch; taken on first use, EDGE_OVERFLOW when none is left. The key is no
 * argument: Linux 6.1 takes no key from an argument's memory.
 */
__noinline __u32 edge_slot(void)
{
	struct scratch *room = scratch_of_cpu();
	__u32 zero = 0, *found, slot;
	struct datapath_state *s;
	struct edge_key *key;

	if (!room)
		return EDGE_OVERFLOW;
	key = &room->edge;
	found = bpf_map_lookup_elem(&edges, key);
	if (found)
		return *found;
	s = bpf_map_lookup_elem(&state, &zero);
	if (!s)
		return EDGE_OVERFLOW;
	if (s->next_edge >= WORLD_EDGE_SLOTS && (key->peer.halves[0] || key->peer.halves[1])) {
		key->peer.halves[0] = 0;
		key->peer.halves[1] = 0;
		found = bpf_map_lookup_elem(&edges, key);
		if (found)
			return *found;
	}
	if (s->next_edge >= EDGE_SLOTS - 1)
		return EDGE_OVERFLOW;
	slot = __sync_fetch_and_add(&s->next_edge, 1) + 1;
	if (slot >= EDGE_SLOTS)
		return EDGE_OVERFLOW;
	if (bpf_map_update_elem(&edges, key, &slot, BPF_NOEXIST) == 0)
		return slot;
	/* Another CPU was first: its slot counts, ours stays empty. */
	found = bpf_map_lookup_elem(&edges, key);
	return found ? *found : EDGE_OVERFLOW;
}

static __always_inline struct edge_counters *edge_counters_of(__u32 slot)
{
	struct edge_counters *counters = bpf_map_lookup_elem(&edge_counters, &slot);

	if (!counters) {
		slot = EDGE_OVERFLOW;
		counters = bpf_map_lookup_elem(&edge_counters, &slot);
	}
	return counters;
}

static __always_inline void count_rtt(struct edge_counters *counters, __u64 rtt_ns)
{
	__u32 microseconds = rtt_ns / 1000, bucket = 0;

	/* log2 by halving: four steps cover 24 bits. */
	if (microseconds >= 1u << RTT_BUCKETS)
		microseconds = (1u << RTT_BUCKETS) - 1;
	if (microseconds >> 16) {
		microseconds >>= 16;
		bucket += 16;
	}
	if (microseconds >> 8) {
		microseconds >>= 8;
		bucket += 8;
	}
	if (microseconds >> 4) {
		microseconds >>= 4;
		bucket += 4;
	}
	if (microseconds >> 2) {
		microseconds >>= 2;
		bucket += 2;
	}
	if (microseconds >> 1)
		bucket += 1;
	if (bucket < RTT_BUCKETS)
		counters->rtt[bucket]++;
}

#endif
