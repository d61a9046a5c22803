/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The event record: the one definition of what the datapath reports. Kernel, agent and hub share
 * these bytes; the layout travels with the stream (generated from BTF), so a hub reads agents of
 * any version. Every byte of a record is written: ring memory is not zeroed by the kernel.
 *
 * Numbers are in the byte order of the machine, addresses are 16 bytes in network order (IPv4 as
 * ::ffff:a.b.c.d), ports are numbers in the byte order of the machine.
 */
#ifndef SPYGLASS_EVENTS_H
#define SPYGLASS_EVENTS_H

#include "types.h"

/* Raised with every change of struct record; agent and programs refuse to work across versions. */
#define RECORD_VERSION 2

#define RECORD_FLAG_REPLY 0x01       /* the packet goes from the connection's server to its client */
#define RECORD_FLAG_REPLY_KNOWN 0x02 /* whether it is a reply is known (not so for most drops) */
#define RECORD_FLAG_ENCRYPTED 0x04   /* reserved for node encryption, 0 until then */

struct record {
	__u8 type;              /* enum record_type */
	__u8 version;           /* RECORD_VERSION */
	__u8 verdict;           /* enum verdict */
	__u8 drop_reason;       /* enum drop_reason, 0 if not dropped */
	__u8 observation_point; /* enum observation_point */
	__u8 direction;         /* enum direction, of the connection */
	__u8 flags;             /* RECORD_FLAG_* */
	__u8 family;            /* 4 or 6 */
	__u8 protocol;          /* IANA protocol number: 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6 */
	__u8 tcp_flags;         /* flags of this packet; of the whole connection in CLOSE and REPORT */
	__u8 ingress_match;     /* enum policy_match of ingress_rule */
	__u8 drop_stage;        /* enum stage that dropped it */
	__u16 drop_line;        /* line in drop_file */
	__u16 captured;         /* bytes captured after this header, L7 records only */
	__u64 time_ns;          /* CLOCK_MONOTONIC; the agent's batches carry the offset to Unix time */
	__u64 connection_id;    /* shared by both directions; 0 for packets that made no connection */
	__u8 source[16];        /* the real ends: source as sent, destination as delivered, so that both */
	__u8 destination[16];   /* directions of a translated connection name the same two addresses */
	__u8 original[16];      /* the service address the client used; zero if none was translated */
	__u16 source_port;      /* ICMP: type */
	__u16 destination_port; /* ICMP: code */
	__u16 original_port;
	__u16 drop_file;        /* enum source_file */
	__u32 service_id;       /* 0 if no service was used */
	__u32 backend_id;       /* 0 if none was chosen */
	__u32 source_identity;
	__u32 destination_identity;
	__u32 source_endpoint;  /* endpoint ref, 0 if the address is no known endpoint */
	__u32 destination_endpoint;
	__u32 ingress_rule;     /* rule that allowed or denied what the destination receives, 0 if it is not isolated */
	__u32 interface;        /* ifindex on which the packet was seen */
	__u32 path;             /* bit n: stage n was passed by the packet that made the entry */
	__u32 rtt_ns;           /* handshake round trip, 0 unknown, saturates at 4.29 s */
	__u32 packets;          /* this direction, since the last report of the connection */
	__u32 reply_packets;    /* other direction; for a DROP: 0 */
	__u64 bytes;            /* L3 bytes, as packets */
	__u64 reply_bytes;
	__u32 suppressed;       /* DROP: drops of the same edge not reported since the last such record */
	__u32 edge;             /* slot in edge_counters */
	__u32 egress_rule;      /* as ingress_rule, of what the source sends */
	__u16 masquerade_port;  /* source port under which the world sees the connection, 0 if not masqueraded */
	__u8 egress_match;      /* enum policy_match of egress_rule */
	__u8 reserved;          /* 0 */
};

_Static_assert(sizeof(struct record) == 168, "record layout: raise RECORD_VERSION");

/*
 * The ring `captures` carries payload from the programs to the agent's parsers: a struct record of type L7 (the
 * packet's ends, time and connection; `flags` tells the direction), a struct capture, and `captured` bytes, padded to 8.
 * Captures of one direction come in the order of their sequence numbers as long as the packets do; a number beyond the
 * end of the capture before means that bytes were left out, on purpose (bodies) or for lack of room in the ring.
 */
struct capture {
	__u32 sequence; /* TCP sequence number of the first captured byte; UDP: 0 */
	__u32 length;   /* payload bytes of the packet from there on; `captured` of them follow */
	__u8 protocol;  /* enum l7_protocol */
	__u8 mode;      /* enum l7_mode */
	__u8 flags;     /* CAPTURE_FLAG_* */
	__u8 padding[5];
};

#define CAPTURE_FLAG_FIRST 0x01 /* the direction's first payload: nothing was before it */
#define CAPTURE_FLAG_END 0x02   /* the connection is closed; no more captures follow, `captured` is 0 */
#define CAPTURE_FLAG_UDP 0x04   /* a whole datagram, unless `length` is more than `captured` */

_Static_assert(sizeof(struct capture) == 16, "capture layout: raise RECORD_VERSION");

#endif
