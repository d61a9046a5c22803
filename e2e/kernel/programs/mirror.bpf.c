// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Writes what it sees of a packet's metadata over the packet's head, makes it longer, and returns its length. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int mirror(struct __sk_buff *skb)
{
	__u32 length = skb->len;
	__u32 seen[4] = { skb->ifindex, skb->mark, skb->gso_segs, skb->gso_size };

	bpf_skb_store_bytes(skb, 0, seen, sizeof(seen), 0);
	bpf_skb_change_tail(skb, length + 4, 0);
	return length;
}
