/** DNS: what dnsmasq has logged, and dig got, is what we saw. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useOneProcessor } from '../one-processor.ts';
import { World } from '../world.ts';
import { Dnsmasq } from './dnsmasq.ts';
import { Listener, tally } from '../listener.ts';

let world: World;
let dns: Dnsmasq;
let listener: Listener;

beforeAll(async () => {
  useOneProcessor();
  world = await World.create();
  await world.addPods('client', 'server');
  for (const protocol of ['TCP', 'UDP'] as const)
    world.setService(`dns-${protocol.toLowerCase()}`, ['10.96.0.10', 'fd96::10'], 53, 53, protocol, ['server']);
  dns = await Dnsmasq.start(world, 'server');
  listener = new Listener(world);
});
afterAll(async () => {
  expect(listener.faults).toEqual([]);
  listener[Symbol.dispose]();
  await dns[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const ASKED = [
  ['www.shop.test', 'A'],
  ['www.shop.test', 'AAAA'],
  ['real.shop.test', 'A'],
  ['_http._tcp.shop.test', 'SRV'],
  ['6.8.9.10.in-addr.arpa', 'PTR'],
  ['text.shop.test', 'TXT'],
  ['nothing.test', 'A'],
] as const;

test.each([
  ['UDP', '10.96.0.10', '+notcp'],
  ['UDP', 'fd96::10', '+notcp'],
  ['TCP', '10.96.0.10', '+tcp'],
  ['TCP', 'fd96::10', '+tcp'],
] as const)('over %s to %s', (transport, address, flag) => {
  listener.messages();
  const from = dns.queries().length;
  const output = ASKED.map(([name, type]) => world.exec('client', 'dig', `@${address}`, flag, name, type));
  const messages = listener.messages('dns');
  expect(tally(messages.map((it) => it.kind))).toEqual({ REQUEST: ASKED.length, RESPONSE: ASKED.length });
  const questions = messages
    .filter((it) => it.kind === 'REQUEST')
    .map((it) => `${it.dns?.qtypes.join()} ${it.dns?.query.replace(/\.$/, '')}`);
  expect(questions).toEqual(dns.queries().slice(from));
  const answers = messages.filter((it) => it.kind === 'RESPONSE');
  for (const [i, text] of output.entries()) {
    const status = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 }[/status: (\w+)/.exec(text)?.[1] ?? ''];
    const ips = Array.from(
      (/ANSWER SECTION:\n(.*?)\n\n/s.exec(text)?.[1] ?? '').matchAll(/^\S+\s+\d+\s+IN\s+(?:A|AAAA)\s+(\S+)$/gm),
      ([, ip]) => ip,
    );
    const found = answers[i]?.dns;
    expect(found).toMatchObject({ transport, rcode: status });
    expect(found?.ips ?? []).toEqual(ips);
    if (ips.length > 0) expect(found?.ttl).toBeTypeOf('number');
    expect(answers[i]?.is_error ?? false).toBe(status === 2 || status === 5);
    expect(answers[i]?.latency_ns).toBeGreaterThan(0);
  }
  expect(answers[0]?.dns?.cnames?.map((it) => it.replace(/\.$/, ''))).toEqual(['real.shop.test']);
  expect(listener.losses).toMatchObject({ gaps: 0, malformed: 0 });
});
