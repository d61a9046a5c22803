"""Sends frames as they are: frame.py DEVICE LINEAR HEX... Of each the kernel keeps LINEAR bytes in one piece, the
rest in pages, if it is longer than a page; 0: all of it in one piece."""
import socket
import struct
import sys

PACKET_VNET_HDR = 15
SOL_PACKET = 263

device, linear, *frames = sys.argv[1:]
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((device, 0))
# struct virtio_net_hdr of <linux/virtio_net.h>: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
out.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
for frame in frames:
    out.send(struct.pack("=BBHHHH", 0, 0, int(linear), 0, 0, 0) + bytes.fromhex(frame))
