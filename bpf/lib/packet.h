/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the stages know of the packet in hand. Used ONLY kernel side. */
#ifndef SPYGLASS_LIB_PACKET_H
#define SPYGLASS_LIB_PACKET_H

#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "lists.h"
#include "maps.h"

/* RFC 792. <linux/icmp.h> pulls in the C library, which has no place here. */
#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

/* The head of both ICMP and ICMPv6 messages, with the identifier of echo messages. */
struct icmp_head {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be16 id;
	__be16 sequence;
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* The hook a program serves, and so what its verdicts mean. */
enum hook {
	HOOK_FROM_POD, /* tcx ingress of the host side: what a pod sends */
	HOOK_TO_POD,   /* tcx egress of the host side: what the host sends to a pod */
	HOOK_FROM_UPLINK, /* tcx ingress of a device that leads to the world */
	HOOK_TO_UPLINK,   /* tcx egress of it: what the host sends to the world */
};

struct packet {
	struct flow_key key;
	__u32 interface;  /* on which it was seen */
	__u32 l3_offset;
	__u32 l4_offset;
	__u32 packets;    /* segments on the wire: a GSO packet counts as what it will become */
	__u32 bytes;      /* L3 bytes of all of them */
	__u32 l3_bytes;   /* of the packet as it is, without what Ethernet may have put behind it */
	__u32 payload_offset; /* behind the headers of TCP or UDP; 0 where there are none */
	__u32 tcp_sequence; /* of the segment after this one */
	__u32 tcp_ack;    /* acknowledgment number, if TCP_ACK is set */
	__u32 fragment_id; /* as in the packet, if it is a fragment */
	__u32 path;       /* stages passed */
	__u32 sampled;    /* stage times of this packet are measured */
	__u64 stage_ns;   /* when the current stage began, if sampled */
	__u64 now_ns;     /* read once, by the first who needs it */
	__u64 coarse_ns;  /* the same to a tick of the clock, at a fifth of the price */
	__u8 family;      /* 4 or 6 */
	__u8 tcp_flags;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 fragmented;  /* more fragments follow this first one */
	__u8 headless;    /* a fragment but the first: no transport header, its ports are those of the first */
	__u8 ended;       /* the last packet of its connection */
	__u8 icmp_error;  /* carries the head of another packet; key is the error's own */
	__u8 hook;        /* enum hook */
	__u8 drop_stage;
	__u8 drop_reason; /* set together with a stage's DROP result */
	__u16 drop_line;
	__u16 drop_file;
};

/* The monotonic time, the same for all that is noted of one packet. */
static __always_inline __u64 now_of(struct packet *p)
{
	if (!p->now_ns)
		p->now_ns = bpf_ktime_get_ns();
	return p->now_ns;
}

static __always_inline __u64 coarse_now_of(struct packet *p)
{
	if (!p->coarse_ns)
		p->coarse_ns = bpf_ktime_get_coarse_ns();
	return p->coarse_ns;
}

/* Results of a stage. */
enum result {
	CONTINUE = 0,
	DROP = 1,  /* drop_reason says why */
	STACK = 2, /* not ours: leave it to the network stack */
};

/* Every drop is one number, from one list, at one place in the source: each file that drops sets THIS_FILE. */
#define drop(p, stage, reason) \
	({ \
		(p)->drop_stage = STAGE_##stage; \
		(p)->drop_reason = DROP_##reason; \
		(p)->drop_line = __LINE__; \
		(p)->drop_file = THIS_FILE; \
		DROP; \
	})

/* `size` bytes of the packet at `offset`, NULL if they are not there. Invalid after a helper changed the packet. */
static __always_inline void *at(struct __sk_buff *skb, __u32 offset, __u32 size)
{
	void *data, *end;

	/* In assembly, so that each is loaded anew and with a constant offset: the verifier takes no other access. */
	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(data) : "r"(skb), "i"(offsetof(struct __sk_buff, data)));
	asm volatile("%0 = *(u32 *)(%1 + %2)" : "=r"(end) : "r"(skb), "i"(offsetof(struct __sk_buff, data_end)));
	/* No header we read lies further in. Said where it is used: Linux 6.1 forgets what was known of a value before. */
	asm volatile("" : "+r"(offset));
	if (offset > 1024)
		return NULL;
	if (data + offset + size > end)
		return NULL;
	return data + offset;
}

static __always_inline int address_equal(const union address *a, const union address *b)
{
	return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}

static __always_inline void address_from_v4(union address *a, __be32 v4)
{
	a->words[0] = 0;
	a->words[1] = 0;
	a->words[2] = bpf_htonl(0xffff);
	a->words[3] = v4;
}

static __always_inline int is_v4_mapped(const union address *a)
{
	return !a->halves[0] && a->words[2] == bpf_htonl(0xffff);
}

static __always_inline void reverse_key(struct flow_key *to, const struct flow_key *of)
{
	to->source = of->destination;
	to->destination = of->source;
	to->source_port_be = of->destination_port_be;
	to->destination_port_be = of->source_port_be;
	to->protocol = of->protocol;
	to->padding[0] = to->padding[1] = to->padding[2] = 0;
}

#endif
