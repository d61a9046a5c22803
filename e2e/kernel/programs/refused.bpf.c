// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Reads the packet without looking where it ends: the verifier refuses it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int refused(struct __sk_buff *skb)
{
	return *(__u8 *)(long)skb->data;
}
