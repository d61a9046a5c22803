/** One readiness probe: connect, and for HTTP ask once. The same verdicts as kubelet's. */
import { get } from 'node:http';
import { connect, isIPv6 } from 'node:net';
import type { Probe } from '../../cluster/plan.ts';

/** Whether the pod answers now. Never rejects. */
export function probeOnce(address: string, probe: Probe): Promise<boolean> {
  const timeout = probe.timeoutSeconds * 1000;
  return probe.kind === 'tcp' ? probeTcp(address, probe.port, timeout) : probeHttp(address, probe, timeout);
}

function probeTcp(host: string, port: number, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout });
    const end = (ready: boolean): void => {
      socket.destroy();
      resolve(ready);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

function probeHttp(address: string, probe: Probe, timeout: number): Promise<boolean> {
  const host = isIPv6(address) ? `[${address}]` : address;
  return new Promise((resolve) => {
    const options = { agent: false as const, timeout, headers: { 'user-agent': 'spyglass-probe' } };
    const request = get(`http://${host}:${probe.port}${probe.path}`, options, (response) => {
      const { statusCode = 0 } = response;
      response.destroy();
      resolve(statusCode >= 200 && statusCode < 400);
    });
    request.once('error', () => resolve(false));
    request.once('timeout', () => {
      request.destroy();
      resolve(false);
    });
  });
}
