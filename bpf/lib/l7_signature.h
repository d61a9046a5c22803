/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How payload begins: the signatures of the protocols, on the first L7_HEAD bytes of a segment in the room. Used
 * ONLY kernel side. Strict enough that other traffic, zeros and random bytes among it, is not taken for any.
 */
#ifndef SPYGLASS_LIB_L7_SIGNATURE_H
#define SPYGLASS_LIB_L7_SIGNATURE_H

#include "l7_capture.h"

#define DNS_PORT 53
#define DNS_HEADER 12
#define HTTP2_PREFACE 24
#define HTTP2_FRAME_HEAD 9
/* RFC 9113, 6 */
enum http2_frame {
	FRAME_DATA,
	FRAME_HEADERS,
	FRAME_PRIORITY,
	FRAME_RST_STREAM,
	FRAME_SETTINGS,
	FRAME_PUSH_PROMISE,
	FRAME_PING,
	FRAME_GOAWAY,
	FRAME_WINDOW_UPDATE,
	FRAME_CONTINUATION,
};

#define HTTP2_ACK 0x01
#define HTTP2_END_STREAM 0x01
#define HTTP2_END_HEADERS 0x04
#define HTTP2_PADDED 0x08
#define HTTP2_PRIORITY 0x20

#define FOUR(a, b, c, d) ((__u32)(a) << 24 | (__u32)(b) << 16 | (__u32)(c) << 8 | (__u32)(d))

static __always_inline __u32 be32(const __u8 *at)
{
	return bpf_ntohl(*(const __be32 *)at);
}

static __always_inline __u32 be16(const __u8 *at)
{
	return bpf_ntohs(*(const __be16 *)at);
}

static __always_inline int is_digit(__u8 c)
{
	return c >= '0' && c <= '9';
}

static __always_inline int is_printable(__u8 c)
{
	return c >= ' ' && c <= '~';
}

/* RFC 9110, 9.3; RFC 9112, 2.1. A segment may end within the word, but not before its third byte. */
static __always_inline int is_http(const __u8 *h, __u32 bytes)
{
	__u32 word = be32(h), mask = bytes == 3 ? 0xffffff00 : 0xffffffff, next = be32(h + 4);

	if (bytes < 3)
		return 0;
	if (!((word ^ FOUR('G', 'E', 'T', ' ')) & mask) || !((word ^ FOUR('P', 'U', 'T', ' ')) & mask))
		return 1;
	if (bytes < 8)
		/* All there is, so only of the common ones. */
		return !((word ^ FOUR('P', 'O', 'S', 'T')) & mask) || !((word ^ FOUR('H', 'T', 'T', 'P')) & mask) ||
		       !((word ^ FOUR('H', 'E', 'A', 'D')) & mask) || !((word ^ FOUR('D', 'E', 'L', 'E')) & mask);
	switch (word) {
	case FOUR('H', 'T', 'T', 'P'):
		return next >> 8 == FOUR(0, '/', '1', '.');
	case FOUR('P', 'O', 'S', 'T'):
	case FOUR('H', 'E', 'A', 'D'):
		return h[4] == ' ';
	case FOUR('D', 'E', 'L', 'E'):
		return next >> 8 == FOUR(0, 'T', 'E', ' ');
	case FOUR('P', 'A', 'T', 'C'):
		return next >> 16 == ('H' << 8 | ' ');
	case FOUR('T', 'R', 'A', 'C'):
		return next >> 16 == ('E' << 8 | ' ');
	case FOUR('O', 'P', 'T', 'I'):
		return next == FOUR('O', 'N', 'S', ' ');
	case FOUR('C', 'O', 'N', 'N'):
		return next == FOUR('E', 'C', 'T', ' ');
	default:
		return 0;
	}
}

/* RFC 9113, 3.4 */
static __always_inline int is_http2_preface(const __u8 *h, __u32 bytes)
{
	return bytes >= 16 && be32(h) == FOUR('P', 'R', 'I', ' ') && be32(h + 4) == FOUR('*', ' ', 'H', 'T') &&
	       be32(h + 8) == FOUR('T', 'P', '/', '2') && be32(h + 12) == FOUR('.', '0', '\r', '\n');
}

/* Whether a frame may begin so (RFC 9113, 6): its type, flags, stream and length go together. */
static __always_inline int is_http2_frame(const __u8 *h, __u32 bytes)
{
	__u32 length = be32(h) >> 8, stream = be32(h + 5);
	__u8 flags = h[4];

	if (bytes < HTTP2_FRAME_HEAD || length > 16384 || stream >> 31)
		return 0;
	switch (h[3]) {
	case FRAME_DATA:
		return stream != 0 && !(flags & ~(HTTP2_END_STREAM | HTTP2_PADDED)) && (length || flags);
	case FRAME_HEADERS:
		return stream != 0 && length &&
		       !(flags & ~(HTTP2_END_STREAM | HTTP2_END_HEADERS | HTTP2_PADDED | HTTP2_PRIORITY));
	case FRAME_PUSH_PROMISE:
		return stream != 0 && length >= 4 && !(flags & ~(HTTP2_END_HEADERS | HTTP2_PADDED));
	case FRAME_CONTINUATION:
		return stream != 0 && !(flags & ~HTTP2_END_HEADERS);
	case FRAME_PRIORITY:
		return stream != 0 && length == 5 && !flags;
	case FRAME_RST_STREAM:
		return stream != 0 && length == 4 && !flags;
	case FRAME_SETTINGS:
		return stream == 0 && length % 6 == 0 && !(flags & ~HTTP2_ACK);
	case FRAME_PING:
		return stream == 0 && length == 8 && !(flags & ~HTTP2_ACK);
	case FRAME_GOAWAY:
		return stream == 0 && length >= 8 && !flags;
	case FRAME_WINDOW_UPDATE:
		return length == 4 && !flags;
	default:
		return 0;
	}
}

/* The server's preface, a SETTINGS frame, may come before the client's (RFC 9113, 3.4): by itself or with a WINDOW_UPDATE. */
static __always_inline int is_http2_settings(const __u8 *h, __u32 bytes)
{
	__u32 length = be32(h) >> 8;

	if (bytes < HTTP2_FRAME_HEAD || h[3] != FRAME_SETTINGS || h[4] || be32(h + 5) || length % 6 || length > 120)
		return 0;
	if (length)
		return be16(h + 9) >= 1 && be16(h + 9) <= 16;
	return bytes == HTTP2_FRAME_HEAD || (be32(h + 9) >> 8 == 4 && h[12] == FRAME_WINDOW_UPDATE);
}

/* RFC 8446, 4.1 and 5.1; RFC 5246, 7.4.1: a handshake record with a hello in it. */
static __always_inline int is_tls_hello(const __u8 *h, __u32 bytes)
{
	return bytes >= 11 && h[0] == 0x16 && h[1] == 3 && h[2] <= 4 && be16(h + 3) >= 38 && be16(h + 3) <= 16384 + 256 &&
	       (h[5] == 1 || h[5] == 2) && h[6] == 0 && h[9] == 3 && h[10] <= 4;
}

/* RFC 1035, 4.1.1: one question, no opcode above the assigned ones, the reserved bit clear, counts within reason. */
static __always_inline int is_dns(const __u8 *h, __u32 bytes)
{
	return bytes >= DNS_HEADER && ((h[2] >> 3) & 15) <= 6 && !(h[3] & 0x40) && be16(h + 4) == 1 &&
	       be16(h + 6) <= 4096 && be16(h + 8) <= 4096 && be16(h + 10) <= 4096;
}

/* RFC 1035, 4.2.2: behind its length. */
static __always_inline int is_dns_stream(const __u8 *h, __u32 bytes)
{
	return bytes > 2 && be16(h) > DNS_HEADER && is_dns(h + 2, bytes - 2);
}

/* The length of a query may come by itself. */
static __always_inline int is_dns_length(const __u8 *h, __u32 bytes)
{
	return bytes == 2 && be16(h) > DNS_HEADER && be16(h) <= 512;
}

/* Redis serialization protocol: an array of bulk strings, or the PING that health checks write by hand. */
static __always_inline int is_redis(const __u8 *h, __u32 bytes)
{
	__u32 i = 2;

	if (bytes == 6)
		return (be32(h) & 0xdfdfdfdf) == FOUR('P', 'I', 'N', 'G') && h[4] == '\r' && h[5] == '\n';
	if (bytes < 8 || h[0] != '*' || h[1] < '1' || h[1] > '9')
		return 0;
	if (is_digit(h[2]))
		i = 3;
	if (i == 3 && is_digit(h[3]))
		i = 4;
	if (i == 4 && is_digit(h[4]))
		i = 5;
	return h[i] == '\r' && h[i + 1] == '\n' && h[i + 2] == '$' && is_digit(h[i + 3]);
}

/* PostgreSQL, "Message Formats": StartupMessage, or a request for encryption or cancellation. */
static __always_inline int is_postgresql_startup(const __u8 *h, __u32 bytes, __u32 payload)
{
	__u32 length = be32(h), code = be32(h + 4);

	if (bytes < 8 || length != payload)
		return 0;
	if (code == 80877103 || code == 80877104)
		return length == 8;
	if (code == 80877102)
		return length >= 16 && length <= 272;
	return code >> 16 == 3 && (code & 0xffff) <= 2 && length >= 9 && length <= 10000 && h[8] >= 'a' && h[8] <= 'z';
}

/* "Client/Server Protocol": a greeting of version 10, which fills the packet and names a version such as 8.0. */
static __always_inline int is_mysql_greeting(const __u8 *h, __u32 bytes, __u32 payload)
{
	__u32 length = h[0] | h[1] << 8 | h[2] << 16;

	return bytes >= 20 && length + 4 == payload && h[3] == 0 && h[4] == 10 && is_digit(h[5]) &&
	       (h[6] == '.' || is_digit(h[6]));
}

/* Kafka protocol guide, "Request Header": size, API key, version, correlation id, client id. */
static __always_inline int is_kafka_request(const __u8 *h, __u32 bytes)
{
	__u32 size = be32(h), client = be16(h + 12);

	if (bytes < 14 || size < 10 || size > 100 << 20 || be16(h + 4) > 92 || be16(h + 6) > 20)
		return 0;
	if (client == 0xffff)
		return 1;
	if (client > 255 || client + 10 > size || bytes < 16)
		return 0;
	return !client || (is_printable(h[14]) && (client == 1 || is_printable(h[15])));
}

#endif
