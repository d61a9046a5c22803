/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * ICMP errors. They carry the head of the packet that caused them (RFC 792, RFC 4443): the tuple in it,
 * turned round, is the tuple its receiver would answer with, and the flow entry of that answer says how
 * to translate the error (RFC 5508). Used ONLY kernel side.
 */
#ifndef SPYGLASS_LIB_ICMP_ERROR_H
#define SPYGLASS_LIB_ICMP_ERROR_H

#include "first_packet.h"
#include "parse.h"

#undef THIS_FILE
#define THIS_FILE SOURCE_ICMP_ERROR

static __always_inline int parse_embedded(struct __sk_buff *skb, struct packet *p, struct embedded *in)
{
	struct flow_key key = {};
	__be16 *ports;
	__u8 type = 0;

	if (p->headless)
		return drop(p, PARSE, CT_TRUNCATED_OR_INVALID_HEADER);
	in->l3_offset = p->l4_offset + sizeof(struct icmp_head);
	bpf_skb_pull_data(skb, skb->len < 256 ? skb->len : 256);
	if (p->family == 4) {
		struct iphdr *ip = at(skb, in->l3_offset, sizeof(*ip));

		if (!ip || ip->ihl < 5 || ip->version != 4)
			return drop(p, PARSE, CT_TRUNCATED_OR_INVALID_HEADER);
		/* Nobody reports later fragments (RFC 1122, 3.2.2); what would be read as ports is payload. */
		if (ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET))
			return drop(p, PARSE, INVALID_PACKET_DROPPED);
		address_from_v4(&key.source, ip->saddr);
		address_from_v4(&key.destination, ip->daddr);
		key.protocol = ip->protocol;
		in->l4_offset = in->l3_offset + ip->ihl * 4;
	} else {
		struct ipv6hdr *ip = at(skb, in->l3_offset, sizeof(*ip));

		if (!ip || ip->version != 6)
			return drop(p, PARSE, CT_TRUNCATED_OR_INVALID_HEADER);
		__builtin_memcpy(&key.source, &ip->saddr, 16);
		__builtin_memcpy(&key.destination, &ip->daddr, 16);
		key.protocol = ip->nexthdr;
		in->l4_offset = in->l3_offset + sizeof(*ip);
	}
	ports = at(skb, in->l4_offset, 8);
	if (!ports)
		return drop(p, PARSE, CT_TRUNCATED_OR_INVALID_HEADER);
	if (key.protocol == IPPROTO_TCP || key.protocol == IPPROTO_UDP) {
		key.source_port_be = ports[0];
		key.destination_port_be = ports[1];
	} else {
		type = *(__u8 *)ports;
		if (type == ICMP_ECHO || type == ICMPV6_ECHO_REQUEST)
			key.source_port_be = ports[2];
		else
			key.destination_port_be = ports[2];
	}
	reverse_key(&in->key, &key);
	return CONTINUE;
}

/*
 * Applies the entry's translation to the embedded packet, mirrored. The checksum of the embedded IPv4
 * header is kept right; that of its transport is not, it may lie beyond the part that is carried.
 */
static __always_inline int rewrite_embedded(struct __sk_buff *skb, struct packet *p, const struct embedded *in, const struct flow_entry *e)
{
	__u32 icmp_checksum = p->l4_offset + offsetof(struct icmp_head, checksum);
	int is_echo = p->key.protocol == in->key.protocol;
	__u32 source_port = in->l4_offset + (is_echo ? offsetof(struct icmp_head, id) : 0);
	__u32 destination_port = in->l4_offset + (is_echo ? offsetof(struct icmp_head, id) : sizeof(__be16));
	int result = 0;

	if (e->rewrite & REWRITE_SOURCE) {
		/* The IPv4 header checksum cancels the change of its address, so the sum over both stays. */
		result |= replace_address(skb, p, in->l3_offset, 0, &in->key.source, &e->new_source,
					  p->family == 4 ? 0 : icmp_checksum, 0);
		result |= replace_port(skb, p, destination_port, in->key.source_port_be, e->new_source_port_be,
				       icmp_checksum, 0);
	}
	if (e->rewrite & REWRITE_DESTINATION) {
		result |= replace_address(skb, p, in->l3_offset, 1, &in->key.destination, &e->new_destination,
					  p->family == 4 ? 0 : icmp_checksum, 0);
		result |= replace_port(skb, p, source_port, in->key.destination_port_be, e->new_destination_port_be,
				       icmp_checksum, 0);
	}
	return result;
}

/*
 * Whether the sender may speak of this connection: errors go back to where the offending packet came from,
 * and one that a pod sends is about a packet that this pod received. Otherwise a pod could break the
 * connections of others with errors it makes up.
 */
static __always_inline int may_report(const struct packet *p, const struct embedded *in, const struct flow_entry *e)
{
	return address_equal(&p->key.destination, &in->key.destination) &&
	       (p->hook != HOOK_FROM_POD || e->in_interface == p->interface);
}

/* Translates and delivers an ICMP error. Returns the program's verdict; drops are counted. */
__noinline int icmp_error(struct __sk_buff *skb)
{
	struct scratch *s = scratch_of_cpu();
	struct embedded *in;
	struct flow_entry *e;
	struct packet *p;
	__u32 icmp_checksum;
	int result = 0;

	if (!s)
		return TC_ACT_SHOT;
	/* Not an argument: its addresses are maps' keys. */
	p = &s->packet;
	in = &s->embedded;
	__builtin_memset(&s->facts, 0, sizeof(s->facts));
	if (source_check(p, s) != CONTINUE || parse_embedded(skb, p, in) != CONTINUE)
		goto dropped;
	e = find_flow(&in->key);
	if (!e && p->hook == HOOK_FROM_UPLINK && !bpf_map_lookup_elem(&endpoints, &p->key.destination)) {
		/* About a connection of the node's own. */
		stage_end(p, STAGE_FLOW_CACHE, OUTCOME_STACK);
		return TC_ACT_OK;
	}
	if (!e || !may_report(p, in, e)) {
		(void)drop(p, FLOW_CACHE, UNKNOWN_CONNECTION_TRACKING_STATE);
		goto dropped;
	}
	count_packet(p, e);
	icmp_checksum = p->family == 4 ? 0 : p->l4_offset + offsetof(struct icmp_head, checksum);
	if (e->rewrite) {
		result = rewrite_embedded(skb, p, in, e);
		/* A router on the way keeps its own address; the backend's becomes the service's. */
		if ((e->rewrite & REWRITE_SOURCE) && address_equal(&p->key.source, &in->key.source))
			result |= replace_address(skb, p, p->l3_offset, 1, &in->key.source, &e->new_source, icmp_checksum, 0);
		if (e->rewrite & REWRITE_DESTINATION)
			result |= replace_address(skb, p, p->l3_offset, 0, &in->key.destination, &e->new_destination,
						  icmp_checksum, 0);
		if (result) {
			(void)drop(p, DELIVER, ERROR_WRITING_TO_PACKET);
			goto dropped;
		}
	}
	stage_end(p, STAGE_FLOW_CACHE, OUTCOME_HIT);
	result = hand_over(skb, p, e);
	if (result >= 0)
		return result;
dropped:
	stage_end(p, p->drop_stage, OUTCOME_DROP);
	emit_drop(p);
	return TC_ACT_SHOT;
}

#endif
