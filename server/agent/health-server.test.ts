import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startHealthServer } from './health-server.ts';
import type { AgentHealth } from './metrics.ts';

const LOCAL = { host: '127.0.0.1', port: 0 };

function health(problem: string | null): AgentHealth {
  return {
    problem: () => problem,
    stats: () => ({
      events: { written: 9, drained: 7, lostInRing: 2, lostInBuffer: 3 },
      ringBytes: 320,
      outboxBytes: 4096,
      l7: {
        captures: 10,
        connections: 11,
        bytes: 12,
        seconds: 1.5,
        faults: 13,
        losses: { ring: 14, gaps: 15, malformed: 16, unsent: 17, evicted: 18 },
      },
      maps: [{ name: 'edges', entries: 5, maxEntries: 16_384, warnings: 1 }],
      apply: { passes: 4, failures: 1, lastSeconds: 0.25 },
      hubs: 2,
      pods: 6,
    }),
  };
}

function get(url: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

test('alive from the start, ready once what it shows has no problem', async () => {
  await using server = await startHealthServer(LOCAL);
  expect(await get(`${server.url}/healthz`)).toEqual({ status: 200, body: 'ok\n' });
  expect(await get(`${server.url}/readyz`)).toEqual({ status: 503, body: 'The agent is starting.\n' });
  server.show(health('2 pods are not attached.'));
  expect(await get(`${server.url}/readyz`)).toEqual({ status: 503, body: '2 pods are not attached.\n' });
  server.show(health(null));
  expect((await get(`${server.url}/readyz`)).status).toBe(200);
});

test('metrics', async () => {
  await using server = await startHealthServer(LOCAL);
  server.show(health(null));
  const lines = (await get(`${server.url}/metrics`)).body.split('\n');
  expect(lines.filter((it) => it.startsWith('spyglass_'))).toEqual([
    'spyglass_agent_events_written_total 9',
    'spyglass_agent_events_drained_total 7',
    'spyglass_agent_lost_events_total{cause="ring"} 2',
    'spyglass_agent_lost_events_total{cause="buffer"} 3',
    'spyglass_agent_ring_bytes 320',
    'spyglass_agent_outbox_bytes 4096',
    'spyglass_agent_l7_captures_total 10',
    'spyglass_agent_l7_seconds_total 1.5',
    'spyglass_agent_l7_connections 11',
    'spyglass_agent_l7_bytes 12',
    'spyglass_agent_l7_parser_faults_total 13',
    'spyglass_agent_l7_losses_total{cause="ring"} 14',
    'spyglass_agent_l7_losses_total{cause="gaps"} 15',
    'spyglass_agent_l7_losses_total{cause="malformed"} 16',
    'spyglass_agent_l7_losses_total{cause="unsent"} 17',
    'spyglass_agent_l7_losses_total{cause="evicted"} 18',
    'spyglass_agent_map_entries{map="edges"} 5',
    'spyglass_agent_map_max_entries{map="edges"} 16384',
    'spyglass_agent_map_fill_warnings_total{map="edges"} 1',
    'spyglass_agent_apply_total 4',
    'spyglass_agent_apply_failures_total 1',
    'spyglass_agent_apply_last_seconds 0.25',
    'spyglass_agent_hubs_connected 2',
    'spyglass_agent_pods 6',
  ]);
  // A second look gives the same, not the sum.
  expect((await get(`${server.url}/metrics`)).body).toContain('spyglass_agent_events_written_total 9\n');
});

test('other paths, and names that are not of this machine, are refused', async () => {
  await using server = await startHealthServer(LOCAL);
  expect((await get(`${server.url}/`)).status).toBe(404);
  expect((await get(`${server.url}/healthz`, { host: 'evil.example' })).status).toBe(403);
});

test('a port in use is a sentence', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as AddressInfo;
  await expect(startHealthServer({ host: '127.0.0.1', port })).rejects.toThrow(
    `The agent cannot listen on 127.0.0.1:${port} for probes and metrics: another process does; choose another address with --listen.`,
  );
  taken.close();
});
