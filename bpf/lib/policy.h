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
 * "Network Policies"): rule 0. An isolated pod without any entry is denied. `port`: the connection's
 * destination port after translation. The answer stands in the scratch's `ruling`.
 */
__noinline int rule_of(const struct packet *p, const struct end *subject, const struct end *peer, __u8 direction,
		       __be16 port)
{
	__u8 bit = direction == DIRECTION_INGRESS ? ISOLATED_INGRESS : ISOLATED_EGRESS;
	struct scratch *s = scratch_of_cpu();
	struct policy_key key = {};
	struct ruling *ruling;

	if (!p || !subject || !peer || !s)
		return 0;
	ruling = &s->ruling;
	ruling->rule = 0;
	ruling->match = MATCH_NONE;
	ruling->verdict = VERDICT_FORWARDED;
	if (!(subject->isolated & bit) || peer->identity == IDENTITY_HOST || subject->endpoint == peer->endpoint)
		return 0;
	ruling->verdict = VERDICT_DROPPED;
	key.prefix_length = POLICY_PREFIX_PROTOCOL + 16;
	key.subject = subject->identity;
	key.direction = direction;
	key.protocol = p->key.protocol;
	if (p->key.protocol == IPPROTO_TCP || p->key.protocol == IPPROTO_UDP)
		key.port_be = port;
	key.peer = peer->identity;
	if (ask(ruling, &key))
		return 0;
	if (peer->cidr && peer->cidr != peer->identity) {
		key.peer = peer->cidr;
		if (ask(ruling, &key))
			return 0;
	}
	key.peer = 0;
	ask(ruling, &key);
	return 0;
}

/* The egress policies of `from`, into `e`. CONTINUE, or DROP. */
static __always_inline int egress_policy(struct packet *p, struct scratch *s, struct flow_entry *e,
					 const struct end *from, const struct end *to, __be16 port)
{
	rule_of(p, from, to, DIRECTION_EGRESS, port);
	e->egress_rule = s->ruling.rule;
	e->egress_match = s->ruling.match;
	e->verdict = s->ruling.verdict;
	return e->verdict == VERDICT_DROPPED ? drop(p, EGRESS_POLICY, POLICY_DENIED) : CONTINUE;
}

/* The ingress policies of `to`, into `e`, after those of egress. CONTINUE, or DROP. */
static __always_inline int ingress_policy(struct packet *p, struct scratch *s, struct flow_entry *e,
					  const struct end *from, const struct end *to, __be16 port)
{
	rule_of(p, to, from, DIRECTION_INGRESS, port);
	e->ingress_rule = s->ruling.rule;
	e->ingress_match = s->ruling.match;
	if (s->ruling.verdict != VERDICT_FORWARDED)
		e->verdict = s->ruling.verdict;
	return s->ruling.verdict == VERDICT_DROPPED ? drop(p, INGRESS_POLICY, POLICY_DENIED) : CONTINUE;
}

#endif
