/** The stage graph as pages and operators meet it. */
import { describe, expect, it } from 'vitest';
import { KIND } from '../wire/agent.ts';
import type { Datapath } from '../wire/datapath.ts';
import { DROP_REASON, OUTCOME, STAGE } from '../wire/lists.gen.ts';
import { kernelCounters } from './testing/counter-fixtures.ts';
import { DROP, FakeAgent, flow, HubBed, LiveClient } from './testing/hub-bed.ts';

const bed = new HubBed();

/** Counters of parse, of cache hits and of what ingress policies dropped. */
function stages(parsed: number, hits: number, dropped: number, cpuSeconds = 0) {
  return kernelCounters([], {
    stages: [
      [STAGE.PARSE, OUTCOME.PASS, parsed, 2, 2 * 60],
      [STAGE.FLOW_CACHE, OUTCOME.HIT, hits, 0, 0],
      [STAGE.INGRESS_POLICY, OUTCOME.DROP, dropped, Math.min(dropped, 1), Math.min(dropped, 1) * 90],
    ],
    drops: { [DROP_REASON.POLICY_DENIED]: dropped },
    agent: { rss_bytes: 1000, cpu_seconds: cpuSeconds, buffered_bytes: 0 },
  });
}

const denied = { ...DROP, drop_reason: DROP_REASON.POLICY_DENIED, drop_stage: STAGE.INGRESS_POLICY };

async function agentOf(node: string, factor: number): Promise<void> {
  const agent = await new FakeAgent(bed.hub).start({ node, session: node, counters_id: node });
  await agent.deliver([flow(), { ...denied, suppressed: 2 }]);
  agent.send(KIND.counters, stages(factor, factor, 0));
  agent.send(KIND.counters, stages(10 * factor, 8 * factor, 3, 2));
  await agent.deliver([flow()]);
}

async function get(query: string): Promise<Datapath> {
  const response = await bed.get(`/api/v1/datapath?${query}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Datapath;
}

describe('GET /api/v1/datapath', () => {
  it('sums what stages did, in the order of the graph', async () => {
    await agentOf('node-a', 1);
    await agentOf('node-b', 100);
    const all = await get('since=30s');
    expect(all.stages.map(({ stage }) => stage)).toEqual(['PARSE', 'FLOW_CACHE', 'INGRESS_POLICY']);
    expect(all.stages[0]?.outcomes).toMatchObject({ PASS: { packets: 1010, mean_ns: 60 } });
    expect(all.stages[1]?.outcomes).toMatchObject({ HIT: { packets: 808, mean_ns: null } });
    expect(all.stages[2]).toMatchObject({
      outcomes: { DROP: { packets: 6, mean_ns: 90 } },
      drop_reasons: { POLICY_DENIED: 6 },
    });
    expect(all.drops).toMatchObject([{ reason: 'POLICY_DENIED', packets: 6 }]);
    expect(all.nodes.map(({ name }) => name)).toEqual(['node-a', 'node-b']);

    const one = await get('since=30s&node=node-b');
    expect(one.stages[0]?.outcomes.PASS?.packets).toBe(1000);
    expect(one.nodes).toMatchObject([{ name: 'node-b', connected: true, agent_rss_bytes: 1000 }]);
    expect(one.nodes[0]?.agent_cpu).toBeGreaterThan(0);
  });

  it('does not take what an agent counted before the hub watched it for traffic of now', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow()], { number: 7 });
    agent.send(KIND.counters, stages(1_000_000, 0, 0));
    agent.send(KIND.counters, stages(1_000_005, 0, 0));
    await agent.deliver([flow()], { number: 8 });
    expect((await get('since=30s')).stages[0]?.outcomes.PASS?.packets).toBe(5);
  });

  it.each([
    ['since=20m', 400],
    ['node=other', 404],
    ['group=pod', 400],
  ])('refuses %s', async (query, status) => {
    expect((await bed.get(`/api/v1/datapath?${query}`)).status).toBe(status);
  });

  it('is sent to pages every second', async () => {
    await agentOf('node-a', 1);
    const page = new LiveClient(bed.hub);
    await page.subscribe({ datapath: { window_s: 60, node: 'node-a' } });
    expect((await page.next('datapath')).datapath.stages[0]?.stage).toBe('PARSE');
    expect((await page.next('datapath')).datapath.nodes).toHaveLength(1);
  });
});
