/*
 * The load of the datapath benchmark: a server and a client, each one thread around epoll.
 *
 *   traffic server ADDRESS PORT
 *   traffic client crr|rr ADDRESS PORT SECONDS CONNECTIONS
 *
 * crr: connect, one request, one response, close; the server closes first, as HTTP/1.0 servers do, so the
 * client does not run out of ports waiting for old connections. rr: request and response on connections
 * that stay open. A request and a response are one byte each. CONNECTIONS are busy at any time.
 * The client counts after half a second of warm-up and prints one line of JSON.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024
#define WARM_UP_NS 500000000ull
#define EVENTS 256

/* Latencies in log-linear buckets: 64 powers of two, 16 steps each, so a value is known to 6 %. */
#define STEPS 16
static uint64_t histogram[64 * STEPS];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void fail(const char *step)
{
	fprintf(stderr, "traffic: %s: %s\n", step, strerror(errno));
	exit(1);
}

static void count_latency(uint64_t ns)
{
	unsigned int power = ns < STEPS ? 0 : 63 - (unsigned int)__builtin_clzll(ns) - 3;

	histogram[power == 0 ? ns : power * STEPS + (ns >> (power - 1)) % STEPS]++;
}

/* Smallest latency that `share` of all counted ones do not exceed, in ns. */
static uint64_t quantile(double share, uint64_t total)
{
	uint64_t wanted = (uint64_t)(share * (double)total);
	uint64_t seen = 0;

	for (unsigned int i = 0; i < 64 * STEPS; i++) {
		seen += histogram[i];
		if (seen > wanted)
			return i < STEPS ? i : (uint64_t)(STEPS + i % STEPS) << (i / STEPS - 1);
	}
	return 0;
}

static struct addrinfo *resolve(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;

	if (getaddrinfo(address, port, &hints, &found) != 0) {
		fprintf(stderr, "traffic: %s port %s is no address\n", address, port);
		exit(2);
	}
	return found;
}

static void watch(int poll, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data = { .u64 = data } };

	if (epoll_ctl(poll, op, fd, &event) < 0)
		fail("epoll_ctl");
}

static void set_option(int fd, int level, int name)
{
	int one = 1;

	if (setsockopt(fd, level, name, &one, sizeof(one)) < 0)
		fail("setsockopt");
}

/* A request byte 'c' asks the server to close after its response, 'k' to keep the connection. */
static void serve_connection(int fd)
{
	char request;
	ssize_t got = recv(fd, &request, 1, 0);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got != 1 || send(fd, &request, 1, MSG_NOSIGNAL) != 1 || request == 'c')
		close(fd);
}

static _Noreturn void serve(const struct addrinfo *at)
{
	int poll = epoll_create1(0);
	int listener = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct epoll_event events[EVENTS];

	if (poll < 0 || listener < 0)
		fail("socket");
	set_option(listener, SOL_SOCKET, SO_REUSEADDR);
	if (bind(listener, at->ai_addr, at->ai_addrlen) < 0)
		fail("bind");
	if (listen(listener, 4096) < 0)
		fail("listen");
	watch(poll, EPOLL_CTL_ADD, listener, EPOLLIN, (uint64_t)listener);
	puts("listening");
	fflush(stdout);
	for (;;) {
		int count = epoll_wait(poll, events, EVENTS, -1);

		if (count < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < count; i++) {
			int fd = (int)events[i].data.u64;

			if (fd != listener) {
				serve_connection(fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
				set_option(fd, IPPROTO_TCP, TCP_NODELAY);
				watch(poll, EPOLL_CTL_ADD, fd, EPOLLIN, (uint64_t)fd);
			}
		}
	}
}

static struct {
	int fd;
	uint64_t start;
	bool open;
} slots[MAX_CONNECTIONS];

static void start_connection(int poll, const struct addrinfo *to, unsigned int slot)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		fail("socket");
	set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	slots[slot].fd = fd;
	slots[slot].open = false;
	slots[slot].start = now_ns();
	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS)
		fail("connect");
	watch(poll, EPOLL_CTL_ADD, fd, EPOLLOUT, slot);
}

/* Sends the next request of a connection. */
static void request(unsigned int slot, bool closing)
{
	if (send(slots[slot].fd, closing ? "c" : "k", 1, MSG_NOSIGNAL) != 1)
		fail("send");
}

static int drive(const struct addrinfo *to, bool crr, double seconds, unsigned int connections)
{
	int poll = epoll_create1(0);
	uint64_t begin, end, requests = 0;
	struct epoll_event events[EVENTS];

	if (poll < 0)
		fail("epoll_create1");
	for (unsigned int slot = 0; slot < connections; slot++)
		start_connection(poll, to, slot);
	begin = now_ns() + WARM_UP_NS;
	end = begin + (uint64_t)(seconds * 1e9);
	for (;;) {
		int count = epoll_wait(poll, events, EVENTS, 5000);

		if (count == 0) {
			fprintf(stderr, "traffic: no answer for 5 s\n");
			return 1;
		}
		for (int i = 0; i < count; i++) {
			unsigned int slot = (unsigned int)events[i].data.u64;
			uint64_t now;
			char response;

			if (!slots[slot].open) {
				int error = 0;
				socklen_t size = sizeof(error);

				getsockopt(slots[slot].fd, SOL_SOCKET, SO_ERROR, &error, &size);
				errno = error;
				if (error != 0)
					fail("connect");
				slots[slot].open = true;
				watch(poll, EPOLL_CTL_MOD, slots[slot].fd, EPOLLIN, slot);
				request(slot, crr);
				continue;
			}
			if (recv(slots[slot].fd, &response, 1, 0) != 1)
				fail("recv");
			now = now_ns();
			if (now >= end) {
				double elapsed = (double)(now - begin) / 1e9;

				printf("{\"requests\":%llu,\"seconds\":%.3f,\"requests_per_second\":%.1f,"
				       "\"p50_ns\":%llu,\"p99_ns\":%llu}\n",
				       (unsigned long long)requests, elapsed, (double)requests / elapsed,
				       (unsigned long long)quantile(0.5, requests),
				       (unsigned long long)quantile(0.99, requests));
				return 0;
			}
			if (now >= begin) {
				requests++;
				count_latency(now - slots[slot].start);
			}
			if (crr) {
				close(slots[slot].fd);
				start_connection(poll, to, slot);
			} else {
				slots[slot].start = now;
				request(slot, false);
			}
		}
	}
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "server") == 0)
		serve(resolve(argv[2], argv[3]));
	if (argc == 7 && strcmp(argv[1], "client") == 0) {
		int connections = atoi(argv[6]);
		double seconds = atof(argv[5]);
		bool crr = strcmp(argv[2], "crr") == 0;

		if ((crr || strcmp(argv[2], "rr") == 0) && connections > 0 && connections <= MAX_CONNECTIONS && seconds > 0)
			return drive(resolve(argv[3], argv[4]), crr, seconds, (unsigned int)connections);
	}
	fprintf(stderr, "usage: traffic server ADDRESS PORT | traffic client crr|rr ADDRESS PORT SECONDS CONNECTIONS\n");
	return 2;
}
