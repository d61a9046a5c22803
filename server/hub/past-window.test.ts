/** Sums over any window equal what was counted in it, whether memory or history has it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseFilter } from '../flows/filter.ts';
import { Visibility } from './access/visibility.ts';
import { ModelAgent, ModelHub } from './history/testing/agent-model.ts';
import { startTestStore, type TestStore } from './history/testing/test-store.ts';
import type { AgentLink } from './ingest/ingest.ts';
import { halves, mapOver, routesOver } from './past-window.ts';
import { edgeCounters, kernelCounters, recordCounts } from './testing/counter-fixtures.ts';
import { l7Report, l7Series } from './testing/l7-fixtures.ts';

const NEVER = new AbortController().signal;
const ALL = parseFilter([]);
/** How long the simulated agents have been counting, seconds. */
const PAST_S = 40 * 60;
const EVERY_S = 5;

let store: TestStore;
beforeAll(async () => {
  store = await startTestStore();
});
afterAll(async () => {
  await store.end();
});

describe('where a window is read', () => {
  it.each([
    ['all in memory', { since: 1000, until: 1100 }, 900, { stored: null, memory: { since: 1000, until: 1100 } }],
    ['before memory', { since: 70, until: 100 }, 900, { stored: { since: 60, until: 120 }, memory: null }],
    [
      'across',
      { since: 70, until: 1003 },
      901,
      { stored: { since: 60, until: 960 }, memory: { since: 960, until: 1003 } },
    ],
    [
      'up to the minute that memory began in',
      { since: 70, until: 930 },
      901,
      { stored: { since: 60, until: 960 }, memory: null },
    ],
    ['without memory', { since: 70, until: 130 }, null, { stored: { since: 60, until: 180 }, memory: null }],
  ])('%s', (_name, window, wholeFrom, expected) => {
    expect(halves(window, wholeFrom)).toEqual(expected);
  });
});

/** An agent whose counters grow by what `counted` remembers, by second. */
class CountingAgent {
  readonly counted: { at: number; port: number; packets: number }[] = [];
  readonly #agent: ModelAgent;
  readonly #packets = new Map<number, number>();
  #link: AgentLink | undefined;

  constructor(node: string) {
    this.#agent = new ModelAgent(node);
  }

  connect(hub: ModelHub, at: number, isNew: boolean): void {
    this.#link = this.#agent.connect(hub, 0, at * 1000);
    if (isNew) this.#agent.deliver([hub], [], 0n);
    else this.#tell(hub, at);
  }

  count(hub: ModelHub, at: number, port: number, packets: number): void {
    this.counted.push({ at, port, packets });
    this.#packets.set(port, (this.#packets.get(port) ?? 0) + packets);
    this.#tell(hub, at);
  }

  #tell(hub: ModelHub, at: number): void {
    if (this.#link === undefined) throw new Error('not connected');
    const edges = [...this.#packets].map(([port, packets]) => edgeCounters(packets, { slot: port, port }));
    hub.ingest.counters(this.#link, kernelCounters(edges, { records: recordCounts() }), at * 1000);
    const series = [...this.#packets].map(([port, requests]) => l7Series(requests, 3, { id: port, port }));
    hub.ingest.l7(this.#link, l7Report(series), at * 1000);
  }
}

describe('sums over a past window', () => {
  it('equal what was counted, over the seam and a restart of the hub', async () => {
    const engine = await store.client('windows');
    const now = Math.floor(Date.now() / 1000);
    const begin = now - PAST_S;
    // In the middle of a minute.
    const restartAt = now - (now % 60) - 30 * 60 + 30;
    let hub = new ModelHub(1024 * 1024, engine);
    const agents = [new CountingAgent('node-a'), new CountingAgent('node-b')];
    for (const agent of agents) agent.connect(hub, begin, true);
    for (let at = begin; at < now; at++) {
      hub.state.tick(at * 1000);
      if (at === restartAt) {
        await hub.end();
        hub = new ModelHub(1024 * 1024, engine);
        for (const agent of agents) agent.connect(hub, at, false);
      }
      if (at % EVERY_S !== 0) continue;
      for (const [i, agent] of agents.entries()) agent.count(hub, at, 8000 + ((at / EVERY_S + i) % 3), 1 + (at % 7));
    }
    await hub.end();
    const { state } = hub;
    const { reader } = state.history!;
    expect(state.history?.status().state).toBe('ready');

    const whole = now - (now % 60);
    const windows = [
      { since: now - 300, until: now },
      { since: whole - 1980, until: whole - 1860 },
      { since: whole - 1975, until: whole - 1861 },
      { since: whole - 1500, until: now },
      { since: restartAt - 120, until: restartAt + 120 },
      { since: begin, until: now },
      { since: begin + 60, until: whole - 600 },
    ];
    for (const { since, until } of windows) {
      const request = {
        since: since - (since % 10),
        until: until - (until % 10),
        group: 'workload' as const,
        filter: ALL,
        visibility: Visibility.ALL,
      };
      const map = await mapOver(state, request, NEVER);
      const from = Date.parse(map.window.since) / 1000;
      const to = Date.parse(map.window.until) / 1000;
      expect(from).toBeLessThanOrEqual(request.since);
      expect(to).toBeGreaterThanOrEqual(request.until);
      expect(from - request.since).toBeGreaterThan(-60);
      const expected: Record<string, number> = {};
      for (const { at, port, packets } of agents.flatMap((agent) => agent.counted)) {
        if (at >= from && at < to) expected[port] = (expected[port] ?? 0) + packets;
      }
      expect(Object.fromEntries(map.edges.map((it) => [it.port, it.packets]))).toEqual(expected);
      expect(Object.fromEntries(map.edges.map((it) => [it.port, it.connections]))).toEqual(expected);
      expect(map.edges.map((it) => it.rtt?.count)).toEqual(map.edges.map((it) => it.packets));
      expect(map.edges[0]).toMatchObject({ source: 'shop/Deployment/web', target: 'shop/Deployment/cart' });
      expect(map.nodes.map((it) => it.pods)).toEqual([1, 1]);
      // Neither hub watched the whole minute of the restart.
      const restart = restartAt - (restartAt % 60);
      expect(map.window.exact).toBe(from >= begin + 60 && (from > restart || to <= restart));

      const table = await routesOver(state, request, 'pair-route', NEVER);
      expect(table.window).toEqual(map.window);
      expect(Object.fromEntries(table.rows.map((it) => [it.port, it.requests]))).toEqual(expected);
      expect(table.rows.map((it) => it.codes)).toEqual(table.rows.map((it) => ({ 200: it.requests })));
      expect(table.rows[0]?.latency_ns?.p50).toBeCloseTo(3e6, -5);
    }
    const none = await reader.sums.edges({ since: 60, until: 120 }, NEVER);
    expect(none.rows.size).toBe(0);
  }, 30_000);
});
