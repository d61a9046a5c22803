/** Flows are the same for a reader wherever they are: every query equals a plain list of all that was delivered. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HubbleFlow } from '../../../wire/hubble.ts';
import { parseFilter } from '../../../flows/filter.ts';
import { Visibility } from '../../access/visibility.ts';
import { FlowReading } from '../../flow-reader.ts';
import { justBefore } from '../../store/flow-key.ts';
import { SEGMENT_BYTES } from '../../store/flow-store.ts';
import { DROP, flow } from '../../testing/hub-bed.ts';
import { type Delivered, ModelAgent, ModelHub } from '../testing/agent-model.ts';
import { startTestStore, type TestStore } from '../testing/test-store.ts';

const NEVER = new AbortController().signal;
/** 2026-03-04T10:00:00Z, Unix ns. */
const BEGIN = 1_772_618_400_000_000_000n;

let store: TestStore;
beforeAll(async () => {
  store = await startTestStore();
});
afterAll(async () => {
  await store.end();
});

/** Numbers that look random and are the same each time (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

interface Asked {
  filter: string;
  selects: (it: Delivered) => boolean;
}
const ASKED: readonly Asked[] = [
  { filter: '', selects: () => true },
  { filter: 'verdict=DROPPED', selects: ({ fields }) => fields.verdict === 2 },
  { filter: 'from-port=40003', selects: ({ fields }) => fields.source_port === 40_003 },
  { filter: 'not.port=40003', selects: ({ fields }) => fields.source_port !== 40_003 },
  { filter: 'node-name=node-1', selects: ({ node }) => node === 'node-1' },
  { filter: 'pod=shop/cart&port=8080', selects: ({ fields }) => fields.destination_endpoint === 17 },
  { filter: 'ip=10.1.0.16&not.verdict=DROPPED', selects: ({ fields }) => fields.verdict !== 2 },
  { filter: 'http-status=5xx', selects: () => false },
];

function inOrder(a: Delivered, b: Delivered): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return a.session === b.session ? a.sequence - b.sequence : a.session < b.session ? -1 : 1;
}

async function read(pages: AsyncIterable<{ flows: HubbleFlow[]; lost: number }>): Promise<HubbleFlow[]> {
  const flows: HubbleFlow[] = [];
  for await (const page of pages) {
    expect(page.lost).toBe(0);
    flows.push(...page.flows);
  }
  return flows;
}

describe('reading memory and history as one', () => {
  it.each([1, 2])(
    'finds exactly what was delivered, in order (seed %i)',
    async (seed) => {
      const pick = random(seed);
      const engine = await store.client(`seam_${seed}`);
      // So little memory that flows are overwritten all the time, and one that keeps all to compare with.
      let hub = new ModelHub((1 + pick(3)) * SEGMENT_BYTES, engine);
      const whole = new ModelHub(64 * 1024 * 1024, null);
      const agents = [0, 1, 2].map((i) => new ModelAgent(`node-${i}`));
      let clock = 0;
      for (let round = 0; round < 10; round++) {
        for (const agent of agents) {
          if (pick(8) === 0) agent.restart();
          if (pick(4) === 0) continue;
          clock += pick(5_000_000);
          // Some arrive late, some have the same time as others.
          const late = pick(5) === 0 ? pick(3) * 60e9 : 0;
          const records = Array.from({ length: 1 + pick(600) }, (_, i) => ({
            ...(pick(5) === 0 ? DROP : flow()),
            source_port: 40_000 + pick(8),
            captured: pick(50) === 0 ? 1 + pick(64) : 0,
            time_ns: 200e9 + clock + Math.floor(i / 3) * 1000 + pick(3) * 500 - late,
          }));
          agent.deliver([hub, whole], records, BEGIN + BigInt(pick(2)) * 7n);
        }
        if (pick(4) === 0) {
          await hub.end();
          hub = new ModelHub((1 + pick(3)) * SEGMENT_BYTES, engine);
          for (const agent of agents) agent.connect(hub, pick(4));
        }
        // As after an insert whose answer was lost in a way that no token helps against.
        if (round === 5) await engine.command('INSERT INTO flows SELECT * FROM flows WHERE sequence % 7 = 0');
        if (round % 2 === 1) await ask(hub, whole, agents, pick);
      }
      await hub.end();
      expect(hub.state.history?.status()).toMatchObject({ state: 'ready', not_stored: { backlog: 0, refused: 0 } });
    },
    60_000,
  );
});

describe('the newest flows', () => {
  it('are those of all agents, also where memory has enough of one', async () => {
    const engine = await store.client('newest');
    const first = new ModelHub(8 * SEGMENT_BYTES, engine);
    const [a, b] = [new ModelAgent('node-a'), new ModelAgent('node-b')];
    const records = Array.from({ length: 1000 }, (_, i) => ({ ...flow(), time_ns: i * 1000 }));
    for (const agent of [a, b]) agent.deliver([first], records, BEGIN);
    await first.end();
    const hub = new ModelHub(8 * SEGMENT_BYTES, engine);
    a.connect(hub);
    const reading = new FlowReading(hub.state, false, Visibility.ALL);
    const query = { filter: parseFilter([]), since: null, until: null, after: null, before: null };
    const oldest = await reading.newest(query, 900, NEVER);
    const all = [...a.delivered, ...b.delivered].sort(inOrder);
    expect(oldest).toMatchObject({ time: all.at(-900)?.time, sequence: all.at(-900)?.sequence });
    await hub.end();
  });
});

async function ask(
  hub: ModelHub,
  whole: ModelHub,
  agents: readonly ModelAgent[],
  pick: (below: number) => number,
): Promise<void> {
  const all = agents.flatMap((agent) => agent.delivered).sort(inOrder);
  const texts = new Map<string, string>();
  for (let id = 1; id < whole.state.store.nextId; id++) {
    const it = whole.state.flowById(id, Visibility.ALL);
    if (it !== null) texts.set(it.uuid, JSON.stringify(it));
  }
  const some = (): Delivered => all[pick(all.length)]!;
  for (const { filter: words, selects } of ASKED) {
    const filter = parseFilter(new URLSearchParams(words));
    const since = pick(2) === 0 ? null : some().time;
    const until = pick(2) === 0 ? null : some().time;
    const cursor = pick(2) === 0 ? null : some();
    const isNewest = pick(2) === 0;
    const limit = pick(3) === 0 ? Infinity : 1 + pick(2000);
    const reading = new FlowReading(hub.state, pick(2) === 0, Visibility.ALL);
    const key = cursor === null ? null : await reading.keyOf(cursor, NEVER);
    if (cursor !== null) expect(key?.time).toBe(cursor.time);
    const query = { filter, since, until, after: isNewest ? null : key, before: isNewest ? key : null };
    const expected = all.filter(
      (it) =>
        selects(it) &&
        (since === null || it.time >= since) &&
        (until === null || it.time <= until) &&
        (cursor === null || (isNewest ? inOrder(it, cursor) < 0 : inOrder(it, cursor) > 0)),
    );
    let found: HubbleFlow[];
    if (isNewest && limit !== Infinity) {
      const oldest = await reading.newest(query, limit, NEVER);
      const pages = reading.pages({ ...query, after: oldest && justBefore(oldest) }, limit, NEVER);
      found = oldest === null ? [] : await read(pages);
      expect(found.map((it) => it.uuid)).toEqual(expected.slice(-limit).map((it) => it.uuid));
    } else {
      found = await read(reading.pages(query, limit, NEVER));
      expect(found.map((it) => it.uuid)).toEqual(expected.slice(0, limit).map((it) => it.uuid));
    }
    expect(found.filter((it) => JSON.stringify(it) !== texts.get(it.uuid))).toEqual([]);
  }
}
