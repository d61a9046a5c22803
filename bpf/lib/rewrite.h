/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Address and port translation of a packet, with its checksums. Used ONLY kernel side.
 * Packet pointers are invalid after any of these functions.
 */
#ifndef SPYGLASS_LIB_REWRITE_H
#define SPYGLASS_LIB_REWRITE_H

#include "packet.h"

#define IPV4_CHECKSUM offsetof(struct iphdr, check)

/* Offset of the transport checksum, and the flags bpf_l4_csum_replace needs for it. */
static __always_inline __u32 l4_checksum(const struct packet *p, __u64 *flags)
{
	*flags = 0;
	switch (p->key.protocol) {
	case IPPROTO_TCP:
		return p->l4_offset + offsetof(struct tcphdr, check);
	case IPPROTO_UDP:
		/* A UDP checksum of 0 means none (IPv4): it stays 0; one that becomes 0 is sent as 0xffff. */
		*flags = BPF_F_MARK_MANGLED_0;
		return p->l4_offset + offsetof(struct udphdr, check);
	default:
		return p->l4_offset + offsetof(struct icmp_head, checksum);
	}
}

/*
 * Replaces one address of the IP header at `l3`, and corrects the transport checksum at `checksum`
 * (0: none to correct) for the pseudo header. Returns 0 or a negative errno.
 */
static __always_inline int replace_address(struct packet *p, __u32 l3, int is_source, const union address *from,
					   const union address *to, __u32 checksum, __u64 flags)
{
	struct __sk_buff *skb = p->skb;
	__s64 difference;
	int result = 0;

	if (p->family == 4) {
		result |= bpf_l3_csum_replace(skb, l3 + IPV4_CHECKSUM, from->words[3], to->words[3], 4);
		if (checksum)
			result |= bpf_l4_csum_replace(skb, checksum, from->words[3], to->words[3],
						      BPF_F_PSEUDO_HDR | flags | 4);
		return result | bpf_skb_store_bytes(skb,
						    l3 + (is_source ? offsetof(struct iphdr, saddr)
								    : offsetof(struct iphdr, daddr)),
						    &to->words[3], 4, 0);
	}
	if (checksum) {
		difference = bpf_csum_diff((__be32 *)from, 16, (__be32 *)to, 16, 0);
		result |= bpf_l4_csum_replace(skb, checksum, 0, difference, BPF_F_PSEUDO_HDR | flags);
	}
	return result | bpf_skb_store_bytes(
				skb, l3 + (is_source ? offsetof(struct ipv6hdr, saddr) : offsetof(struct ipv6hdr, daddr)),
				to, 16, 0);
}

/* Replaces a port at `offset`, and corrects the transport checksum at `checksum`. */
static __always_inline int replace_port(struct packet *p, __u32 offset, __u16 from, __u16 to, __u32 checksum,
					__u64 flags)
{
	return bpf_l4_csum_replace(p->skb, checksum, from, to, flags | 2) |
	       bpf_skb_store_bytes(p->skb, offset, &to, 2, 0);
}

/* Makes the packet what its flow entry says. */
static __always_inline int rewrite_packet(struct packet *p, const struct flow_entry *e)
{
	__u64 flags;
	__u32 checksum = l4_checksum(p, &flags);
	/* ICMPv4 has no pseudo header. */
	__u32 pseudo = p->key.protocol == IPPROTO_ICMP ? 0 : checksum;
	int result = 0;

	if (e->rewrite & REWRITE_SOURCE) {
		result |= replace_address(p, p->l3_offset, 1, &p->key.source, &e->new_source, pseudo, flags);
		if (e->new_source_port_be != p->key.source_port_be)
			result |= replace_port(p, p->l4_offset, p->key.source_port_be, e->new_source_port_be, checksum,
					       flags);
	}
	if (e->rewrite & REWRITE_DESTINATION) {
		result |= replace_address(p, p->l3_offset, 0, &p->key.destination, &e->new_destination, pseudo, flags);
		if (e->new_destination_port_be != p->key.destination_port_be)
			result |= replace_port(p, p->l4_offset + 2, p->key.destination_port_be,
					       e->new_destination_port_be, checksum, flags);
	}
	return result ? drop(p, DELIVER, ERROR_WRITING_TO_PACKET) : CONTINUE;
}

/* Puts the Ethernet addresses of the next hop in place. */
static __always_inline int rewrite_macs(struct packet *p, const struct flow_entry *e)
{
	_Static_assert(offsetof(struct flow_entry, source_mac) == offsetof(struct flow_entry, destination_mac) + 6,
		       "both addresses are stored at once");
	if (bpf_skb_store_bytes(p->skb, 0, e->destination_mac, 12, 0))
		return drop(p, DELIVER, ERROR_WRITING_TO_PACKET);
	return CONTINUE;
}

#endif
