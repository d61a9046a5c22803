/** The Hubble API of a real hub, over real sockets. */
import { status as code } from '@grpc/grpc-js';
import { pack } from 'msgpackr';
import { beforeEach, afterEach, describe, expect, it, vi } from 'vitest';
import { HTTP_RESPONSE, requestOf } from '../flows/l7/testing/messages.ts';
import { endOf, GrpcClient, nextAnswer, portOf } from './testing/grpc-client.ts';
import { DROP, FakeAgent, flow, HubBed } from './testing/hub-bed.ts';

const bed = new HubBed();
/** Unix s of the flows of `three`; they are 1 s apart. */
const AT = 1_772_619_330;
const at = (s: number, nanos = 0): object => ({ seconds: String(AT + s), nanos });

let client: GrpcClient;
let agent: FakeAgent;

beforeEach(async () => {
  client = new GrpcClient(bed.hub.grpcAddress ?? '');
  agent = await new FakeAgent(bed.hub).start();
});
afterEach(() => {
  client.close();
  agent.socket.terminate();
});

/** Flows with source ports 1, 2, … and times 0 s, 1 s, … after AT. */
async function deliver(count: number, more: object = {}): Promise<void> {
  const records = Array.from({ length: count }, (_, i) => flow({ source_port: i + 1, time_ns: i * 1e9, ...more }));
  await agent.deliver(records, { at: BigInt(AT) * 1_000_000_000n });
}

const failure = (request: object): Promise<{ code: number; details: string }> => endOf(client.stream(request));

describe('GetFlows without follow', () => {
  beforeEach(() => deliver(5));

  it.each<[string, object, number[]]>([
    ['nothing asked', {}, [1, 2, 3, 4, 5]],
    ['the last', { number: 2 }, [4, 5]],
    ['all, as the command asks for them', { number: '18446744073709551615' }, [1, 2, 3, 4, 5]],
    ['the first', { number: 2, first: true }, [1, 2]],
    ['since, inclusive', { since: at(3) }, [4, 5]],
    ['since, by a nanosecond', { since: at(3, 1) }, [5]],
    ['until, inclusive', { until: at(1) }, [1, 2]],
    ['a window', { since: at(1), until: at(3) }, [2, 3, 4]],
    ['the first after since', { since: at(1), number: 2 }, [2, 3]],
    ['the first until', { first: true, number: 4, until: at(2) }, [1, 2, 3]],
    ['the last are counted before until cuts', { number: 3, until: at(2) }, [3]],
    ['the last that pass a filter', { number: 2, whitelist: [{ source_port: ['1', '2', '4'] }] }, [2, 4]],
    ['an empty filter', { whitelist: [{}] }, [1, 2, 3, 4, 5]],
    ['an empty filter in the blacklist', { blacklist: [{}] }, []],
    ['either filter', { whitelist: [{ source_port: ['1'] }, { source_port: ['3'] }] }, [1, 3]],
    [
      'the blacklist takes away',
      { whitelist: [{ source_port: ['1', '3'] }], blacklist: [{ source_port: ['3'] }] },
      [1],
    ],
    ['all fields', { whitelist: [{ source_port: ['1', '2'], destination_port: ['8081'] }] }, []],
  ])('%s', async (_what, request, ports) => {
    expect(await client.ports(request)).toEqual(ports);
  });

  it('gives what the JSON export gives', async () => {
    const exported = await bed.flows('first=100');
    const sent = await client.all({ first: true });
    expect(sent.filter((it) => it.flow !== undefined)).toEqual(exported);
    expect(sent[0]).toMatchObject({ node_status: { state_change: 'NODE_CONNECTED', node_names: ['node-a'] } });
  });

  it('is in order of time over the nodes', async () => {
    const other = await new FakeAgent(bed.hub).start({ node: 'node-b', session: 's2' });
    await other.deliver([flow({ source_port: 9, time_ns: 5e8 })], { at: BigInt(AT) * 1_000_000_000n });
    expect(await client.ports({})).toEqual([1, 9, 2, 3, 4, 5]);
    expect(await client.ports({ first: true, number: 2 })).toEqual([1, 9]);
    other.socket.terminate();
  });

  it('takes a field mask, also where older clients put it', async () => {
    for (const request of [
      { field_mask: { paths: ['source.pod_name'] } },
      { experimental: { field_mask: { paths: ['source.pod_name'] } } },
    ]) {
      expect((await client.all({ ...request, number: 1 }))[1]).toEqual({ flow: { source: { pod_name: 'web-1' } } });
    }
  });

  it('finds a flow by its UUID', async () => {
    const [, , second] = await client.all({});
    expect(await client.ports({ whitelist: [{ uuid: [second?.flow?.uuid ?? ''] }] })).toEqual([2]);
  });
});

describe('filters', () => {
  const L7 = { type: 7, capture: pack(HTTP_RESPONSE), flags: 3, source_port: 4 };
  beforeEach(async () => {
    const request = { type: 7, capture: pack(requestOf(HTTP_RESPONSE)), source_port: 5 };
    await agent.deliver([
      flow({ source_port: 1, interface: 7, tcp_flags: 0x12 }),
      flow({
        source_port: 2,
        flags: 3,
        destination_endpoint: 0,
        destination_identity: 2,
        destination: '2001:db8::1',
        family: 6,
      }),
      { ...DROP, source_port: 3, drop_reason: 133 },
      flow(L7),
      flow(request),
    ]);
  });

  it.each<[object, number[]]>([
    [{ source_ip: ['10.1.0.0/16'] }, [1, 2, 3, 4, 5]],
    [{ destination_ip: ['2001:db8:0::1'] }, [2]],
    [{ destination_pod: ['shop/ca'] }, [1, 4, 5]],
    [{ source_pod: ['web'] }, []],
    [{ source_pod: ['/'] }, [1, 2, 3, 4, 5]],
    [{ source_pod: ['shop/web/more'] }, [1, 2, 3, 4, 5]],
    [{ destination_service: ['shop/'] }, [1, 3, 5]],
    [{ source_service: ['shop/cart'] }, [2, 4]],
    [{ destination_workload: [{ kind: 'Deployment' }] }, [1, 4, 5]],
    [{ destination_workload: [{ name: 'web', kind: 'Deployment' }] }, []],
    [{ destination_cluster_name: ['default'] }, [1, 4, 5]],
    [{ source_cluster_name: ['def'] }, []],
    [{ destination_identity: [301] }, [1, 3, 4, 5]],
    [{ destination_label: ['reserved:world'] }, [2]],
    [{ verdict: ['DROPPED'] }, [3]],
    [{ drop_reason_desc: ['POLICY_DENIED'] }, [3]],
    [{ drop_reason_desc: [205] }, []],
    [{ traffic_direction: ['EGRESS'] }, [1, 2, 3, 4, 5]],
    [{ reply: [false] }, [1, 3, 5]],
    [{ event_type: [{ type: 1 }] }, [3]],
    [{ event_type: [{ type: 5 }] }, [3]],
    [{ event_type: [{ match_sub_type: true, sub_type: 133 }] }, [3]],
    [{ event_type: [{ type: 4, match_sub_type: true }] }, [1, 2]],
    [{ protocol: ['TCP'] }, [1, 2, 3, 4, 5]],
    [{ protocol: ['http', 'vrrp'] }, [4, 5]],
    [{ protocol: ['vrrp'] }, []],
    [{ ip_version: ['IPv6'] }, [2]],
    [{ tcp_flags: [{ SYN: true, ACK: true }] }, [1]],
    [{ tcp_flags: [{ SYN: true }] }, [1, 2, 3]],
    [{ interface: [{ index: 7 }] }, [1]],
    [{ interface: [{ name: 'eth0' }] }, []],
    [{ encrypted: [true] }, []],
    [{ encrypted: [false] }, [1, 2, 3, 4, 5]],
    [{ ip_trace_id: ['5'] }, []],
    [{ source_ip_xlated: ['10.0.0.1'] }, []],
    [{ node_name: ['default/node-*'] }, [1, 2, 3, 4, 5]],
    [{ node_labels: ['!zone'] }, [1, 2, 3, 4, 5]],
    [{ node_labels: ['zone'] }, []],
    [{ http_status_code: ['2+'] }, [4]],
    [{ http_method: ['get'] }, [4, 5]],
    [{ http_path: ['^/v1/pr'] }, [4, 5]],
    [{ http_header: [{ key: 'X-Request-Id', value: '0b7e' }] }, [4, 5]],
    [{ trace_id: ['4bf92f3577b34da6a3ce929d0e0e4736'] }, [4, 5]],
  ])('%j', async (filter, ports) => {
    expect(await client.ports({ whitelist: [filter] })).toEqual(ports);
    const rest = [1, 2, 3, 4, 5].filter((port) => !ports.includes(port));
    expect(await client.ports({ blacklist: [filter] })).toEqual(rest);
  });
});

describe('a bad request', () => {
  it.each<[string, object, RegExp]>([
    ['first with follow', { first: true, follow: true }, /^first cannot be specified with follow$/],
    ['an expression', { whitelist: [{ http_url: ['('] }] }, /"http_url" has the value "\("/],
    ['an expression that would take long', { blacklist: [{ dns_query: [`(a{1000}){1000}`] }] }, /"dns_query"/],
    ['a port', { whitelist: [{ source_port: ['99999'] }] }, /"source_port" has the value "99999"/],
    ['an address', { blacklist: [{ source_ip: ['10.0.0.300'] }] }, /"source_ip"/],
    ['an empty pod', { whitelist: [{ source_pod: [''] }] }, /"source_pod" has an empty value/],
    ['a selector', { whitelist: [{ source_label: ['a in b'] }] }, /"source_label"/],
    ['a protocol', { whitelist: [{ protocol: ['gopher'] }] }, /"protocol"/],
    ['CEL', { whitelist: [{ experimental: { cel_expression: ['true'] } }] }, /cel_expression" is not supported/],
    [
      'HTTP of no messages',
      { whitelist: [{ http_path: ['/'], event_type: [{ type: 4 }] }] },
      /^filtering by http path/,
    ],
    ['many values', { whitelist: [{ uuid: Array.from({ length: 201 }, () => 'x') }] }, /more than 200 values/],
    ['many filters', { blacklist: Array.from({ length: 101 }, () => ({})) }, /more than 100 filters/],
    ['a mask', { field_mask: { paths: ['source.nothing'] } }, /"source.nothing"/],
    ['a time', { since: { seconds: '5', nanos: -1 } }, /"since" is no time/],
    ['a time out of range', { until: { seconds: '9223372036854775807' } }, /"until" is no time/],
  ])('%s', async (_what, request, details) => {
    expect(await failure(request)).toMatchObject({
      code: code.INVALID_ARGUMENT,
      details: expect.stringMatching(details),
    });
  });

  it.each([
    ['cut short', Buffer.of(0x32, 0x05, 0x01)],
    ['a length without end', Buffer.of(0x32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
    ['groups in groups', Buffer.alloc(100_000, 0x13)],
    ['noise', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('bytes that are no message: %s', async (_what, bytes) => {
    const { code: got, details } = await endOf(client.raw(bytes));
    expect({ got, details }).toMatchObject({
      got: code.INVALID_ARGUMENT,
      details: expect.stringMatching(/no message/),
    });
    expect(await client.health('')).toMatchObject({ status: 1 });
  });

  it('that is too large is refused before it is read', async () => {
    expect(await endOf(client.raw(Buffer.alloc(300_000)))).toMatchObject({ code: code.RESOURCE_EXHAUSTED });
  });
});

describe('GetFlows with follow', () => {
  it('has no history unless it is asked for, and goes on', async () => {
    await deliver(3);
    const plain = client.stream({ follow: true });
    const last = client.stream({ follow: true, number: 1 });
    const since = client.stream({ follow: true, since: at(1) });
    const seen = new Map([plain, last, since].map((stream) => [stream, [] as (number | undefined)[]]));
    for (const [stream, ports] of seen) {
      stream.on('error', () => undefined);
      stream.on('data', ({ flow: it }) => it !== undefined && ports.push(portOf(it)));
    }
    await vi.waitFor(() => expect([...seen.values()]).toEqual([[], [3], [2, 3]]), 5000);
    await agent.deliver([flow({ source_port: 7 }), { ...DROP, source_port: 8 }]);
    const all = [
      [7, 8],
      [3, 7, 8],
      [2, 3, 7, 8],
    ];
    await vi.waitFor(() => expect([...seen.values()]).toEqual(all), 5000);
    expect(bed.hub.state.grpc?.streams).toBe(3);
    for (const stream of seen.keys()) stream.cancel();
    await vi.waitFor(() => expect(bed.hub.state.grpc?.streams).toBe(0), 5000);
  });

  it('tells what happens to nodes, and what was lost', async () => {
    const stream = client.stream({ follow: true });
    const statusOf = (change: string) => nextAnswer(stream, (it) => it.node_status?.state_change === change);
    expect((await statusOf('NODE_CONNECTED')).node_status?.node_names).toEqual(['node-a']);
    const lost = nextAnswer(stream, (it) => it.lost_events !== undefined);
    const node = bed.hub.state.nodes.get('node-a');
    const before = node?.lost;
    vi.spyOn(node!, 'lost', 'get').mockReturnValue({ ...before!, ring: 12 });
    expect(await lost).toMatchObject({
      lost_events: { source: 'PERF_EVENT_RING_BUFFER', num_events_lost: '12' },
      node_name: 'node-a',
    });
    const gone = statusOf('NODE_UNAVAILABLE');
    agent.socket.terminate();
    expect((await gone).node_status?.node_names).toEqual(['node-a']);
    stream.on('error', () => undefined);
    stream.cancel();
  });

  it('tells what was overwritten before it could be sent', async () => {
    const { store } = bed.hub.state;
    // Far more than lies between hub and client, so the rest waits while the store fills up.
    const total = 5000;
    await deliver(total);
    const stream = client.stream({});
    stream.pause();
    await vi.waitFor(() => expect(bed.hub.state.grpc?.flows).toBeGreaterThan(50), 5000);
    const source = store.extents(1, 2)[0]!.source;
    const count = Math.ceil(store.capacityBytes / source.recordSize);
    const bytes = Buffer.alloc(count * source.recordSize);
    store.append(source, {
      bytes,
      count,
      firstSequence: total,
      offsets: null,
      clockOffsetNs: 0n,
      minTime: 0,
      maxTime: 0,
    });
    let flows = 0;
    let lost = 0;
    for await (const answer of stream) {
      if (answer.flow !== undefined) flows += 1;
      lost += Number(answer.lost_events?.num_events_lost ?? 0);
    }
    expect(flows + lost).toBe(total);
    expect(lost).toBeGreaterThan(0);
  });

  it('ends with UNAVAILABLE when the hub stops', async () => {
    const stream = client.stream({ follow: true });
    await nextAnswer(stream, (it) => it.node_status !== undefined);
    const ended = endOf(stream);
    await bed.hub.close();
    expect((await ended).code).toBe(code.UNAVAILABLE);
  });
});

describe('the other methods', () => {
  beforeEach(() => deliver(3));

  it('ServerStatus', async () => {
    const answer = await client.unary('ServerStatus', {}, 'observer.ServerStatusResponse');
    expect(answer).toMatchObject({ num_flows: '3', seen_flows: '3', num_connected_nodes: 1, num_unavailable_nodes: 0 });
    expect(answer['version']).toBe('spyglass v0.1.0');
    expect(Number(answer['max_flows'])).toBeGreaterThan(10_000);
    expect(Number(answer['uptime_ns'])).toBeGreaterThan(0);
  });

  it('GetNodes', async () => {
    const { nodes } = await client.unary('GetNodes', {}, 'observer.GetNodesResponse');
    expect(nodes).toMatchObject([
      { name: 'node-a', version: 'spyglass v0.1.0', state: 'NODE_CONNECTED', num_flows: '3', seen_flows: '3' },
    ]);
  });

  it('GetNamespaces', async () => {
    expect(await client.unary('GetNamespaces', {}, 'observer.GetNamespacesResponse')).toEqual({
      namespaces: [{ namespace: 'shop' }],
    });
  });

  it.each(['GetAgentEvents', 'GetDebugEvents'])('%s is not there, and says so', async (name) => {
    expect(await endOf(client.stream({}, name))).toMatchObject({
      code: code.UNIMPLEMENTED,
      details: expect.stringMatching(/ask for flows/),
    });
  });

  it('health, by the names that clients use', async () => {
    for (const service of ['', 'hubble.server.Observer'])
      expect(await client.health(service)).toMatchObject({ status: 1 });
    await expect(client.health('other')).rejects.toMatchObject({ code: code.NOT_FOUND });
  });

  it('the version of Hubble comes at once', async () => {
    const stream = client.stream({ follow: true });
    stream.on('error', () => undefined);
    const metadata = await new Promise<{ get(key: string): unknown[] }>((resolve) => stream.once('metadata', resolve));
    expect(metadata.get('hubble-server-version')).toEqual(['1.19.4']);
    stream.cancel();
  });

  it('status, readiness and metrics show the API', async () => {
    await client.all({});
    const { grpc } = await bed.status();
    expect(grpc).toEqual({ address: bed.hub.grpcAddress, tls: false, streams: 0 });
    const metrics = await (await bed.get('/metrics')).text();
    expect(metrics).toContain('spyglass_hub_grpc_calls_total{method="GetFlows",code="OK"} 1');
    expect(metrics).toContain('spyglass_hub_grpc_flows_total 3');
    expect((await bed.get('/readyz')).status).toBe(200);
    bed.hub.state.grpc!.address = null;
    expect((await bed.get('/readyz')).status).toBe(503);
  });
});
