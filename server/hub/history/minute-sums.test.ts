/** Sums of minutes in the store: what grew between two minutes, however often and by whomever it was written. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Ack, KIND } from '../../wire/agent.ts';
import { latencyBucket } from '../../wire/latency.ts';
import type { RecordFields } from '../../flows/record-writer.ts';
import type { RunningHub } from '../hub.ts';
import { edgeCounters, kernelCounters, recordCounts } from '../testing/counter-fixtures.ts';
import { FakeAgent, flow } from '../testing/hub-bed.ts';
import { l7Report, l7Series } from '../testing/l7-fixtures.ts';
import { HistoryBed } from './testing/history-bed.ts';

/** A whole minute. */
const START = 1_700_000_040_000;
const AT = BigInt(START) * 1_000_000n;
const EMPTY_RTT = Array.from({ length: 23 }, () => '0');

const bed = new HistoryBed();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What the hub does every second. */
function second(hub: RunningHub, seconds: number): void {
  vi.setSystemTime(START + seconds * 1000);
  hub.state.tick(Date.now());
}

/** A connection of the agent that the hub follows from its first record. */
async function begin(hub: RunningHub): Promise<FakeAgent> {
  const agent = await new FakeAgent(hub).start();
  await taken(agent, [flow()]);
  return agent;
}

async function taken(agent: FakeAgent, records: RecordFields[]): Promise<void> {
  const number = agent.batch(records, { at: AT });
  while ((await agent.reply<Ack>(KIND.ack)).received < number);
}

/** Sends, and waits until the hub has taken it: messages of one connection are taken in order. */
async function tell(agent: FakeAgent, kind: number, message: object): Promise<void> {
  agent.send(kind, message);
  await taken(agent, [flow()]);
}

const packets = (count: number) => edgeCounters(count, { bytes: 100 * count });
const edges = () => bed.engine.rows('SELECT minute, slot, from, to FROM edges_1m FINAL ORDER BY minute');
const totals = (n: number) => [n, 100 * n, n, 50 * n, n, n, n].map(String).concat(EMPTY_RTT);

describe('edges', () => {
  it('hold what was counted before and after each minute', async () => {
    const hub = await bed.hub();
    const agent = await begin(hub);
    await tell(agent, KIND.counters, kernelCounters([packets(5)]));
    second(hub, 20);
    await tell(agent, KIND.counters, kernelCounters([packets(7)]));
    second(hub, 61);
    await tell(agent, KIND.counters, kernelCounters([packets(9)]));
    await hub.close();
    expect(await edges()).toEqual([
      { minute: '2023-11-14 22:14:00', slot: 1, from: totals(0), to: totals(7) },
      { minute: '2023-11-14 22:15:00', slot: 1, from: totals(7), to: totals(9) },
    ]);
    const [row] = await bed.engine.rows('SELECT * EXCEPT (minute, session, from, to) FROM edges_1m LIMIT 1');
    const { slot, source_endpoint, destination_endpoint, source_identity, destination_identity } = edgeCounters(0);
    const { service_id, port, protocol, verdict, drop_reason, peer } = edgeCounters(0);
    expect(row).toEqual({
      node: 'node-a',
      counters_id: 'c1',
      slot,
      source_endpoint,
      destination_endpoint,
      source_identity,
      destination_identity,
      service_id,
      port,
      protocol,
      verdict,
      drop_reason,
      peer,
    });
  });

  it('that two hubs wrote in one minute are one', async () => {
    const first = await bed.hub();
    const agent = await begin(first);
    await tell(agent, KIND.counters, kernelCounters([packets(5)]));
    await first.close();
    second(first, 10);
    const other = await bed.hub();
    const again = await begin(other);
    // A hub that did not see these counters begin takes the first it hears for their start.
    await tell(again, KIND.counters, kernelCounters([packets(8)], {}));
    await tell(again, KIND.counters, kernelCounters([packets(12)]));
    await other.close();
    expect(await edges()).toEqual([{ minute: '2023-11-14 22:14:00', slot: 1, from: totals(0), to: totals(12) }]);
  });

  it('are in the store while the minute lasts', async () => {
    const hub = await bed.hub();
    const agent = await begin(hub);
    await tell(agent, KIND.counters, kernelCounters([packets(5)]));
    second(hub, 11);
    await agent.deliver([flow()], { at: AT });
    expect(await edges()).toEqual([{ minute: '2023-11-14 22:14:00', slot: 1, from: totals(0), to: totals(5) }]);
  });
});

describe('messages', () => {
  it('hold counts, codes and latencies that grew', async () => {
    const hub = await bed.hub();
    const agent = await begin(hub);
    await tell(agent, KIND.l7, l7Report([l7Series(4)]));
    second(hub, 61);
    const failed: [string, number][] = [['500', 1]];
    const bucket = latencyBucket(9e6);
    const more = l7Series(5, 3, { errors: 1, codes: failed, latency: [[bucket, 1]], latency_sum_ns: 21e6 });
    await tell(agent, KIND.l7, l7Report([more], { losses: { ring: 3, gaps: 0, malformed: 2, unsent: 1, evicted: 0 } }));
    await hub.close();
    const columns = 'requests, responses, errors, latency_sum_ns, codes, latency'.split(', ');
    const asked = columns.flatMap((name) => [`from_${name}`, `to_${name}`]).join(', ');
    expect(await bed.engine.rows(`SELECT route, protocol, ${asked} FROM l7_1m FINAL ORDER BY minute`)).toEqual([
      {
        route: 'GET /v1/price',
        protocol: 'http',
        from_requests: '0',
        to_requests: '4',
        from_responses: '0',
        to_responses: '4',
        from_errors: '0',
        to_errors: '0',
        from_latency_sum_ns: '0',
        to_latency_sum_ns: '12000000',
        from_codes: { 200: '0' },
        to_codes: { 200: '4' },
        from_latency: { [latencyBucket(3e6)]: '0' },
        to_latency: { [latencyBucket(3e6)]: '4' },
      },
      {
        route: 'GET /v1/price',
        protocol: 'http',
        from_requests: '4',
        to_requests: '5',
        from_responses: '4',
        to_responses: '5',
        from_errors: '0',
        to_errors: '1',
        from_latency_sum_ns: '12000000',
        to_latency_sum_ns: '21000000',
        from_codes: { 500: '0' },
        to_codes: { 500: '1' },
        from_latency: { [bucket]: '0' },
        to_latency: { [bucket]: '1' },
      },
    ]);
    const losses = await bed.engine.rows('SELECT l7_ring, l7_malformed, l7_unsent FROM node_1m FINAL ORDER BY minute');
    expect(losses).toEqual([
      { l7_ring: '0', l7_malformed: '0', l7_unsent: '0' },
      { l7_ring: '3', l7_malformed: '2', l7_unsent: '1' },
    ]);
  });
});

describe('nodes', () => {
  it('have the records that came, and that are missing by cause', async () => {
    const hub = await bed.hub();
    const agent = await begin(hub);
    for (let i = 1; i <= 30; i++) second(hub, i);
    const records = recordCounts({ ring: 4, buffer: 2 });
    await tell(agent, KIND.counters, kernelCounters([], { records }));
    // Seven places of which the agent's buffer dropped two.
    agent.skip(7);
    await taken(agent, [flow(), flow()]);
    await hub.close();
    const columns = 'received, lost_ring, lost_buffer, lost_transit, connected_s, exact';
    expect(await bed.engine.rows(`SELECT node, ${columns} FROM node_1m FINAL`)).toEqual([
      { node: 'node-a', received: '4', lost_ring: '4', lost_buffer: '2', lost_transit: '5', connected_s: 30, exact: 1 },
    ]);
  });

  it('are not exact for a minute whose counters were not watched', async () => {
    const hub = await bed.hub();
    const agent = await new FakeAgent(hub).start();
    await tell(agent, KIND.counters, kernelCounters([packets(5)]));
    // Another boot of the same node: its counters begin anew.
    agent.socket.close();
    const other = await new FakeAgent(hub).start({ session: 's2', counters_id: 'c2' });
    await tell(other, KIND.counters, kernelCounters([packets(5)]));
    await hub.close();
    const rows = await bed.engine.rows(
      'SELECT s.id AS id, exact FROM node_1m AS n FINAL JOIN sessions AS s FINAL ON s.session = n.session ORDER BY id',
    );
    expect(rows).toEqual([
      { id: 's1', exact: 1 },
      { id: 's2', exact: 0 },
    ]);
  });
});
