/** The API of a hub whose flows are mostly in history, through its real sockets. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GetFlowsResponse, HubbleFlow } from '../../../wire/hubble.ts';
import type { PolicyList } from '../../../wire/policies.ts';
import type { TimelineTotals } from '../../../wire/timeline.ts';
import { RECORD_TYPE } from '../../../wire/lists.gen.ts';
import { formatTime, nowNs } from '../../../flows/timestamp.ts';
import type { RunningHub } from '../../hub.ts';
import { GrpcClient } from '../../testing/grpc-client.ts';
import { DICTIONARY, DROP, FakeAgent, flow } from '../../testing/hub-bed.ts';
import { type SqlEngine, StoreError } from '../sql-engine.ts';
import { HistoryBed } from '../testing/history-bed.ts';
import { KIND } from '../../../wire/agent.ts';

const bed = new HistoryBed();
/** Room for less than half of the flows. */
const MEMORY = 512 * 1024;
const COUNT = 6000;
/** So few more that memory keeps them until a follower has read them. */
const MORE = 300;
const S = 1_000_000_000n;
/** Time of the first flow; each is 1 ms after the one before. */
let begin: bigint;
let hub: RunningHub;
let agent: FakeAgent;

/** Flows whose number is their connection's. */
async function deliver(from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += 1000) {
    const size = Math.min(1000, from + count - at);
    const records = Array.from({ length: size }, (_, i) => flow({ connection_id: at + i, time_ns: i * 1e6 }));
    const options = { at: begin + BigInt(at) * 1_000_000n };
    if (at + size < from + count) agent.batch(records, options);
    else await agent.deliver(records, options);
  }
}

async function lines(path: string): Promise<GetFlowsResponse[]> {
  const response = await fetch(`${hub.url}/api/v1/flows?${path}`);
  expect(response.status).toBe(200);
  const text = await response.text();
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as GetFlowsResponse]));
}

const numberOf = (it: HubbleFlow | undefined): number => Number(it?.extensions?.value.spyglass.connection_id);
const numbers = async (path: string): Promise<number[]> => (await lines(path)).map((it) => numberOf(it.flow));
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const timeOf = (number: number): string => formatTime(begin + BigInt(number) * 1_000_000n);

/** As dates are written in JSON. */
const isoOf = (number: number): string => new Date(timeOf(number)).toISOString();

async function problem(path: string): Promise<{ status: number; detail: string }> {
  const response = await fetch(`${hub.url}/api/v1/${path}`);
  const { status, detail } = (await response.json()) as { status: number; detail: string };
  expect(response.status).toBe(status);
  return { status, detail };
}

beforeEach(async () => {
  begin = ((nowNs() - 3600n * S) / (60n * S)) * 60n * S;
  hub = await bed.hub({ memory: MEMORY, grpc: { host: '127.0.0.1', port: 0 } });
  agent = await new FakeAgent(hub).start();
});
afterEach(() => agent.socket.terminate());

describe('flows that memory has lost', () => {
  beforeEach(async () => deliver(0, COUNT));

  it('are found by time, number and cursor', async () => {
    expect(hub.state.store.stored).toBeLessThan(COUNT / 2);
    expect(await numbers(`since=${timeOf(0)}`)).toEqual(range(0, COUNT));
    expect(await numbers('first=3')).toEqual([0, 1, 2]);
    expect(await numbers('last=3')).toEqual(range(COUNT - 3, COUNT));
    expect(await numbers(`last=${COUNT - 10}`)).toEqual(range(10, COUNT));
    expect(await numbers(`since=${timeOf(2000)}&until=${timeOf(2003)}`)).toEqual(range(2000, 2004));
    expect(await numbers(`last=2&until=${timeOf(9)}`)).toEqual([8, 9]);
    const [, second] = await lines('first=2');
    const uuid = second?.flow?.uuid ?? '';
    expect(await numbers(`first=3&cursor=${uuid}`)).toEqual([2, 3, 4]);
    expect(await numbers(`last=3&cursor=${uuid}`)).toEqual([0]);
    expect(await numbers(`cursor=${uuid}&until=${timeOf(5)}`)).toEqual([2, 3, 4, 5]);
    const [newest] = await lines('last=1');
    expect(await numbers(`last=2&cursor=${newest?.flow?.uuid}`)).toEqual([COUNT - 3, COUNT - 2]);
    expect(await numbers(`cursor=${newest?.flow?.uuid}`)).toEqual([]);
  });

  it('go on behind the last line of a download that was cut', async () => {
    const read = (response: IncomingMessage): Promise<string> =>
      new Promise((resolve) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (text.length > 500_000) {
            response.destroy();
            resolve(text);
          }
        });
      });
    const [response] = (await once(get(`${hub.url}/api/v1/flows?since=${timeOf(0)}`), 'response')) as [IncomingMessage];
    const whole = (await read(response)).split('\n').slice(0, -1);
    const seen = whole.map((line) => (JSON.parse(line) as GetFlowsResponse).flow);
    expect(seen.length).toBeGreaterThan(100);
    expect(seen.length).toBeLessThan(COUNT);
    const rest = await lines(`cursor=${seen.at(-1)?.uuid}`);
    expect([...seen, ...rest.map((it) => it.flow)].map(numberOf)).toEqual(range(0, COUNT));
  });

  it('are followed by those that come, each once', async () => {
    const gone = new AbortController();
    const response = await fetch(`${hub.url}/api/v1/flows?since=${timeOf(0)}&follow=true&fields=uuid,extensions`, {
      signal: gone.signal,
    });
    const coming = deliver(COUNT, MORE);
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString();
      if (text.split('\n').length > COUNT + MORE) break;
    }
    await coming;
    gone.abort();
    const found = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as GetFlowsResponse]));
    expect(found.map((it) => numberOf(it.flow)).sort((a, b) => a - b)).toEqual(range(0, COUNT + MORE));
  });

  it('are there for a hub that begins anew, and for the Hubble API', async () => {
    await hub.close();
    hub = await bed.hub({ memory: MEMORY, grpc: { host: '127.0.0.1', port: 0 } });
    expect(await numbers('last=2')).toEqual([COUNT - 2, COUNT - 1]);
    const client = new GrpcClient(hub.grpcAddress ?? '');
    const ask = async (request: object): Promise<number[]> => {
      const found: number[] = [];
      for await (const { flow: it } of client.stream(request)) if (it !== undefined) found.push(numberOf(it));
      return found;
    };
    const at = (number: number): object => {
      const time = begin + BigInt(number) * 1_000_000n;
      return { seconds: String(time / S), nanos: Number(time % S) };
    };
    expect(await ask({ number: '3' })).toEqual(range(COUNT - 3, COUNT));
    expect(await ask({ number: '3', first: true })).toEqual([0, 1, 2]);
    expect(await ask({ since: at(10), until: at(12) })).toEqual([10, 11, 12]);
    expect(await ask({ since: at(10), number: '2' })).toEqual([10, 11]);
    expect(await ask({ number: '3', until: at(COUNT - 2) })).toEqual([COUNT - 3, COUNT - 2]);
    expect(await ask({ number: '18446744073709551615' })).toEqual(range(0, COUNT));
    await expect(ask({ number: '100001' })).rejects.toThrow(/at most 100000 flows/);
    client.close();
  });
});

describe('what the parameters ask for', () => {
  beforeEach(async () => {
    await agent.deliver([flow(), DROP], { at: begin });
  });

  it('fields are kept of each flow, whatever the format', async () => {
    const [line] = await lines('last=1&fields=verdict,source.pod_name,IP');
    expect(line?.flow).toEqual({
      verdict: 'DROPPED',
      source: { pod_name: 'web-1' },
      IP: { source: '10.1.0.16', destination: '10.1.0.17', ipVersion: 'IPv4' },
    });
    expect(line).toMatchObject({ node_name: 'node-a', time: expect.any(String) as string });
    const csv = await (await fetch(`${hub.url}/api/v1/flows?format=csv&last=2&fields=verdict,source.pod_name`)).text();
    expect(csv).toBe('verdict,source_pod\r\nFORWARDED,web-1\r\nDROPPED,web-1\r\n');
  });

  it('is refused with a reason where it is wrong', async () => {
    const wrong: [path: string, status: number, detail: string][] = [
      ['flows?cursor=x', 400, 'give the "uuid" of a flow'],
      ['flows?cursor=00000000-0000-4000-8000-000000000000', 400, 'give the "uuid" of a flow'],
      ['flows?cursor=00000000-0000-8000-8000-000000000000', 410, 'no longer kept'],
      ['flows?cursor=00000000-0000-8000-8000-000000000000&last=1&follow=true', 400, 'cannot be followed'],
      ['flows?fields=', 400, '"fields" is empty'],
      ['flows?fields=time,nothing', 400, 'flows have no such field'],
      ['flows?fields=source..x', 400, 'flows have no such field'],
      ['flows?first=99999999999999999', 400, '"first"'],
      ['service-map?since=2020-01-01', 400, 'longer than 366 days'],
      ['l7?since=2000-01-01T00:00:00Z', 400, 'longer than 366 days'],
      ['timeline?since=2020-01-01', 400, 'longer than 366 days'],
      ['timeline?buckets=0', 400, '"buckets"'],
      ['timeline?buckets=2001', 400, '"buckets"'],
      ['timeline?since=2999-01-01T00:00:00Z', 400, '"since" must lie before "until"'],
      ['timeline?node=x', 400, 'no parameter "node"'],
      ['policies?until=5m', 400, '"until" needs "since"'],
      ['policies?since=5m&until=10m', 400, '"since" must lie before "until"'],
      ['policies?since=soon', 400, '"since"'],
    ];
    for (const [path, status, detail] of wrong) {
      expect(await problem(path)).toEqual({ status, detail: expect.stringContaining(detail) as string });
    }
  });
});

describe('counts of history', () => {
  it('hits of policies in a window', async () => {
    const policy = {
      namespace: 'shop',
      name: 'p',
      uid: 'u',
      mode: 'enforce',
      policy_types: ['Ingress'],
      endpoints: [17],
      rules: { ingress: [2], egress: [] },
      spec: {},
      warnings: [],
    };
    const rule = { ref: 2, kind: 'NetworkPolicy', namespace: 'shop', name: 'p', direction: 'ingress', index: 0 };
    agent.send(KIND.dictionary, { ...DICTIONARY, rules: [rule], policies: [policy] });
    const hit = flow({ type: RECORD_TYPE.NEW, ingress_rule: 2 });
    agent.batch([hit, hit], { at: begin });
    await agent.deliver([hit], { at: begin + 600n * S });
    const ask = async (query: string): Promise<PolicyList> =>
      (await (await fetch(`${hub.url}/api/v1/policies${query}`)).json()) as PolicyList;
    expect((await ask('')).policies[0]?.rules[0]).toMatchObject({ hits: 3 });
    const first = await ask(`?since=${timeOf(30_000)}&until=${timeOf(90_000)}`);
    expect(first).toMatchObject({ since: isoOf(0), until: isoOf(120_000) });
    expect(first.policies[0]?.rules[0]).toMatchObject({
      hits: 2,
      last_hit: expect.stringContaining(timeOf(0).slice(0, 19)) as string,
    });
    const second = await ask(`?since=${timeOf(600_000)}`);
    expect(second.policies[0]?.rules[0]).toMatchObject({ hits: 1, unused: false });
    const later = await ask(`?since=${timeOf(1_200_000)}`);
    expect(later.policies[0]).toMatchObject({ unused: true });
  });

  it('flows and drops over time', async () => {
    agent.batch([flow(), flow(), { ...DROP, suppressed: 4 }], { at: begin + 61n * S });
    await agent.deliver([flow()], { at: begin + 185n * S });
    const response = await fetch(
      `${hub.url}/api/v1/timeline?since=${timeOf(30_000)}&until=${timeOf(240_000)}&buckets=4`,
    );
    const { window, bucket_s, buckets } = (await response.json()) as TimelineTotals;
    expect({ window, bucket_s }).toEqual({ window: { since: timeOf(0), until: timeOf(240_000) }, bucket_s: 60 });
    expect(buckets.map((it) => [it.flows, it.drops])).toEqual([
      [0, 0],
      [3, 5],
      [0, 0],
      [1, 0],
    ]);
    const few = (await (await fetch(`${hub.url}/api/v1/timeline?since=24h&buckets=3`)).json()) as TimelineTotals;
    expect(few.buckets.length).toBe(3);
    expect(few.buckets.reduce((sum, it) => sum + it.flows, 0)).toBe(4);
    // What arrived since the hub started is counted by the second.
    const started = new Date(hub.state.startedMs).toISOString();
    const recent = (await (await fetch(`${hub.url}/api/v1/timeline?since=${started}`)).json()) as TimelineTotals;
    expect(recent.buckets.reduce((sum, it) => sum + it.flows, 0)).toBe(4);
  });
});

describe('a store that fails', () => {
  it('is told by what needs it, and not felt by what does not', async () => {
    let fails = false;
    const { engine } = bed;
    const failing: SqlEngine = {
      rows: async (...all) =>
        fails ? Promise.reject(new StoreError('unreachable', 'The store is away.')) : engine.rows(...all),
      stream: (...all) => {
        if (fails) throw new StoreError('unreachable', 'The store is away.');
        return engine.stream(...all);
      },
      insert: async (...all) => engine.insert(...all),
      command: async (...all) => engine.command(...all),
    };
    hub = await bed.hub({ memory: MEMORY, engine: failing });
    agent.socket.terminate();
    agent = await new FakeAgent(hub).start();
    await deliver(0, COUNT);
    expect(await numbers('last=2')).toEqual([COUNT - 2, COUNT - 1]);
    fails = true;
    expect(await numbers('last=2')).toEqual([COUNT - 2, COUNT - 1]);
    expect(await numbers(`since=${timeOf(COUNT - 10)}`)).toEqual(range(COUNT - 10, COUNT));
    expect(await problem(`flows?since=${timeOf(0)}`)).toEqual({ status: 503, detail: 'The store is away.' });
    expect(await problem(`service-map?since=${timeOf(0)}`)).toEqual({ status: 503, detail: 'The store is away.' });
  });
});
