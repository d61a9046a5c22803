// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The producer of the pipeline benchmark: writes records into the agent's ring buffer the way the
 * datapath does, RECORDS_PER_RUN a run. Run from user space; attached to nothing.
 */
#include "packet.h"
#include "map_defs.h"
#include "counters.h"
#include "emit.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Endpoint refs of the two pods that talk, their identities, and the Service between them. */
#define CLIENT 16
#define SERVER 17
#define FIRST_IDENTITY 256

/* As in emitter.ts. */
#define RECORDS_PER_RUN 256

/* Numbers connections; only one run is under way at any time. */
__u64 connection;

static long write_record(__u32 index, void *context)
{
	__u32 *written = context;
	struct record *r = reserve_record();
	__u64 number = connection++;

	if (!r)
		return 1;
	__builtin_memset(r, 0, sizeof(*r));
	/* Three records a connection, as short ones make. */
	r->type = number % 3 == 0 ? RECORD_NEW : number % 3 == 1 ? RECORD_FLAGS : RECORD_CLOSE;
	r->version = RECORD_VERSION;
	r->verdict = VERDICT_FORWARDED;
	r->observation_point = POINT_TO_ENDPOINT;
	r->direction = DIRECTION_EGRESS;
	r->family = 4;
	r->protocol = 6;
	r->tcp_flags = TCP_SYN;
	r->time_ns = bpf_ktime_get_ns();
	r->connection_id = 1 + number / 3;
	address_from_v4((union address *)r->source, bpf_htonl(0x0a2a0002));
	address_from_v4((union address *)r->destination, bpf_htonl(0x0a2a0003));
	address_from_v4((union address *)r->original, bpf_htonl(0x0a600001));
	r->source_port = 1024 + number % 60000;
	r->destination_port = 8080;
	r->original_port = 80;
	r->service_id = 1;
	r->backend_id = 1;
	r->source_identity = FIRST_IDENTITY;
	r->destination_identity = FIRST_IDENTITY + 1;
	r->source_endpoint = CLIENT;
	r->destination_endpoint = SERVER;
	r->packets = 5;
	r->reply_packets = 4;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	(*written)++;
	return 0;
}

/* Returns how many records the ring had room for. */
SEC("syscall")
int emit(void *context)
{
	__u32 written = 0;

	bpf_loop(RECORDS_PER_RUN, write_record, &written, 0);
	return written;
}
