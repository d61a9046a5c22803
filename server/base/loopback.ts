/** Addresses that only this machine can reach: what a server without a password may listen on. */
import { isIP } from 'node:net';

/** Whether a host name or address is this machine only: localhost, 127.0.0.0/8, ::1 (brackets allowed). */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}
