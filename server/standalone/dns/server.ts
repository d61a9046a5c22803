/** DNS over UDP and TCP, both families. TCP connections and their messages are bounded. */
import { createSocket } from 'node:dgram';
import type { Socket as UdpSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';

const MAX_CONNECTIONS = 256;
const IDLE_MS = 10_000;
const LENGTH_BYTES = 2;

/** Gives the answer to a query, undefined for none at all. */
export type Respond = (query: Buffer, udp: boolean) => Buffer | undefined;

/** Listens on all addresses; resolves when all sockets do, rejects if one cannot. */
export async function serveDns(port: number, respond: Respond): Promise<void> {
  await Promise.all([serveUdp('udp4', port, respond), serveUdp('udp6', port, respond), serveTcp(port, respond)]);
}

function serveUdp(type: 'udp4' | 'udp6', port: number, respond: Respond): Promise<void> {
  const socket: UdpSocket = createSocket({ type, ipv6Only: type === 'udp6' });
  socket.on('message', (query, from) => {
    const bytes = respond(query, true);
    // An answer that cannot be sent is asked for again; the callback keeps the error from ending us.
    if (bytes !== undefined) socket.send(bytes, from.port, from.address, () => {});
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, () => resolve());
  });
}

function serveTcp(port: number, respond: Respond): Promise<void> {
  const server = createServer((socket) => converse(socket, respond));
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '::', resolve);
  });
}

function converse(socket: Socket, respond: Respond): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (part: Buffer) => {
    pending = Buffer.concat([pending, part]);
    while (pending.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + pending.readUInt16BE(0);
      if (pending.length < end) return;
      const bytes = respond(pending.subarray(LENGTH_BYTES, end), false);
      pending = pending.subarray(end);
      if (bytes === undefined) {
        socket.destroy();
        return;
      }
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt16BE(bytes.length);
      socket.write(Buffer.concat([length, bytes]));
    }
  });
}
