/** What Prometheus gets of real records, read as strictly as it does. */
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { type Dictionary, KIND } from '../wire/agent.ts';
import { DIRECTION, DROP_REASON, POLICY_MATCH, RECORD_TYPE, STAGE, VERDICT } from '../wire/lists.gen.ts';
import type { RecordFields } from '../flows/record-writer.ts';
import { type RunningHub, startHub } from './hub.ts';
import { parseMetrics } from './metrics/config.ts';
import { type Exposition, readExposition } from './metrics/testing/read-exposition.ts';
import { edgeCounters, kernelCounters, recordCounts } from './testing/counter-fixtures.ts';
import { DICTIONARY, DROP, FakeAgent, flow } from './testing/hub-bed.ts';

let hub: RunningHub | undefined;
afterEach(async () => {
  await hub?.close();
});

async function agentOf(metrics: string, series?: number): Promise<FakeAgent> {
  hub = await startHub({
    host: '127.0.0.1',
    port: 0,
    memory: 4 * 1024 * 1024,
    version: '0.1.0',
    grpc: null,
    history: null,
    metrics: parseMetrics(metrics),
    ...(series !== undefined && { series }),
    log: pino({ level: 'silent' }),
    uiFolder: '/nonexistent',
  });
  return new FakeAgent(hub).start();
}

async function scrape(): Promise<Exposition> {
  return readExposition(await (await fetch(`${hub?.url ?? ''}/metrics`)).text());
}

/** Series of the metrics whose names begin so. */
async function seriesOf(prefix: string): Promise<Record<string, number>> {
  return Object.fromEntries([...(await scrape()).series].filter(([key]) => key.startsWith(prefix)));
}

/** The dictionary with other endpoints. */
function withPods(...pods: { ref: number; name: string; labels?: string[] }[]): Dictionary {
  const endpoints = pods.map(({ ref, name, labels = [] }) => ({
    ref,
    name,
    labels,
    kind: 'pod' as const,
    namespace: 'shop',
    addresses: [],
    identity: 300,
    created: '',
    workload: { name: name.replace(/-[^-]*$/, ''), kind: 'Deployment' },
  }));
  return { ...DICTIONARY, endpoints };
}

const sum = (of: Record<string, number>): number => Object.values(of).reduce((a, b) => a + b, 0);

describe('GET /metrics', () => {
  const icmp: RecordFields = flow({ protocol: 1, source_port: 8, destination_port: 0, tcp_flags: 0 });

  it.each<[string, RecordFields[], Record<string, number>]>([
    [
      'flow',
      [flow(), flow(), DROP],
      {
        'hubble_flows_processed_total{protocol="TCP",subtype="to-endpoint",type="Trace",verdict="FORWARDED"}': 2,
        'hubble_flows_processed_total{protocol="TCP",subtype="",type="Drop",verdict="DROPPED"}': 1,
      },
    ],
    ['drop', [flow(), DROP], { 'hubble_drop_total{protocol="TCP",reason="SERVICE_BACKEND_NOT_FOUND"}': 1 }],
    [
      'tcp',
      [
        flow({ tcp_flags: 2 }),
        flow({ tcp_flags: 18 }),
        flow({ tcp_flags: 17, family: 6 }),
        flow({ tcp_flags: 16 }),
        flow({ type: RECORD_TYPE.REPORT, tcp_flags: 19 }),
        flow({ type: RECORD_TYPE.CLOSE, tcp_flags: 19 }),
        flow({ type: RECORD_TYPE.CLOSE, tcp_flags: 23 }),
        DROP,
      ],
      {
        'hubble_tcp_flags_total{family="IPv4",flag="SYN"}': 1,
        'hubble_tcp_flags_total{family="IPv4",flag="SYN-ACK"}': 1,
        'hubble_tcp_flags_total{family="IPv6",flag="FIN"}': 1,
        'hubble_tcp_flags_total{family="IPv4",flag="FIN"}': 1,
        'hubble_tcp_flags_total{family="IPv4",flag="RST"}': 1,
      },
    ],
    [
      'icmp',
      [icmp, flow({ ...icmp, source_port: 3, destination_port: 3 }), flow()],
      {
        'hubble_icmp_total{family="IPv4",type="EchoRequest"}': 1,
        'hubble_icmp_total{family="IPv4",type="DestinationUnreachable(Port)"}': 1,
      },
    ],
    [
      'port-distribution',
      [flow(), flow({ destination_port: 65_535 }), flow({ flags: 3 }), icmp, DROP],
      {
        'hubble_port_distribution_total{port="8080",protocol="TCP"}': 1,
        'hubble_port_distribution_total{port="65535",protocol="TCP"}': 1,
        'hubble_port_distribution_total{port="0",protocol="ICMPv4"}': 1,
      },
    ],
    [
      'policy',
      [
        flow({
          ingress_rule: 7,
          ingress_match: POLICY_MATCH.L3_L4,
          egress_rule: 7,
          egress_match: POLICY_MATCH.L4_ONLY,
        }),
        flow({ ...DROP, drop_reason: DROP_REASON.POLICY_DENIED, drop_stage: STAGE.EGRESS_POLICY, egress_rule: 8 }),
        flow(),
      ],
      {
        'hubble_policy_verdicts_total{action="forwarded",direction="ingress",match="l3-l4"}': 1,
        'hubble_policy_verdicts_total{action="forwarded",direction="egress",match="l4-only"}': 1,
        'hubble_policy_verdicts_total{action="dropped",direction="egress",match="none"}': 1,
      },
    ],
    [
      'flows-to-world:port',
      [flow({ destination_endpoint: 0, destination_identity: 2 }), flow(), { ...DROP, destination_identity: 2 }],
      { 'hubble_flows_to_world_total{port="8080",protocol="TCP",verdict="FORWARDED"}': 1 },
    ],
  ])('counts flows for %s', async (metrics, records, expected) => {
    const agent = await agentOf(metrics);
    await agent.deliver(records);
    const found = await seriesOf('hubble_');
    for (const key of Object.keys(found)) if (/^hubble_(lost|metrics)/.test(key)) delete found[key];
    expect(found).toEqual(expected);
  });

  it('adds the labels of contexts, the first alternative that is not empty', async () => {
    const agent = await agentOf(
      'flow:sourceContext=pod;destinationContext=workload|reserved-identity|ip drop:labelsContext=source_namespace,source_workload_kind,destination_app,traffic_direction',
    );
    await agent.deliver([
      flow(),
      flow({ destination_endpoint: 0, destination_identity: 2 }),
      flow({ destination_endpoint: 0, destination_identity: 77, destination: '192.0.2.9', family: 4 }),
      { ...DROP, direction: DIRECTION.EGRESS },
    ]);
    const own = 'subtype="to-endpoint",type="Trace",verdict="FORWARDED"';
    expect(await seriesOf('hubble_flows')).toMatchObject({
      [`hubble_flows_processed_total{destination="shop/cart",protocol="TCP",source="shop/web-1",${own}}`]: 1,
      [`hubble_flows_processed_total{destination="reserved:world",protocol="TCP",source="shop/web-1",${own}}`]: 1,
      [`hubble_flows_processed_total{destination="192.0.2.9",protocol="TCP",source="shop/web-1",${own}}`]: 1,
    });
    const labels = 'source_namespace="shop",source_workload_kind="Deployment",traffic_direction="egress"';
    expect(await seriesOf('hubble_drop')).toEqual({
      [`hubble_drop_total{destination_app="",protocol="TCP",reason="SERVICE_BACKEND_NOT_FOUND",${labels}}`]: 1,
    });
  });

  it('follows changes of names', async () => {
    const agent = await agentOf('flow:sourceContext=app');
    const labelled = (app: string): Dictionary => withPods({ ref: 16, name: 'web-1', labels: [`k8s:app=${app}`] });
    agent.send(KIND.dictionary, labelled('one'));
    await agent.deliver([flow(), flow()]);
    agent.send(KIND.dictionary, labelled('two'));
    await agent.deliver([flow()]);
    const found = Object.entries(await seriesOf('hubble_flows')).map(([key, n]) => [
      /source="(\w*)"/.exec(key)?.[1],
      n,
    ]);
    expect(found).toEqual([
      ['one', 2],
      ['two', 1],
    ]);
  });

  it('escapes hostile names', async () => {
    const agent = await agentOf('flow:sourceContext=pod-name');
    const name = 'a"} 1\nhubble_fake_total{x="\\';
    agent.send(KIND.dictionary, withPods({ ref: 16, name }));
    await agent.deliver([flow()]);
    const { series, types } = await scrape();
    expect(types.has('hubble_fake_total')).toBe(false);
    const found = [...series.keys()].filter((key) => key.startsWith('hubble_flows'));
    expect(found).toEqual([expect.stringContaining('source="a\\"} 1\\nhubble_fake_total{x=\\"\\\\"')]);
  });

  it('stays within the budget, and its sums stay exact', async () => {
    const agent = await agentOf('flow:sourceContext=ip port-distribution drop', 1000);
    const source = (i: number): string => `10.0.${i >> 8}.${i & 255}`;
    for (let at = 0; at < 3000; at += 1000) {
      const records = Array.from({ length: 1000 }, (_, i) =>
        flow({ source: source(at + i), source_endpoint: 0, destination_port: at + i }),
      );
      await agent.deliver([...records, DROP]);
    }
    const { series: first } = await scrape();
    // But for those of the process, all of them.
    expect([...first.keys()].filter((key) => !/^(nodejs|process)_/.test(key)).length).toBeLessThanOrEqual(1000);
    const sumOf = (prefix: string): number =>
      sum(Object.fromEntries([...first].filter(([key]) => key.startsWith(prefix))));
    expect([sumOf('hubble_flows'), sumOf('hubble_port')]).toEqual([3003, 3000]);
    const other = 'protocol="other",source="other",subtype="other",type="other",verdict="other"';
    expect(first.get(`hubble_flows_processed_total{${other}}`)).toBeGreaterThan(2000);
    expect(first.get('spyglass_metrics_series{state="used"}')).toBeLessThanOrEqual(1000);
    expect(first.get('spyglass_metrics_folded_total{}')).toBeGreaterThan(5000);
    // What is said of nodes has room beside the traffic.
    expect(first.get('spyglass_hub_flows_total{node="node-a"}')).toBe(3003);
    // Nothing goes backwards.
    await agent.deliver([flow({ source: source(7), source_endpoint: 0, destination_port: 7 })]);
    const { series: second } = await scrape();
    for (const [key, value] of first) {
      if (/^(hubble|spyglass)_.*_total/.test(key)) expect(second.get(key), key).toBeGreaterThanOrEqual(value);
    }
  });

  it('forgets series of pods a minute after them', async () => {
    const agent = await agentOf(
      'flow:sourceContext=pod drop:labelsContext=source_pod,source_namespace tcp:sourceContext=workload',
    );
    await agent.deliver([flow(), DROP]);
    const tick = (afterS: number): void => hub?.state.tick(Date.now() + afterS * 1000);
    tick(0);
    agent.send(KIND.dictionary, withPods({ ref: 17, name: 'cart-1' }));
    await agent.deliver([]);
    const counted = async (): Promise<number[]> =>
      Promise.all(['hubble_flows', 'hubble_drop', 'hubble_tcp'].map(async (it) => sum(await seriesOf(it))));
    tick(20);
    tick(70);
    expect(await counted()).toEqual([2, 1, 1]);
    tick(81);
    expect(await counted()).toEqual([0, 0, 1]);
    // It comes back, and is counted anew.
    agent.send(KIND.dictionary, DICTIONARY);
    await agent.deliver([flow()]);
    tick(92);
    expect(await counted()).toEqual([1, 0, 2]);
  });

  it('counts packets, bytes, handshakes, policies, losses and maps of its own', async () => {
    const agent = await agentOf('');
    agent.send(KIND.dictionary, {
      ...DICTIONARY,
      rules: [{ ref: 7, kind: 'NetworkPolicy', namespace: 'shop', name: 'web', direction: 'ingress', index: 2 }],
    });
    await agent.deliver([flow({ ingress_rule: 7 })]);
    const rtt = [0, 0, 3, ...Array.from({ length: 21 }, () => 0)];
    agent.send(
      KIND.counters,
      kernelCounters(
        [edgeCounters(10, { rtt_histogram: rtt }), edgeCounters(4, { slot: 2, verdict: VERDICT.DROPPED })],
        {
          records: recordCounts({ produced: 4, ring: 3, handed: 1 }),
        },
      ),
    );
    await agent.deliver([]);
    const ends = 'destination="shop/cart",protocol="TCP",reporter="client",source="shop/web"';
    const { series, types } = await scrape();
    expect(Object.fromEntries(series)).toMatchObject({
      [`spyglass_packets_total{${ends},verdict="FORWARDED"}`]: 10,
      [`spyglass_packets_total{${ends},verdict="DROPPED"}`]: 4,
      [`spyglass_bytes_total{${ends},verdict="FORWARDED"}`]: 1000,
      [`spyglass_reply_bytes_total{${ends},verdict="FORWARDED"}`]: 500,
      'spyglass_rtt_seconds_bucket{destination="shop/cart",le="0.000004",reporter="client",source="shop/web"}': 4,
      'spyglass_rtt_seconds_bucket{destination="shop/cart",le="0.000008",reporter="client",source="shop/web"}': 7,
      'spyglass_policy_hits_total{direction="ingress",namespace="shop",policy="web",rule="2"}': 1,
      'spyglass_hub_lost_records_total{cause="ring",node="node-a"}': 3,
      'spyglass_hub_records_total{node="node-a",what="produced"}': 4,
      'spyglass_hub_records_total{node="node-a",what="received"}': 1,
      'spyglass_map_entries{map="flow_cache",node="node-a"}': 3,
      'spyglass_map_max_entries{map="flow_cache",node="node-a"}': 100,
      'hubble_lost_events_total{source="perf_event_ring_buffer"}': 3,
    });
    expect(types.get('spyglass_rtt_seconds')).toBe('histogram');
    // Asked again, nothing is counted twice; the former scrape is told of.
    const again = (await scrape()).series;
    expect(again.get(`spyglass_packets_total{${ends},verdict="FORWARDED"}`)).toBe(10);
    expect(again.get('hubble_metrics_http_handler_requests_total{code="200"}')).toBe(1);
  });
});
