/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Fixed-width integers and the address type, for headers shared by kernel and user space. */
#ifndef SPYGLASS_TYPES_H
#define SPYGLASS_TYPES_H

#include <linux/types.h>

/* 128-bit address in network order; IPv4 as v4-mapped (::ffff:a.b.c.d). */
union address {
	__u8 bytes[16];
	__u32 words[4];
	__u64 halves[2];
};

#endif
