/** Messages of applications through a real hub: what agents send, and what readers and pages get of it. */
import { pack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { KIND } from '../wire/agent.ts';
import { MAX_MESSAGE_BYTES } from '../wire/l7.ts';
import type { L7Table } from '../wire/l7-table.ts';
import type { ServiceMap } from '../wire/service-map.ts';
import { DNS_RESPONSE, HTTP_RESPONSE, requestOf } from '../flows/l7/testing/messages.ts';
import { FakeAgent, flow, HubBed, LiveClient } from './testing/hub-bed.ts';
import { edgeCounters, kernelCounters } from './testing/counter-fixtures.ts';
import { l7Flow, l7Report, l7Series } from './testing/l7-fixtures.ts';

const bed = new HubBed();
const EXCHANGE = [l7Flow(requestOf(HTTP_RESPONSE)), l7Flow(HTTP_RESPONSE)];

async function table(query: string): Promise<L7Table> {
  return (await (await bed.get(`/api/v1/l7?${query}`)).json()) as L7Table;
}

describe('flows with messages', () => {
  it('are found by what they say', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow(), ...EXCHANGE, l7Flow(DNS_RESPONSE)]);
    expect(await bed.flows('type=l7')).toHaveLength(3);
    expect(await bed.flows('http-status=2xx')).toMatchObject([
      { flow: { l7: { type: 'RESPONSE', http: { code: 200 } } } },
    ]);
    expect(await bed.flows('http-path=^/v1/&reply=false')).toMatchObject([{ flow: { l7: { type: 'REQUEST' } } }]);
    expect(await bed.flows('dns-query=example')).toMatchObject([{ flow: { l7: { dns: { rrtypes: ['A'] } } } }]);
    expect((await bed.get('/api/v1/flows?type=drop&http-method=GET')).status).toBe(400);
  });

  it('are found in a full store of packets', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([...EXCHANGE, ...Array.from({ length: 5000 }, () => flow())]);
    expect(await bed.flows('http-method=GET&first=10')).toHaveLength(2);
    expect(await bed.flows('http-method=GET&last=10')).toHaveLength(2);
    expect(await bed.flows('http-method=GET&last=1')).toMatchObject([{ flow: { is_reply: true } }]);
  });

  it('that cannot be read are flows all the same, and are counted', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow({ type: 7, capture: Buffer.from([0xc1, 0xff]) })]);
    const [line] = await bed.flows('type=l7');
    expect(line?.flow).not.toHaveProperty('l7');
    expect(await (await bed.get('/metrics')).text()).toContain('spyglass_hub_unreadable_messages_total 1');
  });

  it('too large for a message close the connection', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    agent.batch([flow({ type: 7, capture: Buffer.alloc(MAX_MESSAGE_BYTES + 1) })]);
    expect((await agent.closed()).reason).toMatch(/message of 32769 bytes/);
  });

  it('name the world', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    agent.send(KIND.l7, l7Report([], { names: [{ address: '203.0.113.7', name: 'pay.example.net.' }] }));
    await agent.deliver([flow({ destination: '203.0.113.7', destination_endpoint: 0, destination_identity: 2 })]);
    expect(await bed.flows('to-fqdn=*.example.net')).toMatchObject([
      { flow: { destination_names: ['pay.example.net'] } },
    ]);
  });
});

describe('GET /api/v1/l7', () => {
  it('shows what agents counted, and the map shows it on its edges', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow()]);
    agent.send(KIND.counters, kernelCounters([edgeCounters(4)]));
    agent.send(KIND.l7, l7Report([l7Series(4)]));
    agent.send(KIND.counters, kernelCounters([edgeCounters(10)]));
    agent.send(KIND.l7, l7Report([l7Series(10, 3, { errors: 1 })]));
    await agent.deliver([flow()]);
    expect((await table('since=30s')).rows).toMatchObject([
      { source: 'shop/Deployment/web', target: 'shop/Deployment/cart', requests: 10, error_share: 0.1, exact: true },
    ]);
    expect((await table('since=30s&protocol=redis')).rows).toEqual([]);
    const map = (await (await bed.get('/api/v1/service-map?since=30s')).json()) as ServiceMap;
    expect(map.edges).toMatchObject([{ l7: { protocol: 'http', requests: 10, errors: 1, exact: true } }]);
    const text = await (await bed.get('/metrics')).text();
    const labels = 'source="shop/web",destination="shop/cart",protocol="http",reporter="client"';
    expect(text).toContain(`spyglass_l7_requests_total{${labels}} 10`);
    expect(text).toContain(`spyglass_l7_errors_total{${labels}} 1`);
    expect(text).toContain(`spyglass_l7_latency_seconds_bucket{le="0.0025",${labels}} 0`);
    expect(text).toContain(`spyglass_l7_latency_seconds_bucket{le="0.005",${labels}} 10`);
    expect(text).toContain(`spyglass_l7_latency_seconds_count{${labels}} 10`);
  });

  it('goes to pages each second', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver([flow()]);
    const client = new LiveClient(bed.hub);
    await client.subscribe({ l7: { group: 'workload', window_s: 60 } });
    expect((await client.next('l7')).table.rows).toEqual([]);
    agent.send(KIND.l7, l7Report([l7Series(4)]));
    await agent.deliver([flow()]);
    let rows: L7Table['rows'] = [];
    while (rows.length === 0) ({ rows } = (await client.next('l7')).table);
    expect(rows).toMatchObject([{ route: 'GET /v1/price', requests: 4 }]);
    await client.subscribe({ map: { group: 'workload', window_s: 60, filter: { protocol: ['http'] } } });
    expect((await client.next('error')).detail).toMatch(/The map counts packets/);
  });

  it.each(['group=team', 'since=20m', 'http-status=200', 'ip=10.0.0.1'])('refuses %s', async (query) => {
    expect((await bed.get(`/api/v1/l7?${query}`)).status).toBe(400);
  });

  it('leaves the map nothing to guess: protocols of applications are refused there', async () => {
    expect((await bed.get('/api/v1/service-map?protocol=http')).status).toBe(400);
    expect((await bed.get('/api/v1/service-map?protocol=tcp')).status).toBe(200);
  });
});

describe('reports of series', () => {
  it.each([
    ['no report', { series: 1 }, /malformed at "time_ns"/],
    ['a negative count', l7Report([l7Series(1, 1, { requests: -1 })]), /malformed at "series.0.requests"/],
    [
      'a bucket beyond the last',
      l7Report([l7Series(1, 1, { latency: [[5000, 1]] })]),
      /malformed at "series.0.latency/,
    ],
    ['a route without end', l7Report([l7Series(1, 1, { route: 'x'.repeat(5000) })]), /malformed at "series.0.route"/],
    [
      'too many codes',
      l7Report([l7Series(1, 1, { codes: Array.from({ length: 257 }, (_, i) => [`${i}`, 1]) })]),
      /codes/,
    ],
  ])('that are %s close the connection', async (_what, report, reason) => {
    const agent = await new FakeAgent(bed.hub).start();
    agent.send(KIND.l7, report);
    const closed = await agent.closed();
    expect(closed.code).toBe(1002);
    expect(closed.reason).toMatch(reason);
    expect(await (await bed.get('/metrics')).text()).toContain('spyglass_hub_protocol_errors_total{fault="l7"} 1');
  });
});

it('metrics count messages under the names of Hubble', async () => {
  const agent = await new FakeAgent(bed.hub).start();
  const odd = { ...HTTP_RESPONSE, http: { ...HTTP_RESPONSE.http!, method: 'BREW' } };
  await agent.deliver([...EXCHANGE, l7Flow(requestOf(DNS_RESPONSE)), l7Flow(DNS_RESPONSE), l7Flow(odd)]);
  await agent.deliver([
    flow({ type: 7, capture: pack({ kind: 'REQUEST', protocol: 'redis', route: 'GET', redis: { command: 'GET' } }) }),
  ]);
  const text = await (await bed.get('/metrics')).text();
  for (const line of [
    'hubble_flows_processed_total{protocol="HTTP",type="L7",subtype="HTTP",verdict="FORWARDED"} 3',
    'hubble_flows_processed_total{protocol="Unknown L7",type="L7",subtype="",verdict="FORWARDED"} 1',
    'hubble_http_requests_total{method="GET",protocol="HTTP/1.1",reporter="server"} 1',
    'hubble_http_responses_total{method="GET",protocol="HTTP/1.1",status="200",reporter="server"} 1',
    'hubble_http_responses_total{method="other",protocol="HTTP/1.1",status="200",reporter="server"} 1',
    'hubble_http_request_duration_seconds_bucket{le="0.005",method="GET",reporter="server"} 1',
    'hubble_http_request_duration_seconds_bucket{le="+Inf",method="GET",reporter="server"} 1',
    'hubble_http_request_duration_seconds_sum{method="GET",reporter="server"} 0.003214',
    'hubble_dns_queries_total{rcode="",qtypes="A",ips_returned="0"} 1',
    'hubble_dns_responses_total{rcode="No Error",qtypes="A",ips_returned="1"} 1',
    'hubble_dns_response_types_total{type="A",qtypes="A"} 1',
  ]) {
    expect(text).toContain(line);
  }
});
