/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Keys and values of the maps that kernel and agent share. Ports named *_be are in network order
 * because they are compared with packets; everything else is in the byte order of the machine.
 */
#ifndef SPYGLASS_MAPS_H
#define SPYGLASS_MAPS_H

#include "types.h"

/* Raised with every change of a struct in this file; kept in the pinned map `state`. */
#define MAPS_VERSION 6

/* What a packet is at its hook: the tuple as seen there, before any translation. */
struct flow_key {
	union address source;
	union address destination;
	__u16 source_port_be; /* ICMP echo request: identifier */
	__u16 destination_port_be; /* ICMP echo reply: identifier */
	__u8 protocol;
	__u8 padding[3];
};

#define REWRITE_SOURCE 0x01
#define REWRITE_DESTINATION 0x02

enum flow_action {
	ACTION_PASS = 1,     /* go on: to the network stack on ingress, to the pod on egress of its veth */
	ACTION_LOCAL = 2,    /* straight into the namespace of a local pod, unless the packet is on its way there */
	ACTION_NEIGHBOR = 3, /* out of an uplink, to the next hop that its routing table and neighbors name */
};

/* One direction of one connection: what to do with each of its packets, and what has been counted. */
struct flow_entry {
	union address new_source;      /* the tuple after translation; equals the key where not translated */
	union address new_destination;
	__u16 new_source_port_be;
	__u16 new_destination_port_be;
	__u8 rewrite;                  /* REWRITE_* */
	__u8 action;                   /* enum flow_action */
	__u8 is_reply;
	__u8 tcp_flags;                /* every flag seen in this direction */
	__u32 in_interface;            /* the packet must enter here; 0: comes from the host */
	__u32 out_interface;           /* ACTION_LOCAL: host side of the target's veth; ACTION_NEIGHBOR: uplink */
	__u8 destination_mac[6];
	__u8 source_mac[6];
	__u8 closed;                   /* RST, or FIN in both directions */
	__u8 observation_point;
	__u8 direction;
	__u8 answered;                 /* forward entry: a reply has been seen */
	__u32 generation;              /* sum of the subjects' generations when it was decided */
	__u32 subjects[3];             /* service, source, destination; 0 = none */
	__u32 edge;
	__u32 service_id;
	__u32 backend_id;
	__u32 source_identity;
	__u32 destination_identity;
	__u32 source_endpoint;
	__u32 destination_endpoint;
	__u32 egress_rule;
	__u32 ingress_rule;
	__u8 egress_match;
	__u8 ingress_match;
	__u8 verdict;                  /* FORWARDED or AUDIT */
	__u8 acknowledged;             /* has acknowledged the FIN of the other direction */
	__u32 fin_ack;                 /* what acknowledges the FIN of this direction, once it was seen */
	__u32 path;                    /* stages its first packet walked */
	__u32 rtt_ns;
	__u8 l7_watch;                 /* enum l7_watch: what is to be done with payload */
	__u8 l7_protocol;              /* enum l7_protocol, NONE until it is known; back to it once the end was told */
	__u8 l7_mode;                  /* enum l7_mode */
	__u8 l7_flags;                 /* L7_FLAG_* */
	__u8 l7_tries;                 /* packets that have not told the protocol */
	__u8 padding[7];
	__u8 l7_head[8];               /* HTTP/2: the first bytes of a frame's head of which the rest is still to come */
	__u32 l7_next;                 /* sequence number behind the payload that was looked at */
	__u32 l7_ack;                  /* acknowledgment number of the last packet with payload */
	__u32 l7_window;               /* sequence number up to which payload is captured */
	__u32 l7_frame;                /* HTTP/2: sequence number of the next frame's head */
	__u64 connection_id;
	__u64 packets;
	__u64 bytes;
	__u64 reported_packets;
	__u64 reported_bytes;
	__u64 first_ns;
	__u64 last_ns;
	__u64 reported_ns;
};

enum l7_watch {
	WATCH_NONE = 0,    /* payload is left alone */
	WATCH_SNIFF = 1,   /* until it tells its protocol, or too many packets have not */
	WATCH_CAPTURE = 2, /* heads are captured */
};

#define L7_FLAG_STARTED 0x01 /* payload has been looked at: l7_next and l7_ack say which */
#define L7_FLAG_LATE 0x02    /* payload has passed without being looked at */
#define L7_FLAG_LOST 0x04    /* HTTP/2: where the next frame begins is not known */
#define L7_FLAG_TUNNEL 0x08  /* HTTP/1, server: the client asked for a tunnel (CONNECT) */

#define ISOLATED_INGRESS 1
#define ISOLATED_EGRESS 2

/* A pod of this node, by each of its addresses. */
struct endpoint {
	__u32 interface;   /* ifindex of the host side of its veth */
	__u32 id;
	__u32 identity;
	__u32 cidr;        /* identity of the narrowest policy block around the address, 0 none */
	__u32 generation;  /* mirrored in `generations` under the endpoint's id */
	__u8 isolated;     /* ISOLATED_*: directions in which policies select it */
	__u8 l7_mode;      /* enum l7_mode: what is read of its messages */
	__u8 padding[2];
	__u8 mac[6];       /* of the pod's own interface */
	__u8 host_mac[6];  /* of the host side: the pod's gateway */
};

/* Which pod is behind an ifindex: names the sender when the packet's source address does not. */
struct interface_owner {
	__u32 endpoint;
	__u32 identity;
};

/* Longest prefix wins; prefix_length counts bits of the 128-bit address. */
struct ipcache_key {
	__u32 prefix_length;
	__u32 address[4]; /* words of a union address, which would be aligned to 8 and leave a hole */
};

struct ipcache_value {
	__u32 identity;
	__u32 endpoint; /* ref of the host or of a remote endpoint, 0 if none */
	__u32 cidr;     /* identity of the narrowest policy block around the address, 0 none */
};

/*
 * What a pod may receive (ingress) or send (egress) in a direction in which it is isolated. Two lookups
 * find it, by the peer's identity and by its cidr identity, and a third with peer 0 what holds for any
 * peer. Longest prefix wins: after direction come protocol and port, either left out or, for a port range,
 * in part. An isolated pod has an entry with peer 0 and no protocol: the default; without it, it is denied.
 */
struct policy_key {
	__u32 prefix_length; /* POLICY_PREFIX_ANY, _PROTOCOL or that plus bits of the port */
	__u32 subject;       /* identity of the pod */
	__u32 peer;          /* identity or cidr identity of the other end, 0 any */
	__u8 direction;      /* enum direction */
	__u8 protocol;
	__u16 port_be;       /* destination port after translation; ICMP: 0 */
};

#define POLICY_PREFIX_ANY 72
#define POLICY_PREFIX_PROTOCOL 80

struct policy_value {
	__u32 rule;   /* ref of the rule that allows, or of the policies that make the default deny */
	__u8 verdict; /* FORWARDED, DROPPED, AUDIT */
	__u8 match;   /* enum policy_match */
	__u16 padding;
};

/* Identities of policy blocks (ipBlock) and of the parts that other blocks cut out of them. */
#define FIRST_CIDR_IDENTITY 16777216

struct service_key {
	union address address;
	__u16 port_be;
	__u8 protocol;
	__u8 padding[5];
};

/*
 * What an address and port of a Service leads to. `inside` serves what this node's pods and processes send,
 * `outside` what comes in over the uplink: Kubernetes' internalTrafficPolicy and externalTrafficPolicy make
 * them differ. A pool is the backends of one port of a Service in one family, of the cluster or of this node.
 */
struct service {
	__u32 id;            /* of the Service, shared by its ports and addresses */
	__u32 generation;    /* mirrored in `generations` under SERVICE_SUBJECT + id */
	__u32 affinity_s;    /* sessionAffinity ClientIP: seconds a client stays with its backend, 0 none */
	__u32 outside_pool;  /* 0: not offered on this side, such as a ClusterIP to the uplink */
	__u32 outside_table; /* slots of the pool's table in `maglev`; 1: only one backend; 0: no backend */
	__u32 outside_only;  /* the backend, if there is only one; NOT_HERE if there are some, but none of this node */
	__u32 inside_pool;
	__u32 inside_table;
	__u32 inside_only;
};

/* In the place of a backend's number, where the table is 0 and the traffic policy Local. */
#define NOT_HERE 0xffffffff

/* 256 slots of a pool's lookup table; behind the last slot of the table it begins anew. */
struct maglev_key {
	__u32 pool;
	__u32 chunk; /* slot / MAGLEV_CHUNK */
};

#define MAGLEV_CHUNK 256

struct maglev_chunk {
	__u32 backends[MAGLEV_CHUNK];
};

/* A backend of one pool; it is in the map exactly while connections may use it. */
struct backend {
	union address address;
	__u16 port_be;
	__u8 draining; /* keeps its connections, gets no new ones unless no other is left */
	__u8 padding;
	__u32 pool;
};

/* Which backend a client had last (sessionAffinity ClientIP). Processes of the host are one client, 0. */
struct affinity_key {
	union address client;
	__u32 pool;
	__u32 padding;
};

struct affinity {
	__u32 backend;
	__u32 padding;
	__u64 last_used_ns; /* CLOCK_MONOTONIC, when a connection last began */
};

/* What sock.bpf.c must know of the node; the one element of `node`. */
struct node {
	__u64 netns_cookie; /* of the node's network namespace; 0 until the agent has written it */
};

/* A socket of the host that talks to a backend because it asked for a service. */
struct socket_service_key {
	__u64 cookie;        /* bpf_get_socket_cookie */
	union address address; /* of the backend */
	__u16 port_be;
	__u8 padding[6];
};

struct socket_service {
	union address original; /* what the process asked for */
	__u16 original_port_be;
	__u16 padding;
	__u32 service_id;
	__u32 backend_id;
	__u32 reserved;
};

/*
 * Generations: endpoints count under their id, services under SERVICE_SUBJECT plus their id, all other
 * addresses under ADDRESS_SUBJECT plus a hash of the address: the product (modulo 2^32) of ADDRESS_HASH and
 * the xor of the four 32-bit words of the address (network order, read as the machine's numbers), shifted
 * right by ADDRESS_HASH_SHIFT.
 */
#define SERVICE_SUBJECT 65536
#define ADDRESS_SUBJECT 131072
#define ADDRESS_HASH 2654435761
#define ADDRESS_HASH_SHIFT 20
#define SUBJECTS 135168

/* Who talks to whom, as the map draws it. */
struct edge_key {
	__u32 source_endpoint;
	__u32 destination_endpoint;
	__u32 source_identity;
	__u32 destination_identity;
	__u32 service_id;
	__u16 port; /* destination port, 0 for ICMP */
	__u8 protocol;
	__u8 verdict;
	union address peer; /* the end that is no endpoint, zero if there is none */
	__u8 drop_reason;
	__u8 padding[7];
};

#define RTT_BUCKETS 24

/* Per CPU. Slot 0 counts what found no slot of its own, so that sums stay exact. */
struct edge_counters {
	__u64 packets;
	__u64 bytes;
	__u64 reply_packets;
	__u64 reply_bytes;
	__u64 connections;
	__u64 answered;
	__u64 last_event_ns;
	__u32 suppressed;
	__u32 padding;
	__u32 rtt[RTT_BUCKETS]; /* bucket i: [2^i, 2^(i+1)) microseconds */
};

struct stage_counters {
	__u64 packets;
	__u64 sampled;
	__u64 sampled_ns;
};

/* Per CPU: the ledger of the ring buffers `events` and `captures`. */
struct event_counters {
	__u64 written;
	__u64 lost;
	__u64 captures_written;
	__u64 captures_lost;
};

/* What config_l7_bytes may be, beside 0: payload captured of a message's head. */
#define MIN_CAPTURE 64
#define MAX_CAPTURE 8192

/* The one element of `state`. */
struct datapath_state {
	__u32 maps_version;
	__u32 next_edge; /* slots given out so far, slot 0 is the overflow */
	__u32 next_connection;
	__u32 padding1;
	__u64 counters_id; /* chosen by the agent that created the maps */
};

/* A network device that leads to the world, by ifindex: what pods that speak with the world are seen as. */
struct uplink {
	union address v4; /* zero: no address of the family, so nothing of it leaves */
	union address v6;
	__u16 first_port; /* ports for masquerading: apart from those of the host's own sockets and of services */
	__u16 port_count;
	__u32 padding;
};

/*
 * IPv4 and IPv6 fragments but the first have no ports; what the first one had. Where it was seen is part of the
 * key, so that nobody lends ports to the fragments of others by a source address that is not its own.
 */
struct fragment_key {
	union address source;
	union address destination;
	__u32 id; /* as in the packet */
	__u32 interface;
	__u8 hook;
	__u8 protocol;
	__u8 padding[6];
};

struct fragment_value {
	__u64 seen_ns; /* CLOCK_MONOTONIC_COARSE */
	__u16 source_port_be;
	__u16 destination_port_be;
	__u32 padding;
};

#endif
