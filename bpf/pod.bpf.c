// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The programs at a pod's veth. from_pod sees everything the pod sends; to_pod what the host itself
 * sends to the pod (pod to pod traffic never gets there: it is redirected into the target's namespace).
 * Both walk the same stages: parse, flow cache, and for a packet without entry source check, service,
 * identity, route, deliver.
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

static __always_inline int drop_early(struct packet *p)
{
	struct scratch *s = scratch_of_cpu();

	if (s) {
		__builtin_memset(&s->facts, 0, sizeof(s->facts));
		s->facts.destination = p->key.destination;
		s->facts.destination_port_be = p->key.destination_port_be;
	}
	stage_end(p, p->drop_stage, OUTCOME_DROP);
	emit_drop(p);
	return TC_ACT_SHOT;
}

static __always_inline int handle(struct __sk_buff *skb, __u8 hook)
{
	struct packet *p = packet_of_cpu(skb, hook);
	__u32 preferred = 0;
	int result;

	if (!p)
		return TC_ACT_SHOT;
	stage_begin(p);
	switch (parse(skb, p)) {
	case CONTINUE:
		break;
	case STACK:
		stage_end(p, STAGE_PARSE, OUTCOME_STACK);
		return TC_ACT_OK;
	default:
		return drop_early(p);
	}
	stage_end(p, STAGE_PARSE, OUTCOME_PASS);
	if (p->icmp_error)
		return icmp_error(skb);
	result = cached_packet(skb, p, &preferred);
	if (result >= 0) {
		stage_end(p, STAGE_FLOW_CACHE, OUTCOME_HIT);
		return result;
	}
	if (result != NO_ENTRY) {
		stage_end(p, p->drop_stage, OUTCOME_DROP);
		emit_drop(p);
		return TC_ACT_SHOT;
	}
	stage_end(p, STAGE_FLOW_CACHE, OUTCOME_PASS);
	return first_packet(skb, preferred);
}

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	return handle(skb, HOOK_FROM_POD);
}

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	return handle(skb, HOOK_TO_POD);
}
