// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Writes one record a run: its length and its number, so that a reader can tell if one is missing. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10000);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 5000);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64); /* 0: written, 1: refused */
} counts SEC(".maps");

SEC("tc")
int sequence(struct __sk_buff *skb)
{
	__u32 zero = 0, one = 1;
	__u64 *written = bpf_map_lookup_elem(&counts, &zero), *refused = bpf_map_lookup_elem(&counts, &one), *record;

	if (!written || !refused)
		return 0;
	record = bpf_ringbuf_reserve(&events, 40, 0);
	if (!record) {
		(*refused)++;
		return 0;
	}
	record[0] = ++*written;
	record[1] = record[2] = record[3] = record[4] = ~0ull;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return 0;
}
