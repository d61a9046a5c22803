// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Services for processes of the host, at the socket: connect and sendmsg get the address of a backend
 * instead of the service's, recvmsg and getpeername show the service's again. Packets then need no
 * translation at all.
 *
 * Attached to a cgroup, but only sockets in the node's own network namespace are touched: a pod's packets
 * are translated at its veth, whatever group the pod's processes are in.
 *
 * A connected UDP socket keeps its backend when that leaves the service: the kernel asks no program when
 * such a socket sends. Its next connect, or a sendmsg with an address, chooses anew.
 */
#include <linux/errno.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>

#include "balance.h"
#include "packet.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Verdicts of these programs. */
#define REFUSE 0 /* the system call fails with the value of bpf_set_retval */
#define PROCEED 1

static __always_inline void read_v4(union address *address, const struct bpf_sock_addr *ctx)
{
	address_from_v4(address, ctx->user_ip4);
}

static __always_inline void read_v6(union address *address, const struct bpf_sock_addr *ctx)
{
	address->words[0] = ctx->user_ip6[0];
	address->words[1] = ctx->user_ip6[1];
	address->words[2] = ctx->user_ip6[2];
	address->words[3] = ctx->user_ip6[3];
}

static __always_inline void write_v4(struct bpf_sock_addr *ctx, const union address *address)
{
	ctx->user_ip4 = address->words[3];
}

static __always_inline void write_v6(struct bpf_sock_addr *ctx, const union address *address)
{
	ctx->user_ip6[0] = address->words[0];
	ctx->user_ip6[1] = address->words[1];
	ctx->user_ip6[2] = address->words[2];
	ctx->user_ip6[3] = address->words[3];
}

static __always_inline int is_of_node(struct bpf_sock_addr *ctx)
{
	__u32 zero = 0;
	struct node *n = bpf_map_lookup_elem(&node, &zero);

	return n && n->netns_cookie && n->netns_cookie == bpf_get_netns_cookie(ctx);
}

static __always_inline int refuse(int error)
{
	__u32 reason = DROP_SERVICE_BACKEND_NOT_FOUND;
	__u64 *count = bpf_map_lookup_elem(&drops, &reason);

	/* Atomic, unlike in packet programs: these may interrupt us. */
	if (count && error == ECONNREFUSED)
		__sync_fetch_and_add(count, 1);
	bpf_set_retval(-error);
	return REFUSE;
}

/*
 * Turns `address` and `port_be` from a service's into those of a backend, and remembers what was asked for.
 * The socket itself stands for the client's address and port, which it may not have yet: it keeps to one
 * backend, other sockets to others.
 */
static __always_inline int to_backend(struct bpf_sock_addr *ctx, union address *address, __u16 *port_be)
{
	struct service_key service_key = { .address = *address, .port_be = *port_be, .protocol = ctx->protocol };
	struct flow_key tuple = { .destination = *address, .destination_port_be = *port_be, .protocol = ctx->protocol };
	struct choice choice = { .inside = 1 };
	struct socket_service_key key = {};
	struct socket_service value = {}, *known;
	struct service *service;
	struct backend *backend;

	if (!is_of_node(ctx))
		return PROCEED;
	service = bpf_map_lookup_elem(&services, &service_key);
	if (!service || !service->inside_pool)
		return PROCEED;
	key.cookie = bpf_get_socket_cookie(ctx);
	/* With affinity, all processes of the host are one client; so the tuple's source stays empty for it. */
	if (!service->affinity_s)
		tuple.source.halves[0] = key.cookie;
	backend = choose_backend(service, &tuple, &choice, &value.backend_id);
	if (!backend)
		return refuse(ECONNREFUSED);
	key.address = backend->address;
	key.port_be = backend->port_be;
	value.original = *address;
	value.original_port_be = *port_be;
	value.service_id = service->id;
	known = bpf_map_lookup_elem(&socket_services, &key);
	/* Two services may share a backend: an answer names the one that was asked last. */
	if (!known || !address_equal(&known->original, &value.original) ||
	    known->original_port_be != value.original_port_be || known->service_id != value.service_id ||
	    known->backend_id != value.backend_id) {
		/* Without it, answers would come from an address the process never asked. */
		if (bpf_map_update_elem(&socket_services, &key, &value, BPF_ANY))
			return refuse(ENOBUFS);
	}
	*address = key.address;
	*port_be = key.port_be;
	return PROCEED;
}

/* Turns the address and port of a backend back into what the process asked for. True if it did. */
static __always_inline int to_service(struct bpf_sock_addr *ctx, union address *address, __u16 *port_be)
{
	struct socket_service_key key = { .cookie = bpf_get_socket_cookie(ctx) };
	struct socket_service *known;

	key.address = *address;
	key.port_be = *port_be;
	known = bpf_map_lookup_elem(&socket_services, &key);
	if (!known)
		return 0;
	*address = known->original;
	*port_be = known->original_port_be;
	return 1;
}

static __always_inline int call_v4(struct bpf_sock_addr *ctx)
{
	__u16 port_be = ctx->user_port;
	union address address;
	int result;

	read_v4(&address, ctx);
	result = to_backend(ctx, &address, &port_be);
	if (result == PROCEED) {
		write_v4(ctx, &address);
		ctx->user_port = port_be;
	}
	return result;
}

/* Also what an IPv6 socket sends to IPv4: such addresses are the same to us. */
static __always_inline int call_v6(struct bpf_sock_addr *ctx)
{
	__u16 port_be = ctx->user_port;
	union address address;
	int result;

	read_v6(&address, ctx);
	result = to_backend(ctx, &address, &port_be);
	if (result == PROCEED) {
		write_v6(ctx, &address);
		ctx->user_port = port_be;
	}
	return result;
}

static __always_inline int answer_v4(struct bpf_sock_addr *ctx)
{
	__u16 port_be = ctx->user_port;
	union address address;

	read_v4(&address, ctx);
	if (to_service(ctx, &address, &port_be)) {
		write_v4(ctx, &address);
		ctx->user_port = port_be;
	}
	return PROCEED;
}

static __always_inline int answer_v6(struct bpf_sock_addr *ctx)
{
	__u16 port_be = ctx->user_port;
	union address address;

	read_v6(&address, ctx);
	if (to_service(ctx, &address, &port_be)) {
		write_v6(ctx, &address);
		ctx->user_port = port_be;
	}
	return PROCEED;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return call_v4(ctx);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return call_v6(ctx);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return call_v4(ctx);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	return call_v6(ctx);
}

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx)
{
	return answer_v4(ctx);
}

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
	return answer_v6(ctx);
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
	return answer_v4(ctx);
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	return answer_v6(ctx);
}
