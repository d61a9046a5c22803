/** Each way to lose a record happens, and the ledger finds exactly it. */
import { describe, expect, it } from 'vitest';
import { KIND, type RecordCounts } from '../wire/agent.ts';
import type { PolicyList } from '../wire/policies.ts';
import type { LossReport, RecordBalance } from '../wire/status.ts';
import { kernelCounters, recordCounts } from './testing/counter-fixtures.ts';
import { FakeAgent, flow, HubBed } from './testing/hub-bed.ts';

const bed = new HubBed();
const NOTHING_LOST = { records: 0, ring: 0, buffer: 0, agent: 0, transit: 0 };

const flows = (count: number) => Array.from({ length: count }, () => flow());

async function report(query = ''): Promise<LossReport> {
  return (await (await bed.get(`/api/v1/loss${query}`)).json()) as LossReport;
}

/** Tells the hub the counts, and waits until it knows. @returns the balance since the start. */
async function balance(agent: FakeAgent, counts: Partial<RecordCounts>): Promise<RecordBalance> {
  agent.send(KIND.counters, kernelCounters([], { records: recordCounts(counts) }));
  // What follows on the connection has been handled after it.
  await agent.deliver([]);
  const { total, nodes } = await report();
  expect(nodes).toEqual([{ node: 'node-a', ...total }]);
  return total;
}

describe('GET /api/v1/loss', () => {
  it('accounts for records that arrived, and for those that wait', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver(flows(10));
    const total = await balance(agent, { produced: 13, waiting: 3, handed: 10 });
    expect(total).toMatchObject({ produced: 13, received: 10, waiting: 3, unexplained: 0, exact: true });
    expect(total.lost).toEqual(NOTHING_LOST);
    expect((await bed.status()).flows).toMatchObject({ received: 10, exact: true });
  });

  it.each<[string, Partial<RecordCounts>, Partial<RecordBalance>]>([
    ['no room in the ring', { produced: 17, ring: 7 }, { lost: { ...NOTHING_LOST, records: 7, ring: 7 } }],
    [
      'no room in the agent',
      { produced: 15, buffer: 5, skipped: 5 },
      { lost: { ...NOTHING_LOST, records: 5, buffer: 5 } },
    ],
    ['received by another hub only', { produced: 14, skipped: 4 }, { elsewhere: 4 }],
    [
      'some received by another hub',
      { produced: 16, skipped: 6, buffer: 2 },
      { elsewhere: 4, lost: { ...NOTHING_LOST, records: 2, buffer: 2 } },
    ],
    ['gone on the way', { produced: 13, handed: 13 }, { lost: { ...NOTHING_LOST, records: 3, transit: 3 } }],
    ['in no account', { produced: 12 }, { unexplained: 2 }],
  ])('finds what is %s', async (_what, counts, found) => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver(flows(6));
    agent.skip((counts.produced ?? 0) - 10 - (counts.ring ?? 0));
    await agent.deliver(flows(4));
    const total = await balance(agent, { handed: 10, ...counts });
    expect(total).toMatchObject({
      produced: counts.produced,
      received: 10,
      elsewhere: 0,
      lost: NOTHING_LOST,
      waiting: 0,
      unexplained: 0,
      ...found,
    });
    expect((await bed.status()).lost).toEqual(total.lost);
    const policies = (await (await bed.get('/api/v1/policies')).json()) as PolicyList;
    expect(policies.exact).toBe(total.unexplained !== 0);
    if (total.unexplained === 0) expect((await bed.status()).flows.exact).toBe(false);
  });

  it('finds what an agent held that ended', async () => {
    const first = await new FakeAgent(bed.hub).start();
    await first.deliver(flows(10));
    await balance(first, { produced: 12, waiting: 2, handed: 10 });
    await first.deliver(flows(1));
    first.socket.terminate();
    // 30 were taken out of the ring before the next agent began: 19 of them, nobody has seen.
    const next = await new FakeAgent(bed.hub).start({ session: 's2' });
    await next.deliver(flows(3));
    const total = await balance(next, { produced: 3, handed: 3, taken_before: 30 });
    // Messages that it held, too, nobody can count.
    expect(total).toMatchObject({ produced: 33, received: 14, waiting: 0, unexplained: 0, exact: false });
    expect(total.lost).toEqual({ ...NOTHING_LOST, records: 19, agent: 19 });
  });

  it('loses nothing when an agent stops in order', async () => {
    const first = await new FakeAgent(bed.hub).start();
    await first.deliver(flows(10));
    await balance(first, { produced: 12, ring: 2, handed: 10 });
    first.socket.close();
    const next = await new FakeAgent(bed.hub).start({ session: 's2' });
    const total = await balance(next, { produced: 5, waiting: 5, taken_before: 10 });
    expect(total).toMatchObject({ produced: 17, received: 10, waiting: 5, unexplained: 0, exact: true });
    expect(total.lost).toEqual({ ...NOTHING_LOST, records: 2, ring: 2 });
  });

  it('finds what memory had no room for', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    const batch = flows(4000);
    for (let i = 0; i < 8; i++) await agent.deliver(batch);
    bed.hub.state.tick(Date.now());
    const { overwritten, received } = await balance(agent, { produced: 32_000, handed: 32_000 });
    const { flows: status } = await bed.status();
    expect(status.overwritten).toBeGreaterThan(1000);
    expect({ overwritten, received }).toEqual({ overwritten: status.overwritten, received: 32_000 });
  });

  it('sums up a window, which is exact only if all of it was watched', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    await agent.deliver(flows(10));
    await balance(agent, { produced: 12, ring: 2, handed: 10 });
    // From its first counts on, and in the second of these or before those that follow.
    const since = new Date().toISOString();
    await agent.deliver(flows(5));
    await balance(agent, { produced: 20, ring: 5, handed: 15 });
    const within = await report('?since=30s');
    expect(within.total).toMatchObject({ produced: 20, received: 15, lost: { ring: 5 }, unexplained: 0 });
    // Nobody watched before the hub began.
    expect(within.window.exact).toBe(false);
    const last = await report(`?since=${since}`);
    expect(last.window.exact).toBe(true);
    expect(last.total.exact).toBe(true);
    agent.socket.terminate();
    await expect.poll(async () => (await bed.status()).nodes.connected).toBe(0);
    bed.hub.state.tick(Date.now());
    expect((await report(`?since=${since}`)).nodes).toMatchObject([{ node: 'node-a', exact: false }]);
  });

  it('does not count as one second of traffic what it did not watch', async () => {
    const agent = await new FakeAgent(bed.hub).start();
    agent.skip(1000);
    await agent.deliver(flows(1), { number: 50 });
    const total = await balance(agent, { produced: 1001, skipped: 1000, handed: 1 });
    expect(total).toMatchObject({ produced: 1001, elsewhere: 1000, exact: false });
    expect((await report('?since=5s')).total).toMatchObject({ produced: 0, elsewhere: 0, exact: false });
  });

  it.each(['?since=20m', '?until=x', '?node=a'])('refuses %s', async (query) => {
    expect((await bed.get(`/api/v1/loss${query}`)).status).toBe(400);
  });
});
