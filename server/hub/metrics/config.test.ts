import { describe, expect, it } from 'vitest';
import { DEFAULT_METRICS, METRIC_NAMES, parseMetrics } from './config.ts';

describe('parseMetrics', () => {
  it('reads names, contexts, labels and options, whatever their case', () => {
    const [flow, dns, drop] = parseMetrics(
      'flow:sourceContext=workload-name|reserved-identity;destinationcontext=dns|ip;labelsContext=source_pod,traffic_direction DNS:query drop',
    );
    expect(flow).toMatchObject({
      name: 'flow',
      source: { any: ['workload-name', 'reserved-identity'], egress: ['workload-name', 'reserved-identity'] },
      destination: { any: ['dns', 'ip'] },
      labels: ['source_pod', 'traffic_direction'],
    });
    expect([...(dns?.own ?? [])]).toEqual(['query']);
    expect(drop).toMatchObject({ name: 'drop', source: { any: null }, destination: { any: null }, labels: [] });
  });

  it('takes commas between metrics, though lists of labels have them, too', () => {
    const text =
      'flow:sourceContext=workload;labelsContext=source_ip,source_app,drop,tcp:labelsContext=source_pod,port-distribution';
    expect(parseMetrics(text).map(({ name, labels }) => [name, labels])).toEqual([
      ['flow', ['source_ip', 'source_app']],
      ['drop', []],
      ['tcp', ['source_pod']],
      ['port-distribution', []],
    ]);
  });

  it('lets a direction have a context of its own', () => {
    const [flow] = parseMetrics('flow:sourceContext=ip;sourceEgressContext=pod');
    expect(flow?.source).toEqual({ any: ['ip'], egress: ['pod'], ingress: ['ip'] });
  });

  it('knows all metrics, and the default ones', () => {
    expect(METRIC_NAMES.filter((name) => name !== 'httpV2').flatMap(parseMetrics)).toHaveLength(10);
    expect(parseMetrics(DEFAULT_METRICS)).toHaveLength(7);
    expect(parseMetrics('')).toEqual([]);
  });

  it.each([
    ['flows', /no metric "flows"/],
    ['drop,flows', /no metric "flows"/],
    ['flow:sourceContext=team', /"team"; allowed are identity/],
    ['flow:labelsContext=source_team', /"source_team"; allowed are source_ip/],
    ['drop:query', /"drop" has no option "query"/],
    ['drop drop', /named twice/],
    ['http httpV2', /ask for one of them/],
    [`flow:${'x'.repeat(500)}`, /has no option "x{64}"/],
  ])('refuses %s', (text, reason) => {
    expect(() => parseMetrics(text)).toThrow(reason);
  });
});
