/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Address and port translation of a packet, with its checksums. Used ONLY kernel side.
 * Packet pointers are invalid after any of these functions.
 */
#ifndef SPYGLASS_LIB_REWRITE_H
#define SPYGLASS_LIB_REWRITE_H

#include "packet.h"

#undef THIS_FILE
#define THIS_FILE SOURCE_REWRITE

#define IPV4_CHECKSUM offsetof(struct iphdr, check)

/* Offset of the checksum of TCP, UDP or ICMP, and the flags bpf_l4_csum_replace needs for it. */
static __always_inline __u32 l4_checksum(const struct packet *p, __u64 *flags)
{
	if (p->key.protocol == IPPROTO_ICMP || p->key.protocol == IPPROTO_ICMPV6) {
		*flags = 0;
		return p->l4_offset + offsetof(struct icmp_head, checksum);
	}
	if (p->key.protocol == IPPROTO_TCP) {
		*flags = 0;
		return p->l4_offset + offsetof(struct tcphdr, check);
	}
	/* A UDP checksum of 0 means none (IPv4): it stays 0; one that becomes 0 is sent as 0xffff. */
	*flags = BPF_F_MARK_MANGLED_0;
	return p->l4_offset + offsetof(struct udphdr, check);
}

/*
 * Replaces one address of the IP header at `l3`, and corrects the transport checksum at `checksum`
 * (0: none to correct) for the pseudo header. Returns 0 or a negative errno.
 */
static __always_inline int replace_address(struct __sk_buff *skb, struct packet *p, __u32 l3, int is_source, const union address *from,
					   const union address *to, __u32 checksum, __u64 flags)
{
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
static __always_inline int replace_port(struct __sk_buff *skb, struct packet *p, __u32 offset, __u16 from, __u16 to, __u32 checksum,
					__u64 flags)
{
	return bpf_l4_csum_replace(skb, checksum, from, to, flags | 2) |
	       bpf_skb_store_bytes(skb, offset, &to, 2, 0);
}

/* RFC 1624: the header checksum after one of its 32-bit words has changed. */
static __always_inline __sum16 ip_checksum(__sum16 checksum, __be32 from, __be32 to)
{
	__u32 sum = (__u16)~checksum;

	sum += (__u16)~(from & 0xffff);
	sum += (__u16)~(from >> 16);
	sum += to & 0xffff;
	sum += to >> 16;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/*
 * Corrects the transport checksum for the entry's translation. Left to the kernel's helper, because it
 * knows whether the field holds a checksum or the seed for one that the device will compute.
 */
static __always_inline int fix_transport(struct __sk_buff *skb, struct packet *p, const struct flow_entry *e)
{
	__u64 flags;
	__u32 checksum = l4_checksum(p, &flags);
	int result = 0;

	if (p->family == 4 && p->key.protocol == IPPROTO_ICMP) {
		/* RFC 792: the checksum covers no addresses. */
	} else if (p->family == 4) {
		if (e->rewrite & REWRITE_SOURCE)
			result |= bpf_l4_csum_replace(skb, checksum, p->key.source.words[3], e->new_source.words[3],
						      BPF_F_PSEUDO_HDR | flags | 4);
		if (e->rewrite & REWRITE_DESTINATION)
			result |= bpf_l4_csum_replace(skb, checksum, p->key.destination.words[3],
						      e->new_destination.words[3], BPF_F_PSEUDO_HDR | flags | 4);
	} else {
		__s64 sum = bpf_csum_diff((__be32 *)&p->key.source, 32, (__be32 *)&e->new_source, 32, 0);

		_Static_assert(offsetof(struct flow_key, destination) == 16 &&
				       offsetof(struct flow_entry, new_destination) == 16,
			       "both addresses are summed at once");
		result |= bpf_l4_csum_replace(skb, checksum, 0, sum, BPF_F_PSEUDO_HDR | flags);
	}
	if (e->new_source_port_be != p->key.source_port_be)
		result |= bpf_l4_csum_replace(skb, checksum, p->key.source_port_be, e->new_source_port_be, flags | 2);
	if (e->new_destination_port_be != p->key.destination_port_be)
		result |= bpf_l4_csum_replace(skb, checksum, p->key.destination_port_be, e->new_destination_port_be,
					      flags | 2);
	return result;
}

/* The ports, or the identifier of an echo message: of a request its source, of a reply its destination. */
static __always_inline int rewrite_ports(struct __sk_buff *skb, struct packet *p, const struct flow_entry *e)
{
	__be16 *ports = at(skb, p->l4_offset, sizeof(struct icmp_head));

	if (!ports)
		return drop(p, DELIVER, ERROR_WRITING_TO_PACKET);
	if (p->key.protocol == IPPROTO_ICMP || p->key.protocol == IPPROTO_ICMPV6) {
		ports[2] = p->icmp_type == ICMP_ECHO || p->icmp_type == ICMPV6_ECHO_REQUEST ?
				   e->new_source_port_be :
				   e->new_destination_port_be;
		return CONTINUE;
	}
	ports[0] = e->new_source_port_be;
	ports[1] = e->new_destination_port_be;
	return CONTINUE;
}

/* Makes the packet what its flow entry says. */
static __always_inline int rewrite_packet(struct __sk_buff *skb, struct packet *p, const struct flow_entry *e)
{
	if (!p->headless && fix_transport(skb, p, e))
		return drop(p, DELIVER, ERROR_WRITING_TO_PACKET);
	if (p->family == 4) {
		struct iphdr *ip = at(skb, p->l3_offset, sizeof(*ip));

		if (!ip)
			return drop(p, DELIVER, ERROR_WRITING_TO_PACKET);
		ip->check = ip_checksum(ip->check, ip->saddr, e->new_source.words[3]);
		ip->saddr = e->new_source.words[3];
		ip->check = ip_checksum(ip->check, ip->daddr, e->new_destination.words[3]);
		ip->daddr = e->new_destination.words[3];
	} else {
		struct ipv6hdr *ip = at(skb, p->l3_offset, sizeof(*ip));

		if (!ip)
			return drop(p, DELIVER, ERROR_WRITING_TO_PACKET);
		__builtin_memcpy(&ip->saddr, &e->new_source, 16);
		__builtin_memcpy(&ip->daddr, &e->new_destination, 16);
	}
	return p->headless ? CONTINUE : rewrite_ports(skb, p, e);
}

/* Puts the Ethernet addresses of the next hop in place. */
static __always_inline int rewrite_macs(struct __sk_buff *skb, struct packet *p, const struct flow_entry *e)
{
	struct ethhdr *eth = at(skb, 0, sizeof(*eth));

	if (!eth)
		return drop(p, DELIVER, ERROR_WRITING_TO_PACKET);
	__builtin_memcpy(eth->h_dest, e->destination_mac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, e->source_mac, ETH_ALEN);
	return CONTINUE;
}

#endif
