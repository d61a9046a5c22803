/**
 * Traffic that ends nowhere, so that there are drops to look at: a service without a backend, an address
 * without a route, services whose policies do not let us in, a network that our own policy keeps us out of,
 * and datagrams from an address that is not the pod's (SPOOFED, which the pod's init container has put on the
 * loopback interface).
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

const CONNECT_MS = 1500;

process.on('SIGTERM', () => process.exit(0));

every(1000, () => tryConnect('legacy.shop', 80));
every(2000, () => tryConnect('198.51.100.7', 443));
every(1000, () => tryConnect('orders.shop', 8080));
every(2000, () => tryConnect('db.shop', 5432));
every(3000, () => tryConnect('192.0.2.10', 443));
every(5000, () => sendSpoofed(process.env.SPOOFED, 'catalog.shop', 8080));

function every(ms, work) {
  setInterval(() => work(), ms);
}

function tryConnect(host, port) {
  const socket = connect({ host, port, timeout: CONNECT_MS });
  const end = () => socket.destroy();
  socket.on('timeout', end).on('error', end).on('connect', end);
}

function sendSpoofed(source, host, port) {
  const socket = createSocket('udp4');
  socket.on('error', (error) => {
    console.error(`cannot send as ${source}: ${error.message}`);
    socket.close();
  });
  socket.bind(0, source, () => {
    socket.send('hello', port, host, () => socket.close());
  });
}
