/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Packet -> struct packet. Used ONLY kernel side.
 *
 * Contract of every parse function: it reads headers at or behind p->l3_offset, fills its part of *p,
 * and returns CONTINUE; DROP with the reason set if a header is cut short or malformed; STACK for what
 * the datapath leaves to the network stack (ARP, neighbour discovery, multicast, other L3 protocols).
 * Ports and addresses keep network order.
 */
#ifndef SPYGLASS_LIB_PARSE_H
#define SPYGLASS_LIB_PARSE_H

#include "fragment.h"

#undef THIS_FILE
#define THIS_FILE SOURCE_PARSE

#define IP_MORE_FRAGMENTS 0x2000
#define IP_FRAGMENT_OFFSET 0x1fff
#define MAX_EXTENSION_HEADERS 4
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_MORE_FRAGMENTS 0x0001
#define VLAN_ID 0x0fff

/* RFC 8200, 4.5 */
struct fragment_header {
	__u8 next;
	__u8 reserved;
	__be16 offset;
	__be32 id;
};

/*
 * A header that the kernel may keep outside the linear part of the packet: it is pulled in then. Other packet
 * pointers are invalid afterwards.
 */
static __always_inline void *header_at(struct __sk_buff *skb, __u32 offset, __u32 size)
{
	void *header = at(skb, offset, size);

	if (header || offset > 1024 || offset + size > skb->len)
		return header;
	if (bpf_skb_pull_data(skb, offset + size))
		return NULL;
	return at(skb, offset, size);
}

static __always_inline int parse_icmp_id(struct __sk_buff *skb, struct packet *p, int request, int reply)
{
	struct icmp_head *icmp = header_at(skb, p->l4_offset, sizeof(*icmp));

	if (!icmp)
		return drop(p, PARSE, CT_TRUNCATED_OR_INVALID_HEADER);
	p->icmp_type = icmp->type;
	p->icmp_code = icmp->code;
	if (icmp->type == request)
		p->key.source_port_be = icmp->id;
	else if (icmp->type == reply)
		p->key.destination_port_be = icmp->id;
	return CONTINUE;
}

static __always_inline int parse_icmp(struct __sk_buff *skb, struct packet *p)
{
	int result = parse_icmp_id(skb, p, ICMP_ECHO, ICMP_ECHOREPLY);

	if (result != CONTINUE)
		return result;
	switch (p->icmp_type) {
	case ICMP_ECHO:
	case ICMP_ECHOREPLY:
		return CONTINUE;
	case ICMP_DEST_UNREACH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		p->icmp_error = 1;
		return CONTINUE;
	default:
		return drop(p, PARSE, UNKNOWN_ICMPV4_TYPE);
	}
}

#define ICMPV6_NEIGHBOUR_FIRST 130 /* multicast listener, router and neighbour discovery, redirect */
#define ICMPV6_NEIGHBOUR_LAST 137
#define ICMPV6_MLD2_REPORT 143

static __always_inline int parse_icmpv6(struct __sk_buff *skb, struct packet *p)
{
	int result = parse_icmp_id(skb, p, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY);

	if (result != CONTINUE)
		return result;
	switch (p->icmp_type) {
	case ICMPV6_ECHO_REQUEST:
	case ICMPV6_ECHO_REPLY:
		return CONTINUE;
	case ICMPV6_DEST_UNREACH:
	case ICMPV6_PKT_TOOBIG:
	case ICMPV6_TIME_EXCEED:
	case ICMPV6_PARAMPROB:
		p->icmp_error = 1;
		return CONTINUE;
	case ICMPV6_NEIGHBOUR_FIRST ... ICMPV6_NEIGHBOUR_LAST:
	case ICMPV6_MLD2_REPORT:
		/* These belong to the link, and within it they have not come so far; a pod that sends them
		 * elsewhere would go around its policies. */
		return p->hook == HOOK_FROM_POD ? drop(p, PARSE, UNKNOWN_ICMPV6_TYPE) : STACK;
	default:
		return drop(p, PARSE, UNKNOWN_ICMPV6_TYPE);
	}
}

static __always_inline int parse_l4(struct __sk_buff *skb, struct packet *p)
{
	__u32 header;

	switch (p->key.protocol) {
	case IPPROTO_TCP: {
		struct tcphdr *tcp = header_at(skb, p->l4_offset, sizeof(*tcp));

		if (!tcp)
			return drop(p, PARSE, CT_TRUNCATED_OR_INVALID_HEADER);
		p->key.source_port_be = tcp->source;
		p->key.destination_port_be = tcp->dest;
		p->tcp_flags = ((__u8 *)tcp)[13];
		header = tcp->doff * 4;
		p->tcp_ack = bpf_ntohl(tcp->ack_seq);
		p->tcp_sequence = bpf_ntohl(tcp->seq) + p->l3_bytes - (p->l4_offset - p->l3_offset) - header +
				  !!(p->tcp_flags & TCP_FIN);
		break;
	}
	case IPPROTO_UDP: {
		struct udphdr *udp = header_at(skb, p->l4_offset, sizeof(*udp));

		if (!udp)
			return drop(p, PARSE, CT_TRUNCATED_OR_INVALID_HEADER);
		p->key.source_port_be = udp->source;
		p->key.destination_port_be = udp->dest;
		header = sizeof(*udp);
		break;
	}
	case IPPROTO_ICMP:
		if (p->family != 4)
			return drop(p, PARSE, UNKNOWN_L4_PROTOCOL);
		return parse_icmp(skb, p);
	case IPPROTO_ICMPV6:
		if (p->family != 6)
			return drop(p, PARSE, UNKNOWN_L4_PROTOCOL);
		return parse_icmpv6(skb, p);
	default:
		return drop(p, PARSE, UNKNOWN_L4_PROTOCOL);
	}
	p->payload_offset = p->l4_offset + header;
	/* A GSO packet is several on the wire, each with a copy of the headers. */
	if (skb->gso_segs > 1) {
		p->packets = skb->gso_segs;
		p->bytes += (p->packets - 1) * (p->l4_offset - p->l3_offset + header);
	}
	return CONTINUE;
}

static __always_inline int parse_ipv4(struct __sk_buff *skb, struct packet *p)
{
	struct iphdr *ip = header_at(skb, p->l3_offset, sizeof(*ip));

	if (!ip || ip->ihl < 5 || ip->version != 4)
		return drop(p, PARSE, INVALID_PACKET_DROPPED);
	p->family = 4;
	/* 0 in the large packets that the stack hands over (BIG TCP). */
	if (ip->tot_len)
		p->l3_bytes = bpf_ntohs(ip->tot_len);
	p->key.protocol = ip->protocol;
	address_from_v4(&p->key.source, ip->saddr);
	address_from_v4(&p->key.destination, ip->daddr);
	p->l4_offset = p->l3_offset + ip->ihl * 4;
	/* 224.0.0.0/4 and the limited broadcast stay on the link. */
	if ((ip->daddr & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) || ip->daddr == 0xffffffff)
		return STACK;
	p->fragment_id = ip->id;
	if (ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET))
		return later_fragment(p);
	p->fragmented = !!(ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS));
	return parse_l4(skb, p);
}

static __always_inline int parse_ipv6(struct __sk_buff *skb, struct packet *p)
{
	struct ipv6hdr *ip = header_at(skb, p->l3_offset, sizeof(*ip));
	__u32 offset = p->l3_offset + sizeof(*ip);
	__u8 next;

	if (!ip || ip->version != 6)
		return drop(p, PARSE, INVALID_PACKET_DROPPED);
	p->family = 6;
	if (ip->payload_len)
		p->l3_bytes = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	__builtin_memcpy(&p->key.source, &ip->saddr, 16);
	__builtin_memcpy(&p->key.destination, &ip->daddr, 16);
	/*
	 * IPv4-mapped addresses (::ffff:0:0/96) never travel (the kernel's stack drops them, too):
	 * here they would name the tuples of IPv4 connections.
	 */
	if (is_v4_mapped(&p->key.source) || is_v4_mapped(&p->key.destination))
		return drop(p, PARSE, INVALID_PACKET_DROPPED);
	next = ip->nexthdr;
	/* ff00::/8, and everything within the link (fe80::/10), is the stack's. */
	if (p->key.destination.bytes[0] == 0xff ||
	    (p->key.destination.bytes[0] == 0xfe && (p->key.destination.bytes[1] & 0xc0) == 0x80))
		return STACK;

#pragma unroll
	for (int i = 0; i < MAX_EXTENSION_HEADERS; i++) {
		struct ipv6_opt_hdr *option;

		if (next == IPPROTO_FRAGMENT) {
			struct fragment_header *fragment = header_at(skb, offset, sizeof(*fragment));

			if (!fragment || p->fragmented || p->fragment_id)
				return drop(p, PARSE, INVALID_IPV6_EXTENSION_HEADER);
			p->fragment_id = fragment->id;
			if (fragment->offset & bpf_htons(IPV6_FRAGMENT_OFFSET)) {
				p->key.protocol = fragment->next;
				return later_fragment(p);
			}
			p->fragmented = !!(fragment->offset & bpf_htons(IPV6_MORE_FRAGMENTS));
			next = fragment->next;
			offset += sizeof(*fragment);
			continue;
		}
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			break;
		option = header_at(skb, offset, sizeof(*option));
		if (!option || offset > 256)
			return drop(p, PARSE, INVALID_IPV6_EXTENSION_HEADER);
		next = option->nexthdr;
		offset += (option->hdrlen + 1) * 8;
	}
	p->key.protocol = next;
	p->l4_offset = offset;
	return parse_l4(skb, p);
}

static __always_inline int parse(struct __sk_buff *skb, struct packet *p)
{
	struct ethhdr *eth;
	int result;

	/* A tag that the kernel has taken off the frame already; number 0 is a priority only (IEEE 802.1Q). */
	if (skb->vlan_present && skb->vlan_tci & VLAN_ID)
		return STACK;
	p->l3_offset = ETH_HLEN;
	p->packets = 1;
	p->bytes = skb->len - ETH_HLEN;
	p->l3_bytes = p->bytes;
	eth = at(skb, 0, sizeof(*eth));
	if (!eth)
		return drop(p, PARSE, INVALID_PACKET_DROPPED);
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		result = parse_ipv4(skb, p);
	else if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		result = parse_ipv6(skb, p);
	else
		return STACK;
	if (result == CONTINUE && p->fragmented)
		first_fragment(p);
	return result;
}

#endif
