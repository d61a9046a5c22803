/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Who an address is, and where packets to it go. Used ONLY kernel side. */
#ifndef SPYGLASS_LIB_ROUTE_H
#define SPYGLASS_LIB_ROUTE_H

#include "map_defs.h"
#include "packet.h"
#include "scratch.h"

#undef THIS_FILE
#define THIS_FILE SOURCE_ROUTE

#define AF_INET 2
#define AF_INET6 10

static __always_inline __u32 generation_of(__u32 subject)
{
	__u64 *generation = bpf_map_lookup_elem(&generations, &subject);

	return generation ? *generation : 0;
}

/* What an address that is no local pod counts its changes under. */
static __always_inline __u32 address_subject(const union address *a)
{
	__u32 folded = a->words[0] ^ a->words[1] ^ a->words[2] ^ a->words[3];

	return ADDRESS_SUBJECT + ((__u32)(folded * (__u32)ADDRESS_HASH) >> ADDRESS_HASH_SHIFT);
}

__noinline int identify(struct end *end, const union address *address)
{
	struct ipcache_key key = { .prefix_length = 128 };
	struct endpoint *local;
	struct ipcache_value *known;

	if (!end || !address)
		return 0;
	/* Linux 6.1 takes no key from an argument's memory. */
	__builtin_memcpy(key.address, address, sizeof(key.address));
	local = bpf_map_lookup_elem(&endpoints, key.address);
	__builtin_memset(end, 0, sizeof(*end));
	if (local) {
		end->identity = local->identity;
		end->cidr = local->cidr;
		end->isolated = local->isolated;
		end->l7_mode = local->l7_mode;
		end->endpoint = local->id;
		end->subject = local->id;
		end->generation = local->generation;
		end->interface = local->interface;
		__builtin_memcpy(end->mac, local->mac, 6);
		__builtin_memcpy(end->host_mac, local->host_mac, 6);
		return 0;
	}
	end->l7_mode = L7_MODE_METADATA;
	/* Generation first: what is read after a change counts as read before it, and is read again. */
	end->subject = address_subject(address);
	end->generation = generation_of(end->subject);
	known = bpf_map_lookup_elem(&ipcache, &key);
	if (!known) {
		end->identity = IDENTITY_WORLD;
		return 0;
	}
	end->identity = known->identity;
	end->cidr = known->cidr;
	end->endpoint = known->endpoint;
	return 0;
}

/* CONTINUE if the node's routing table has a way to the address, DROP with the reason if not. */
static __always_inline int check_route(struct __sk_buff *skb, struct packet *p, const union address *destination,
				       struct bpf_fib_lookup *fib)
{
	long result;

	__builtin_memset(fib, 0, sizeof(*fib));
	fib->ifindex = p->interface;
	if (p->family == 4) {
		fib->family = AF_INET;
		fib->ipv4_src = p->key.source.words[3];
		fib->ipv4_dst = destination->words[3];
	} else {
		fib->family = AF_INET6;
		__builtin_memcpy(fib->ipv6_src, &p->key.source, 16);
		__builtin_memcpy(fib->ipv6_dst, destination, 16);
	}
	result = bpf_fib_lookup(skb, fib, sizeof(*fib), 0);
	switch (result) {
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return drop(p, ROUTE, STALE_OR_UNROUTABLE_IP);
	case BPF_FIB_LKUP_RET_NOT_FWDED:
		return drop(p, ROUTE, FIB_LOOKUP_FAILED);
	default:
		/* A route, or something only the stack can settle: a missing neighbour, an MTU, a tunnel. */
		return result < 0 ? drop(p, ROUTE, FIB_LOOKUP_FAILED) : CONTINUE;
	}
}

#endif
