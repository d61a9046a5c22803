import { describe, expect, it } from 'vitest';
import { FlowSampler } from './flow-sampler.ts';

function sample(count: number, room: number, isDrop: (id: number) => boolean = () => false) {
  const sampler = new FlowSampler(room, 3);
  for (let id = 1; id <= count; id++) sampler.add(id, isDrop(id));
  return sampler.result();
}

describe('FlowSampler', () => {
  it('shows all flows while they fit', () => {
    expect(sample(5, 5)).toEqual({ ids: [1, 2, 3, 4, 5], sampled: 1, matched: 5 });
  });

  it('shows every nth beyond that, evenly', () => {
    expect(sample(20, 5)).toEqual({ ids: [1, 5, 9, 13, 17], sampled: 4, matched: 20 });
  });

  it.each([1, 7, 50])('keeps to its room of %i', (room) => {
    const { ids, sampled } = sample(10_000, room);
    expect(ids.length).toBeLessThanOrEqual(room);
    expect(ids.length).toBe(Math.ceil(10_000 / sampled));
  });

  it('shows drops beside, the newest of them', () => {
    const { ids, matched } = sample(100, 2, (id) => id % 10 === 0);
    expect(ids.filter((id) => id % 10 === 0)).toEqual([80, 90, 100]);
    expect(matched).toBe(100);
  });
});
