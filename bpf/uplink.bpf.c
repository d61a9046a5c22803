// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The programs at a device that leads to the world. from_uplink sees what comes in: for services reachable from
 * outside, for pods, and the answers to masqueraded connections; what is meant for the node itself is left to
 * its network stack. to_uplink translates the answers of the node's own processes that are backends.
 */
#include "packet.h"
#include "map_defs.h"
#include "parse.h"
#include "counters.h"
#include "emit.h"
#include "rewrite.h"
#include "route.h"
#include "service.h"
#include "flow_cache.h"
#include "first_packet.h"
#include "icmp_error.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#undef THIS_FILE
#define THIS_FILE SOURCE_UPLINK

static __always_inline int drop_now(struct packet *p)
{
	stage_end(p, p->drop_stage, OUTCOME_DROP);
	emit_drop(p);
	return TC_ACT_SHOT;
}

static __always_inline int leave_to_stack(struct packet *p, __u32 stage)
{
	stage_end(p, stage, OUTCOME_STACK);
	return TC_ACT_OK;
}

static __always_inline int is_for_pod(const struct packet *p)
{
	return bpf_map_lookup_elem(&endpoints, &p->key.destination) != NULL;
}

/* A packet that cannot be parsed is only dropped where a pod would have to cope with it. */
static __always_inline int unparsed(struct packet *p)
{
	struct scratch *s = scratch_of_cpu();

	if (!s || !p->family || !is_for_pod(p))
		return leave_to_stack(p, STAGE_PARSE);
	__builtin_memset(&s->facts, 0, sizeof(s->facts));
	s->facts.destination = p->key.destination;
	s->facts.destination_port_be = p->key.destination_port_be;
	return drop_now(p);
}

SEC("tc")
int from_uplink(struct __sk_buff *skb)
{
	struct packet *p = packet_of_cpu(skb, HOOK_FROM_UPLINK);
	__u32 preferred = 0;
	int result;

	if (!p)
		return TC_ACT_SHOT;
	stage_begin(p);
	switch (parse(skb, p)) {
	case CONTINUE:
		break;
	case STACK:
		return leave_to_stack(p, STAGE_PARSE);
	default:
		return unparsed(p);
	}
	stage_end(p, STAGE_PARSE, OUTCOME_PASS);
	if (p->icmp_error)
		return icmp_error(skb);
	result = cached_packet(skb, p, &preferred);
	if (result >= 0) {
		stage_end(p, STAGE_FLOW_CACHE, OUTCOME_HIT);
		return result;
	}
	if (result != NO_ENTRY)
		return drop_now(p);
	if (!is_for_pod(p) && !service_of(p))
		return leave_to_stack(p, STAGE_FLOW_CACHE);
	stage_end(p, STAGE_FLOW_CACHE, OUTCOME_PASS);
	return first_packet(skb, preferred);
}

SEC("tc")
int to_uplink(struct __sk_buff *skb)
{
	struct packet *p = packet_of_cpu(skb, HOOK_TO_UPLINK);
	struct flow_entry *e;
	__u32 preferred = 0;

	if (!p)
		return TC_ACT_SHOT;
	if (parse(skb, p) != CONTINUE || p->icmp_error)
		return TC_ACT_OK;
	e = find_flow(&p->key);
	if (!e || !e->is_reply)
		return TC_ACT_OK;
	return cached_packet(skb, p, &preferred) >= 0 ? TC_ACT_OK : drop_now(p);
}
