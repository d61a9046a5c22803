/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Access to the flow cache's two maps. Used ONLY kernel side.
 *
 * flow_cache never forgets by itself, so that whatever else happens established connections stay; the agent
 * clears it of what has ended. When it is full all the same (no agent, a flood), new connections go to the
 * small flow_overflow, which forgets the least recently used.
 */
#ifndef SPYGLASS_LIB_FLOW_MAP_H
#define SPYGLASS_LIB_FLOW_MAP_H

#include "map_defs.h"
#include "packet.h"

static __always_inline int is_overflowing(void)
{
	__u32 zero = 0, *flag = bpf_map_lookup_elem(&overflowing, &zero);

	return flag && *flag;
}

static __always_inline struct flow_entry *find_flow(const struct flow_key *key)
{
	struct flow_entry *e = bpf_map_lookup_elem(&flow_cache, key);

	if (e || !is_overflowing())
		return e;
	return bpf_map_lookup_elem(&flow_overflow, key);
}

static __always_inline void forget_flow(const struct flow_key *key)
{
	if (bpf_map_delete_elem(&flow_cache, key) && is_overflowing())
		bpf_map_delete_elem(&flow_overflow, key);
}

#define EEXIST 17
#define E2BIG 7

/* Writes an entry; flags as for bpf_map_update_elem. Returns 0, -EEXIST (BPF_NOEXIST), or another errno. */
static __always_inline int write_flow(const struct flow_key *key, const struct flow_entry *e, __u64 flags)
{
	__u32 zero = 0, one = 1;
	/*
	 * Not long, as the helper is declared: before Linux 6.4 the verifier calls the map's own function instead,
	 * which returns int, and -7 in a long is then 0xfffffff9.
	 */
	int result;

	if (flags == BPF_NOEXIST && is_overflowing() && bpf_map_lookup_elem(&flow_overflow, key))
		return -EEXIST;
	result = (int)bpf_map_update_elem(&flow_cache, key, e, flags);
	if (result != -E2BIG)
		return result;
	bpf_map_update_elem(&overflowing, &zero, &one, BPF_ANY);
	return (int)bpf_map_update_elem(&flow_overflow, key, e, flags);
}

#endif
