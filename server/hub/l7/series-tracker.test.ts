import { describe, expect, it } from 'vitest';
import { latencyBucket } from '../../wire/latency.ts';
import { AgentDictionary } from '../../flows/dictionary.ts';
import { l7Report, l7Series } from '../testing/l7-fixtures.ts';
import { SeriesTracker } from './series-tracker.ts';

const names = new AgentDictionary('node-a');

function settled(): SeriesTracker {
  const tracker = new SeriesTracker();
  tracker.apply(names, 's1', l7Report([l7Series(100)]), false, 1000);
  return tracker;
}

describe('series of an agent', () => {
  it('count from zero if the hub saw the agent from its start, and are a baseline if not', () => {
    const seen = new SeriesTracker().apply(names, 's1', l7Report([l7Series(4)]), true, 1000);
    expect(seen.series.map(([, by]) => by.requests)).toEqual([4]);
    const late = new SeriesTracker().apply(names, 's1', l7Report([l7Series(4)]), false, 1000);
    expect(late.series).toEqual([]);
  });

  it('become increments, with codes and the buckets that changed', () => {
    const next = l7Series(103, 3, {
      errors: 1,
      codes: [
        ['200', 102],
        ['503', 1],
      ],
      latency: [[latencyBucket(9e6), 3]],
    });
    const { series, exact } = settled().apply(names, 's1', l7Report([next]), false, 2000);
    expect(exact).toBe(true);
    expect(series).toMatchObject([[{ route: 'GET /v1/price' }, { requests: 3, responses: 3, errors: 1 }]]);
    expect([...(series[0]?.[1].codes ?? [])]).toEqual([
      ['200', 2],
      ['503', 1],
    ]);
    expect([...(series[0]?.[1].latency ?? [])]).toEqual([[latencyBucket(9e6), 3]]);
  });

  it('that did not change give nothing', () => {
    expect(settled().apply(names, 's1', l7Report([l7Series(100)]), false, 2000)).toMatchObject({
      series: [],
      exact: true,
    });
  });

  it('that go backwards are counted from there, and told as inexact', () => {
    const tracker = settled();
    expect(tracker.apply(names, 's1', l7Report([l7Series(5)]), false, 2000)).toMatchObject({
      series: [],
      exact: false,
    });
    expect(tracker.apply(names, 's1', l7Report([l7Series(7)]), false, 3000).series).toMatchObject([
      [{}, { requests: 2 }],
    ]);
  });

  it('are a baseline after a long silence, an increment after a short one', () => {
    const tracker = settled();
    tracker.reconnected();
    expect(tracker.apply(names, 's1', l7Report([l7Series(110)]), false, 4000).series).toHaveLength(1);
    tracker.reconnected();
    expect(tracker.apply(names, 's1', l7Report([l7Series(500)]), false, 60_000)).toMatchObject({
      series: [],
      exact: false,
    });
  });

  it('of another agent begin anew', () => {
    const found = settled().apply(names, 's2', l7Report([l7Series(3)]), true, 2000);
    expect(found).toMatchObject({ exact: false, series: [[{}, { requests: 3 }]] });
  });

  it('give what was lost since', () => {
    const tracker = settled();
    const losses = { ring: 5, gaps: 1, malformed: 0, unsent: 9, evicted: 0 };
    expect(tracker.apply(names, 's1', l7Report([], { losses }), false, 2000).losses).toEqual(losses);
    expect(tracker.apply(names, 's1', l7Report([], { losses }), false, 3000).losses.ring).toBe(0);
  });

  it('are forgotten beyond the most that are kept, those named longest ago first', () => {
    const tracker = settled();
    const many = Array.from({ length: 20_000 }, (_, i) => l7Series(1, 1, { id: 2 + i }));
    tracker.apply(names, 's1', l7Report(many), false, 2000);
    const found = tracker.apply(names, 's1', l7Report([l7Series(2, 1, { id: 20_001 }), l7Series(101)]), false, 3000);
    expect(found.series.map(([, by]) => by.requests)).toEqual([1, 101]);
  });

  it('that come in parts are taken alike', () => {
    const part = (id: number, requests: number, time = '7') =>
      l7Report([l7Series(requests, 1, { id })], { time_ns: time });
    const late = new SeriesTracker();
    // It is not known yet whether the hub has seen all; then it turns out that it has not.
    expect(late.apply(names, 's1', part(1, 100), null, 1000).series).toEqual([]);
    expect(late.apply(names, 's1', part(2, 100), null, 1000).series).toEqual([]);
    expect(late.apply(names, 's1', part(2, 103, '8'), false, 2000).series.map(([, by]) => by.requests)).toEqual([3]);
    late.reconnected();
    expect(late.apply(names, 's1', part(1, 500, '9'), false, 60_000)).toMatchObject({ series: [], exact: false });
    expect(late.apply(names, 's1', part(2, 500, '9'), false, 60_000).series).toEqual([]);
    expect(late.apply(names, 's1', part(2, 501, '10'), false, 61_000).series).toHaveLength(1);
    const early = new SeriesTracker();
    early.apply(names, 's1', part(1, 4), true, 1000);
    expect(early.apply(names, 's1', part(2, 5), true, 1000).series.map(([, by]) => by.requests)).toEqual([5]);
  });
});
