/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * NetworkPolicy (networking.k8s.io/v1) as a question of two ends, a protocol and a port. Used ONLY kernel
 * side. Asked for the connection, in the direction in which it was begun: answers pass by the flow cache.
 */
#ifndef SPYGLASS_LIB_POLICY_H
#define SPYGLASS_LIB_POLICY_H

#include "route.h"

#undef THIS_FILE
#define THIS_FILE SOURCE_POLICY

/* What a policy said in one direction. */
struct ruling {
	__u32 rule;
	__u8 verdict;
	__u8 match;
};

/*
 * One of the three lookups. True if it ends the search: an entry that allows, or for any peer (0) the
 * default. What it found stands in `ruling`.
 */
static __always_inline int ask(struct ruling *ruling, const struct policy_key *key)
{
	const struct policy_value *found = bpf_map_lookup_elem(&policy, key);

	if (!found)
		return 0;
	ruling->rule = found->rule;
	ruling->verdict = found->verdict;
	ruling->match = found->match;
	return found->verdict == VERDICT_FORWARDED || !key->peer;
}

/*
 * What the policies of `subject` say of a connection with `peer` in one direction. An end that no policy
 * selects, a pod that talks to itself, and the node with its own pods are not theirs to judge (Kubernetes,
 * "Network Policies"): rule 0. An isolated pod without any entry is denied.
 */
static __always_inline void rule_of(struct ruling *ruling, const struct packet *p, const struct end *subject,
				    const struct end *peer, __u8 direction, __be16 port)
{
	struct policy_key key = {
		.prefix_length = POLICY_PREFIX_PROTOCOL + 16,
		.subject = subject->identity,
		.peer = peer->identity,
		.direction = direction,
		.protocol = p->key.protocol,
		.port_be = port,
	};
	__u8 bit = direction == DIRECTION_INGRESS ? ISOLATED_INGRESS : ISOLATED_EGRESS;

	ruling->rule = 0;
	ruling->match = MATCH_NONE;
	ruling->verdict = VERDICT_FORWARDED;
	if (!(subject->isolated & bit) || peer->identity == IDENTITY_HOST || subject->endpoint == peer->endpoint)
		return;
	ruling->verdict = VERDICT_DROPPED;
	if (ask(ruling, &key))
		return;
	if (peer->cidr && peer->cidr != peer->identity) {
		key.peer = peer->cidr;
		if (ask(ruling, &key))
			return;
	}
	key.peer = 0;
	ask(ruling, &key);
}

/* The connection's destination port as policies see it: after translation, 0 for ICMP. */
static __always_inline __be16 policy_port(const struct packet *p, __be16 port)
{
	return p->key.protocol == IPPROTO_TCP || p->key.protocol == IPPROTO_UDP ? port : 0;
}

/* The egress policies of `from`, into `e`. CONTINUE, or DROP. */
static __always_inline int egress_policy(struct packet *p, struct flow_entry *e, const struct end *from,
					 const struct end *to, __be16 port)
{
	struct ruling ruling;

	rule_of(&ruling, p, from, to, DIRECTION_EGRESS, policy_port(p, port));
	e->egress_rule = ruling.rule;
	e->egress_match = ruling.match;
	e->verdict = ruling.verdict;
	return ruling.verdict == VERDICT_DROPPED ? drop(p, EGRESS_POLICY, POLICY_DENIED) : CONTINUE;
}

/* The ingress policies of `to`, into `e`, after those of egress. CONTINUE, or DROP. */
static __always_inline int ingress_policy(struct packet *p, struct flow_entry *e, const struct end *from,
					  const struct end *to, __be16 port)
{
	struct ruling ruling;

	rule_of(&ruling, p, to, from, DIRECTION_INGRESS, policy_port(p, port));
	e->ingress_rule = ruling.rule;
	e->ingress_match = ruling.match;
	if (ruling.verdict != VERDICT_FORWARDED)
		e->verdict = ruling.verdict;
	return ruling.verdict == VERDICT_DROPPED ? drop(p, INGRESS_POLICY, POLICY_DENIED) : CONTINUE;
}

#endif
