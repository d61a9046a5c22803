import { describe, expect, it } from 'vitest';
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import { stepsOf } from './stages.ts';

function flow(
  path: string[],
  drop: { stage: string; line: number; words: string; suppressed: number } | null,
): HubbleFlow {
  return {
    IP: { source: '10.0.0.1', destination: '10.96.0.1', ipVersion: 'IPv4' },
    l4: { TCP: { source_port: 1, destination_port: 80, flags: { SYN: true } } },
    source: {},
    destination: {},
    extensions: {
      value: { spyglass: { event: drop === null ? 'NEW' : 'DROP', path, drop, packets: 1, bytes: 60, original: null } },
    },
  } as unknown as HubbleFlow;
}

describe('path', () => {
  it('ends with the stage that dropped, and shows what was not reached', () => {
    const drop = { stage: 'SERVICE', line: 214, words: 'Service has no backend', suppressed: 0 };
    const steps = stepsOf(flow(['PARSE', 'SOURCE_CHECK', 'FLOW_CACHE', 'SERVICE'], drop));
    expect(steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'parse passed',
      'source check passed',
      'flow cache passed',
      'service end',
      'identity off',
      'egress policy off',
      'route off',
      'ingress policy off',
      'masquerade off',
      'deliver off',
    ]);
  });

  it('shows only the stages a cached packet passed', () => {
    const steps = stepsOf(flow(['PARSE', 'FLOW_CACHE', 'DELIVER'], null));
    expect(steps.every(({ state }) => state === 'passed')).toBe(true);
    expect(steps[1]?.found).toContain('hit');
  });

  it('is empty where none was recorded', () => expect(stepsOf(flow([], null))).toEqual([]));
});
