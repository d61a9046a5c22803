// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The deny list: what comes from a listed prefix is dropped where a device that leads to the world hands it over,
 * before the network stack has spent anything on it.
 */
#include "packet.h"
#include "map_defs.h"
#include "emit.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#undef THIS_FILE
#define THIS_FILE SOURCE_PREFILTER

/* Fills in whose packet it is. False if it is not IP, or too short to say. */
static __always_inline int read_addresses(struct packet *p, void *data, void *end)
{
	struct ethhdr *eth = data;

	if (data + sizeof(*eth) > end)
		return 0;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + sizeof(*eth);

		if ((void *)(ip + 1) > end)
			return 0;
		p->family = 4;
		p->key.protocol = ip->protocol;
		address_from_v4(&p->key.source, ip->saddr);
		address_from_v4(&p->key.destination, ip->daddr);
		return 1;
	}
	if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = data + sizeof(*eth);

		if ((void *)(ip + 1) > end)
			return 0;
		p->family = 6;
		p->key.protocol = ip->nexthdr;
		__builtin_memcpy(&p->key.source, &ip->saddr, 16);
		__builtin_memcpy(&p->key.destination, &ip->daddr, 16);
		return 1;
	}
	return 0;
}

SEC("xdp")
int xdp_uplink(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ipcache_key key = { .prefix_length = 128 };
	struct scratch *s = scratch_of_cpu();
	struct packet *p;

	if (!s)
		return XDP_PASS;
	p = &s->packet;
	__builtin_memset(p, 0, sizeof(*p));
	p->interface = ctx->ingress_ifindex;
	p->hook = HOOK_FROM_UPLINK;
	p->packets = 1;
	p->bytes = end - data - ETH_HLEN;
	if (!read_addresses(p, data, end))
		return XDP_PASS;
	__builtin_memcpy(key.address, &p->key.source, sizeof(key.address));
	if (!bpf_map_lookup_elem(&denied, &key))
		return XDP_PASS;
	(void)drop(p, PREFILTER, DENY_LIST);
	__builtin_memset(&s->facts, 0, sizeof(s->facts));
	s->facts.destination = p->key.destination;
	s->facts.source_identity = IDENTITY_WORLD;
	stage_begin(p);
	stage_end(p, STAGE_PREFILTER, OUTCOME_DROP);
	emit_drop(p);
	return XDP_DROP;
}
