import { describe, expect, it } from 'vitest';
import type { Counters, EdgeCounters } from '../../wire/agent.ts';
import { AgentDictionary } from '../../flows/dictionary.ts';
import { recordCounts } from '../testing/counter-fixtures.ts';
import { CounterTracker } from './counter-tracker.ts';

const names = new AgentDictionary('node-a');

function edge(slot: number, packets: number, more: Partial<EdgeCounters> = {}): EdgeCounters {
  return {
    slot,
    source_endpoint: 16,
    destination_endpoint: 17,
    source_identity: 300,
    destination_identity: 301,
    service_id: 0,
    port: 80,
    protocol: 6,
    verdict: 1,
    drop_reason: 0,
    peer: '',
    packets,
    bytes: packets * 100,
    reply_packets: 0,
    reply_bytes: 0,
    connections: 0,
    answered: 0,
    rtt_histogram: [],
    ...more,
  };
}

function counters(edges: EdgeCounters[], more: Partial<Counters> = {}): Counters {
  return {
    time_ns: '1',
    edges,
    overflow: { packets: 0, bytes: 0 },
    drops: {},
    stages: [],
    maps: [],
    problem: null,
    events: { written: 0, drained: 0 },
    records: recordCounts(),
    agent: { rss_bytes: 0, cpu_seconds: 0, buffered_bytes: 0 },
    ...more,
  };
}

/** A tracker that has settled on slot 1 with 100 packets at time 1000. */
function settled(): CounterTracker {
  const tracker = new CounterTracker();
  tracker.apply(names, 'c1', counters([edge(1, 100)]), false, 1000);
  return tracker;
}

const packets = (found: { edges: { by: { packets: number } }[] }): number[] => found.edges.map(({ by }) => by.packets);

describe('the first counters of a kernel', () => {
  it('count from zero if the hub saw the agent from its start', () => {
    const found = new CounterTracker().apply(names, 'c1', counters([edge(1, 100)]), true, 1000);
    expect(packets(found)).toEqual([100]);
    expect(found.exact).toBe(true);
  });

  it('are a baseline if it did not', () => {
    const tracker = new CounterTracker();
    expect(packets(tracker.apply(names, 'c1', counters([edge(1, 100)]), false, 1000))).toEqual([]);
    expect(packets(tracker.apply(names, 'c1', counters([edge(1, 107)]), false, 2000))).toEqual([7]);
  });

  it('wait until it is known', () => {
    const tracker = new CounterTracker();
    expect(packets(tracker.apply(names, 'c1', counters([edge(1, 100)]), null, 1000))).toEqual([]);
    expect(packets(tracker.apply(names, 'c1', counters([edge(1, 105)]), true, 2000))).toEqual([100, 5]);
  });

  it('do not wait for ever', () => {
    const tracker = new CounterTracker();
    tracker.apply(names, 'c1', counters([edge(1, 100)]), null, 1000);
    expect(packets(tracker.apply(names, 'c1', counters([edge(1, 105)]), null, 2000))).toEqual([5]);
  });
});

describe('later counters', () => {
  it('give differences; a new edge counts in full', () => {
    const found = settled().apply(
      names,
      'c1',
      counters([edge(1, 130), edge(2, 4)], { drops: { 158: 3 } }),
      false,
      2000,
    );
    expect(packets(found)).toEqual([30, 4]);
    expect(found.drops).toBe(3);
    expect(found.exact).toBe(true);
  });

  it('going backwards begin anew, and are not exact', () => {
    const tracker = settled();
    const back = tracker.apply(names, 'c1', counters([edge(1, 10)]), false, 2000);
    expect(packets(back)).toEqual([]);
    expect(back.exact).toBe(false);
    expect(packets(tracker.apply(names, 'c1', counters([edge(1, 12)]), false, 3000))).toEqual([2]);
  });

  it('in overflow make the window inexact', () => {
    const more = { overflow: { packets: 1, bytes: 60 } };
    expect(settled().apply(names, 'c1', counters([], more), false, 2000).exact).toBe(false);
  });

  it('count the RTTs that came', () => {
    const tracker = new CounterTracker();
    const histogram = (n: number): Partial<EdgeCounters> => ({ rtt_histogram: [0, n, 0] });
    tracker.apply(names, 'c1', counters([edge(1, 1, histogram(5))]), false, 1000);
    const found = tracker.apply(names, 'c1', counters([edge(1, 2, histogram(7))]), false, 2000);
    expect(found.edges[0]?.by.rtt.slice(0, 3)).toEqual([0, 2, 0]);
  });
});

describe('an agent that comes back', () => {
  it('goes on after a short silence', () => {
    const tracker = settled();
    tracker.reconnected();
    expect(packets(tracker.apply(names, 'c1', counters([edge(1, 130)]), false, 4000))).toEqual([30]);
  });

  it('starts from a baseline after a long one', () => {
    const tracker = settled();
    tracker.reconnected();
    const found = tracker.apply(names, 'c1', counters([edge(1, 9000)]), false, 100_000);
    expect(packets(found)).toEqual([]);
    expect(found.exact).toBe(false);
    expect(packets(tracker.apply(names, 'c1', counters([edge(1, 9001)]), false, 101_000))).toEqual([1]);
  });

  it('goes on under new names if the counters are the same', () => {
    const tracker = settled();
    tracker.reconnected();
    const renamed = new AgentDictionary('node-a');
    const found = tracker.apply(renamed, 'c1', counters([edge(1, 101)]), false, 2000);
    expect(packets(found)).toEqual([1]);
    expect(found.edges[0]?.edge.names).toBe(renamed);
  });

  it('with new counters starts at zero only if its start was seen', () => {
    const seen = settled();
    seen.reconnected();
    expect(packets(seen.apply(names, 'c2', counters([edge(1, 3)]), true, 2000))).toEqual([3]);
    const unseen = settled();
    unseen.reconnected();
    expect(packets(unseen.apply(names, 'c2', counters([edge(1, 3)]), false, 2000))).toEqual([]);
  });
});
