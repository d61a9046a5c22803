/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Answers for a service without backends, so that clients fail at once instead of waiting: a TCP reset
 * (RFC 9293, 3.5.2), or port unreachable for UDP (RFC 792, RFC 4443), from the service's address. The packet in
 * hand is made into the answer and sent back. Used ONLY kernel side.
 */
#ifndef SPYGLASS_LIB_REJECT_H
#define SPYGLASS_LIB_REJECT_H

#include "packet.h"
#include "scratch.h"

#define ICMP_PORT_UNREACH 3
#define ICMPV6_PORT_UNREACH 4
#define TTL 64
#define IP_DONT_FRAGMENT 0x4000

/* What a checksum covers before the transport header; IPv4 addresses stand in the first words of theirs. */
struct pseudo_header {
	union address source;
	union address destination;
	__be32 length;
	__be32 protocol;
};

static __always_inline __sum16 fold(__s64 sum)
{
	__u32 s = (__u32)sum;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return ~s;
}

/* Sum over the pseudo header of an answer to `p`, that is from its destination to its source. */
static __always_inline __u32 pseudo_sum(const struct packet *p, __u32 length, __u32 protocol)
{
	struct pseudo_header h = { .length = bpf_htonl(length), .protocol = bpf_htonl(protocol) };

	if (p->family == 4) {
		h.source.words[0] = p->key.destination.words[3];
		h.destination.words[0] = p->key.source.words[3];
	} else {
		h.source = p->key.destination;
		h.destination = p->key.source;
	}
	return bpf_csum_diff(NULL, 0, (__be32 *)&h, sizeof(h), 0);
}

/* The answer's Ethernet and IP headers, `length` bytes follow. Returns 0 or a negative errno. */
static __always_inline long write_headers(struct __sk_buff *skb, struct packet *p, __u32 length, __u8 protocol)
{
	struct ethhdr *eth = at(skb, 0, sizeof(*eth));
	__u8 destination[ETH_ALEN];

	if (!eth)
		return -1;
	__builtin_memcpy(destination, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, destination, ETH_ALEN);
	if (p->family == 4) {
		struct iphdr ip = {
			.version = 4,
			.ihl = 5,
			.tot_len = bpf_htons(sizeof(ip) + length),
			.frag_off = bpf_htons(IP_DONT_FRAGMENT), /* so it needs no number of its own (RFC 6864) */
			.ttl = TTL,
			.protocol = protocol,
			.saddr = p->key.destination.words[3],
			.daddr = p->key.source.words[3],
		};

		ip.check = fold(bpf_csum_diff(NULL, 0, (__be32 *)&ip, sizeof(ip), 0));
		return bpf_skb_store_bytes(skb, ETH_HLEN, &ip, sizeof(ip), 0);
	} else {
		struct ipv6hdr ip = {
			.version = 6,
			.payload_len = bpf_htons(length),
			.nexthdr = protocol,
			.hop_limit = TTL,
		};

		__builtin_memcpy(&ip.saddr, &p->key.destination, 16);
		__builtin_memcpy(&ip.daddr, &p->key.source, 16);
		return bpf_skb_store_bytes(skb, ETH_HLEN, &ip, sizeof(ip), 0);
	}
}

static __always_inline __u32 ip_header_size(const struct packet *p)
{
	return p->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

static __always_inline long make_reset(struct __sk_buff *skb, struct packet *p)
{
	struct tcphdr *tcp = at(skb, p->l4_offset, sizeof(*tcp));
	struct tcphdr answer = { .doff = sizeof(answer) / 4, .rst = 1 };

	/* How much a fragmented segment carries, and so what to acknowledge, is not known yet. */
	if (!tcp || p->tcp_flags & TCP_RST || p->fragmented)
		return -1;
	answer.source = tcp->dest;
	answer.dest = tcp->source;
	if (p->tcp_flags & TCP_ACK) {
		answer.seq = tcp->ack_seq;
	} else {
		answer.ack = 1;
		answer.ack_seq = bpf_htonl(p->tcp_sequence + !!(p->tcp_flags & TCP_SYN));
	}
	answer.check = fold(bpf_csum_diff(NULL, 0, (__be32 *)&answer, sizeof(answer),
					  pseudo_sum(p, sizeof(answer), IPPROTO_TCP)));
	if (bpf_skb_change_tail(skb, ETH_HLEN + ip_header_size(p) + sizeof(answer), 0))
		return -1;
	if (write_headers(skb, p, sizeof(answer), IPPROTO_TCP))
		return -1;
	return bpf_skb_store_bytes(skb, ETH_HLEN + ip_header_size(p), &answer, sizeof(answer), 0);
}

/* An ICMP error carries the offending packet's IP header and the 8 bytes after it. */
struct icmp_error_head {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be32 unused;
};

static __always_inline long make_unreachable(struct __sk_buff *skb, struct packet *p)
{
	__u32 inner = ip_header_size(p) + sizeof(struct udphdr);
	__u32 length = sizeof(struct icmp_error_head) + inner;
	__u8 protocol = p->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	struct icmp_error_head answer = {
		.type = p->family == 4 ? ICMP_DEST_UNREACH : ICMPV6_DEST_UNREACH,
		.code = p->family == 4 ? ICMP_PORT_UNREACH : ICMPV6_PORT_UNREACH,
	};
	__u8 *carried;
	__s64 sum;

	/* Packets with options or extension headers are dropped without an answer. */
	if (p->l4_offset != ETH_HLEN + ip_header_size(p))
		return -1;
	if (bpf_skb_change_tail(skb, ETH_HLEN + inner, 0))
		return -1;
	carried = at(skb, ETH_HLEN, sizeof(struct ipv6hdr) + sizeof(struct udphdr));
	sum = p->family == 4 ? 0 : pseudo_sum(p, length, IPPROTO_ICMPV6);
	if (p->family == 4) {
		carried = at(skb, ETH_HLEN, sizeof(struct iphdr) + sizeof(struct udphdr));
		if (!carried)
			return -1;
		sum = bpf_csum_diff(NULL, 0, (__be32 *)carried, sizeof(struct iphdr) + sizeof(struct udphdr), sum);
	} else {
		if (!carried)
			return -1;
		sum = bpf_csum_diff(NULL, 0, (__be32 *)carried, sizeof(struct ipv6hdr) + sizeof(struct udphdr), sum);
	}
	answer.checksum = fold(bpf_csum_diff(NULL, 0, (__be32 *)&answer, sizeof(answer), sum));
	if (bpf_skb_adjust_room(skb, ip_header_size(p) + sizeof(answer), BPF_ADJ_ROOM_MAC, 0))
		return -1;
	if (write_headers(skb, p, length, protocol))
		return -1;
	return bpf_skb_store_bytes(skb, ETH_HLEN + ip_header_size(p), &answer, sizeof(answer), 0);
}

/* Sends the answer. Returns the program's verdict; TC_ACT_SHOT where the packet gets no answer. */
__noinline int reject(struct __sk_buff *skb, struct packet *p)
{
	if (!p || p->headless)
		return TC_ACT_SHOT;
	if (p->key.protocol == IPPROTO_TCP ? make_reset(skb, p) : make_unreachable(skb, p))
		return TC_ACT_SHOT;
	/* A pod's packet came in by the host side of its veth: the answer goes straight to the other side. */
	if (p->hook == HOOK_FROM_POD)
		return bpf_redirect_peer(p->interface, 0);
	return bpf_redirect(p->interface, 0);
}

#endif
