"""Sends one ICMP port-unreachable that it makes up: forge.py TO CLIENT CLIENT_PORT SERVER SERVER_PORT (IPv4)."""
import socket
import struct
import sys

to, client, client_port, server, server_port = sys.argv[1:]


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


addresses = socket.inet_aton(client) + socket.inet_aton(server)
ip = struct.pack("!BBHHHBBH", 0x45, 0, 29, 0, 0, 64, 17, 0) + addresses
ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
udp = struct.pack("!HHHH", int(client_port), int(server_port), 9, 0)
icmp = struct.pack("!BBHI", 3, 3, 0, 0) + ip + udp
icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).sendto(icmp, (to, 0))
