/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Per-CPU room for what does not fit on the 512 bytes of stack. Used ONLY kernel side. */
#ifndef SPYGLASS_LIB_SCRATCH_H
#define SPYGLASS_LIB_SCRATCH_H

#include "map_defs.h"
#include "packet.h"

/* One end of a connection. */
struct end {
	__u32 identity;
	__u32 cidr;       /* identity of the narrowest policy block around its address, 0 none */
	__u32 endpoint;   /* ref, 0 if it is none */
	__u32 subject;    /* whose generation it is */
	__u32 generation; /* as read with, or before, the rest */
	__u32 interface;  /* host side of its veth, 0 if it is no local pod */
	__u8 isolated;    /* ISOLATED_*, 0 if it is no local pod */
	__u8 l7_mode;     /* enum l7_mode; METADATA if it is no local pod */
	__u8 mac[6];
	__u8 host_mac[6];
};

/* What the policies of one end said in one direction. */
struct ruling {
	__u32 rule;
	__u8 verdict;
	__u8 match;
	__u16 padding;
};

/* What is known of a packet at the moment it is dropped; zero where it was dropped before that. */
struct drop_facts {
	union address destination; /* after translation, if there was one */
	__u16 destination_port_be;
	__u16 padding;
	__u32 service_id;
	__u32 backend_id;
	__u32 source_identity;
	__u32 destination_identity;
	__u32 source_endpoint;
	__u32 destination_endpoint;
	__u32 egress_rule;
	__u32 ingress_rule;
};

/* The packet inside an ICMP error. */
struct embedded {
	struct flow_key key; /* turned round */
	__u32 l3_offset;
	__u32 l4_offset;
};

struct scratch {
	struct packet packet;
	struct flow_entry forward;
	struct flow_entry reply;
	struct flow_key reply_key;
	struct end source;
	struct end destination;
	struct drop_facts facts;
	struct edge_key edge;
	struct ruling ruling;
	struct bpf_fib_lookup fib;
	struct embedded embedded;
	__u16 first_port; /* from which take_port draws */
	__u16 port_count;
	__u32 masqueraded;
	__u32 service_generation; /* as read with the service, 0 if there is none */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline struct scratch *scratch_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

/* The packet in hand, with nothing known of it yet. */
static __always_inline struct packet *packet_of_cpu(struct __sk_buff *skb, __u8 hook)
{
	struct scratch *s = scratch_of_cpu();

	if (!s)
		return NULL;
	__builtin_memset(&s->packet, 0, sizeof(s->packet));
	s->packet.interface = skb->ifindex;
	s->packet.hook = hook;
	return &s->packet;
}

#endif
