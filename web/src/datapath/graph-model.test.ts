import { describe, expect, test } from 'vitest';
import type { Datapath, StageOutcome, StageSums } from '../../../server/wire/datapath.ts';
import { BAND, bandWidth, graphLayout, inLines, MIN_WIDTH, THIN } from './graph-layout.ts';
import { FIRST_PACKET_STAGES, graphNumbers } from './graph-model.ts';

const outcome = (rate: number, mean_ns: number | null = null): StageOutcome => ({ packets: rate * 60, rate, mean_ns });

function datapath(stages: (Omit<StageSums, 'drop_reasons'> & Partial<StageSums>)[]): Datapath {
  return {
    window: { since: '', until: '', exact: true },
    stages: stages.map((it) => ({ drop_reasons: {}, ...it })),
    drops: [],
    nodes: [],
  };
}

describe('numbers of the graph', () => {
  const numbers = graphNumbers(
    datapath([
      { stage: 'PREFILTER', outcomes: { DROP: outcome(1) } },
      { stage: 'PARSE', outcomes: { PASS: outcome(100, 50), STACK: outcome(4) } },
      { stage: 'FLOW_CACHE', outcomes: { HIT: outcome(90, 200), PASS: outcome(10, 100) } },
      { stage: 'SERVICE', outcomes: { HIT: outcome(5, 100), PASS: outcome(5, 50) } },
      {
        stage: 'INGRESS_POLICY',
        outcomes: { PASS: outcome(7, 60), DROP: outcome(3, 60) },
        drop_reasons: { POLICY_DENIED: 9, OTHER: 12 },
      },
      { stage: 'DELIVER', outcomes: { PASS: outcome(6, 700), STACK: outcome(1, 700) } },
      { stage: 'NEW_IN_A_LATER_VERSION', outcomes: { PASS: outcome(1) } },
    ]),
  );

  test('add up along the lines', () => {
    expect(numbers).toMatchObject({ in: 105, hits: 90, misses: 10, delivered: 96, stack: 5 });
  });

  test('tell what a packet costs, weighted by what happened to it', () => {
    expect(numbers.hitNs).toBe(250);
    expect(numbers.stages.get('SERVICE')?.meanNs).toBe(75);
    expect(numbers.firstNs).toBe(50 + 100 + 75 + 60 + 700);
  });

  test('name the reasons of drops, the most first', () => {
    expect(numbers.stages.get('INGRESS_POLICY')?.drops).toEqual({ rate: 3, reasons: ['OTHER', 'POLICY_DENIED'] });
    expect(numbers.stages.get('SERVICE')?.drops).toBeNull();
  });

  test('are unknown, not 0, where nothing was timed', () => {
    expect(graphNumbers(datapath([{ stage: 'PARSE', outcomes: { PASS: outcome(1) } }])).hitNs).toBeNull();
  });
});

describe('layout of the graph', () => {
  test.each([320, MIN_WIDTH, 1440, 1920, 3000])('no boxes overlap at %i px', (width) => {
    const layout = graphLayout(width, width / 3);
    const boxes = [layout.in, ...layout.stages.values(), layout.delivered, layout.stack];
    for (const [index, a] of boxes.entries()) {
      expect(a.x + a.width).toBeLessThanOrEqual(layout.width);
      for (const b of boxes.slice(index + 1)) {
        const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
        expect(apart).toBe(true);
      }
    }
    expect(layout.stages.size).toBe(3 + FIRST_PACKET_STAGES.length);
  });

  test('bands are to linear scale, and never too thin to be seen', () => {
    expect(bandWidth(100, 100)).toBe(BAND);
    expect(bandWidth(50, 100)).toBe(BAND / 2);
    expect(bandWidth(0.001, 100)).toBe(THIN);
    expect(bandWidth(0, 100)).toBe(0);
  });

  test('captions are broken where they would touch their neighbours', () => {
    expect(inLines("source address is not the pod's own", 120)).toEqual(['source address is not', "the pod's own"]);
    expect(inLines('', 120)).toEqual(['']);
    expect(inLines('unbreakable-as-it-is-longer', 20)).toEqual(['unbreakable-as-it-is-longer']);
  });
});
