/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The numbered facts of the datapath, each list written once. Kernel code, TypeScript enums, the
 * sentences of the UI and the metric labels are all generated from here (npm run generate).
 *
 * Rules: numbers are never reused. A line is X(NAME, number, "words for people").
 */
#ifndef SPYGLASS_LISTS_H
#define SPYGLASS_LISTS_H

/* What a record reports. */
#define RECORD_TYPES(X) \
	X(NEW, 1, "first packet of a connection") \
	X(FLAGS, 2, "a TCP flag seen for the first time in this direction") \
	X(CLOSE, 3, "the connection ended") \
	X(REPORT, 4, "periodic report while packets flow") \
	X(DROP, 5, "a packet was dropped") \
	X(PACKET, 6, "one packet, at aggregation level max") \
	X(L7, 7, "a message of an application")

/* Hubble's flow.Verdict. */
#define VERDICTS(X) \
	X(FORWARDED, 1, "Forwarded") \
	X(DROPPED, 2, "Dropped") \
	X(ERROR, 3, "Error") \
	X(AUDIT, 4, "Audit") \
	X(REDIRECTED, 5, "Redirected")

/* Numbers 130 to 205 are Hubble's flow.DropReason; ours start at 224, which Hubble does not use. */
#define DROP_REASONS(X) \
	X(INVALID_SOURCE_IP, 132, "Source address is not the pod's own") \
	X(POLICY_DENIED, 133, "No policy allows it") \
	X(INVALID_PACKET_DROPPED, 134, "Packet is malformed") \
	X(CT_TRUNCATED_OR_INVALID_HEADER, 135, "Header is cut short") \
	X(ERROR_WRITING_TO_PACKET, 141, "Packet could not be rewritten") \
	X(UNKNOWN_L4_PROTOCOL, 142, "Transport protocol is not supported") \
	X(UNKNOWN_ICMPV4_TYPE, 144, "ICMP type is not supported") \
	X(UNKNOWN_ICMPV6_TYPE, 146, "ICMPv6 type is not supported") \
	X(STALE_OR_UNROUTABLE_IP, 151, "Address is not routable") \
	X(CT_MAP_INSERTION_FAILED, 155, "Flow cache refused the connection") \
	X(INVALID_IPV6_EXTENSION_HEADER, 156, "IPv6 extension header is malformed") \
	X(IP_FRAGMENTATION_NOT_SUPPORTED, 157, "Fragment without ports") \
	X(SERVICE_BACKEND_NOT_FOUND, 158, "Service has no backend") \
	X(UNKNOWN_CONNECTION_TRACKING_STATE, 163, "ICMP error about no connection of its sender") \
	X(FIB_LOOKUP_FAILED, 169, "No route to the address") \
	X(TUPLE_IN_USE, 224, "Translated tuple belongs to another connection") \
	X(DENY_LIST, 225, "Source is on the deny list") \
	X(NO_NODE_ADDRESS, 226, "Uplink has no address of the family to send it under") \
	X(NO_LOCAL_BACKEND, 227, "Service has backends on other nodes only, and its traffic policy is Local")

/* Hubble's flow.TraceObservationPoint: where the packet was handed on, or entered. */
#define OBSERVATION_POINTS(X) \
	X(UNKNOWN_POINT, 0, "unknown") \
	X(TO_HOST, 2, "to the host") \
	X(TO_STACK, 3, "to the network stack") \
	X(FROM_ENDPOINT, 5, "from a pod") \
	X(FROM_HOST, 7, "from the host") \
	X(FROM_NETWORK, 10, "from the network") \
	X(TO_NETWORK, 11, "to the network") \
	X(TO_ENDPOINT, 101, "to a pod")

/*
 * The stages of the graph, in the order a first packet walks them; the number is the bit in
 * record.path and the row in stage_stats. 8 belongs to L7.
 */
#define STAGES(X) \
	X(PREFILTER, 11, "prefilter") \
	X(PARSE, 0, "parse") \
	X(SOURCE_CHECK, 1, "source check") \
	X(FLOW_CACHE, 2, "flow cache") \
	X(SERVICE, 3, "service") \
	X(IDENTITY, 4, "identity") \
	X(EGRESS_POLICY, 5, "egress policy") \
	X(ROUTE, 6, "route") \
	X(INGRESS_POLICY, 7, "ingress policy") \
	X(MASQUERADE, 10, "masquerade") \
	X(DELIVER, 9, "deliver")

/* What a stage did with a packet; column in stage_stats. */
#define OUTCOMES(X) \
	X(PASS, 0, "passed on") \
	X(HIT, 1, "found") \
	X(DROP, 2, "dropped") \
	X(STACK, 3, "left to the network stack")

/* The files that drop packets; with record.drop_line the place in the source. */
#define SOURCE_FILES(X) \
	X(PARSE, 1, "bpf/lib/parse.h") \
	X(FLOW_CACHE, 2, "bpf/lib/flow_cache.h") \
	X(ICMP_ERROR, 3, "bpf/lib/icmp_error.h") \
	X(REWRITE, 4, "bpf/lib/rewrite.h") \
	X(ROUTE, 5, "bpf/lib/route.h") \
	X(FIRST_PACKET, 6, "bpf/lib/first_packet.h") \
	X(POLICY, 7, "bpf/lib/policy.h") \
	X(SERVICE, 8, "bpf/lib/service.h") \
	X(FRAGMENT, 9, "bpf/lib/fragment.h") \
	X(UPLINK, 10, "bpf/uplink.bpf.c") \
	X(PREFILTER, 11, "bpf/prefilter.bpf.c")

/* Traffic direction of the connection at the observing endpoint, Hubble's numbers. */
#define DIRECTIONS(X) \
	X(UNKNOWN, 0, "unknown") \
	X(INGRESS, 1, "ingress") \
	X(EGRESS, 2, "egress")

/* How a policy entry matched; Hubble's policy_match_type. */
#define POLICY_MATCHES(X) \
	X(NONE, 0, "none") \
	X(L3_ONLY, 1, "peer") \
	X(L3_L4, 2, "peer and port") \
	X(L4_ONLY, 3, "port") \
	X(ALL, 4, "anything") \
	X(L3_PROTO, 5, "peer and protocol") \
	X(PROTO_ONLY, 6, "protocol")

/* Reserved identities, Hubble's numbers. Workloads start at 256. */
#define RESERVED_IDENTITIES(X) \
	X(UNKNOWN, 0, "unknown") \
	X(HOST, 1, "host") \
	X(WORLD, 2, "world") \
	X(UNMANAGED, 3, "unmanaged") \
	X(HEALTH, 4, "health") \
	X(INIT, 5, "init") \
	X(REMOTE_NODE, 6, "remote-node") \
	X(KUBE_APISERVER, 7, "kube-apiserver")

/* How much is reported; Cilium's level names. Drops are reported at every level but none. */
#define AGGREGATION_LEVELS(X) \
	X(NONE, 0, "no events, counters only") \
	X(LOW, 1, "new connections and drops") \
	X(MEDIUM, 2, "and TCP flags, closes and periodic reports") \
	X(MAX, 3, "and every packet")

/* The application protocols that are told apart, each by the first bytes of a connection. */
#define L7_PROTOCOLS(X) \
	X(NONE, 0, "not known") \
	X(HTTP, 1, "HTTP/1") \
	X(HTTP2, 2, "HTTP/2") \
	X(DNS, 3, "DNS") \
	X(TLS, 4, "TLS") \
	X(REDIS, 5, "Redis") \
	X(POSTGRESQL, 6, "PostgreSQL") \
	X(MYSQL, 7, "MySQL") \
	X(KAFKA, 8, "Kafka")

/*
 * What is read of a pod's messages (annotation spyglass.io/l7). OFF at either end of a connection wins; else the
 * server's counts, and the client's where the server is no pod of this node.
 */
#define L7_MODES(X) \
	X(OFF, 0, "nothing") \
	X(METADATA, 1, "heads without the values that may hold secrets") \
	X(FULL, 2, "heads with their values")

#define X_ENUM_RECORD(name, number, words) RECORD_##name = number,
#define X_ENUM_VERDICT(name, number, words) VERDICT_##name = number,
#define X_ENUM_DROP(name, number, words) DROP_##name = number,
#define X_ENUM_POINT(name, number, words) POINT_##name = number,
#define X_ENUM_STAGE(name, number, words) STAGE_##name = number,
#define X_ENUM_OUTCOME(name, number, words) OUTCOME_##name = number,
#define X_ENUM_SOURCE(name, number, words) SOURCE_##name = number,
#define X_ENUM_DIRECTION(name, number, words) DIRECTION_##name = number,
#define X_ENUM_IDENTITY(name, number, words) IDENTITY_##name = number,
#define X_ENUM_MATCH(name, number, words) MATCH_##name = number,
#define X_ENUM_LEVEL(name, number, words) LEVEL_##name = number,
#define X_ENUM_L7_PROTOCOL(name, number, words) L7_##name = number,
#define X_ENUM_L7_MODE(name, number, words) L7_MODE_##name = number,

enum record_type { RECORD_TYPES(X_ENUM_RECORD) };
enum verdict { VERDICTS(X_ENUM_VERDICT) };
enum drop_reason { DROP_REASONS(X_ENUM_DROP) };
enum observation_point { OBSERVATION_POINTS(X_ENUM_POINT) };
enum stage { STAGES(X_ENUM_STAGE) };
enum outcome { OUTCOMES(X_ENUM_OUTCOME) };
enum source_file { SOURCE_FILES(X_ENUM_SOURCE) };
enum direction { DIRECTIONS(X_ENUM_DIRECTION) };
enum policy_match { POLICY_MATCHES(X_ENUM_MATCH) };
enum reserved_identity { RESERVED_IDENTITIES(X_ENUM_IDENTITY) };
enum aggregation_level { AGGREGATION_LEVELS(X_ENUM_LEVEL) };
enum l7_protocol { L7_PROTOCOLS(X_ENUM_L7_PROTOCOL) };
enum l7_mode { L7_MODES(X_ENUM_L7_MODE) };

#endif
