/** Two hubs over one store: one of them writes a session, and the other goes on when it is told to. */
import { expect, test } from 'vitest';
import { type Archive, KIND } from '../../wire/agent.ts';
import { edgeCounters, kernelCounters, recordCounts } from '../testing/counter-fixtures.ts';
import { FakeAgent, flow } from '../testing/hub-bed.ts';
import { HistoryBed } from './testing/history-bed.ts';

const bed = new HistoryBed();
/** Tables are made before the first rows, which wait half a second for more. */
const SOON = { timeout: 20_000 };

/** Batches of the flows that are stored, and how many flows stand there twice. */
async function stored(): Promise<{ batches: number[]; twice: number }> {
  const rows = await bed.engine.rows<{ batch: string; sequence: string }>(
    'SELECT batch, sequence FROM flows ORDER BY sequence, batch',
  );
  const batches = new Set(rows.map(({ batch }) => Number(batch)));
  return { batches: [...batches], twice: rows.length - new Set(rows.map(({ sequence }) => sequence)).size };
}

test('a session is written by the hub that the agent named, and by the next one from where that ended', async () => {
  const kind = 'clickhouse';
  const [first, second] = [await bed.hub({ kind }), await bed.hub({ kind })];
  const agents = [await new FakeAgent(first).start(), await new FakeAgent(second).start()] as const;
  const name = (archive: Archive): void => {
    for (const agent of agents) agent.send(KIND.archive, archive);
  };
  const backlogOf = (hub: typeof first): number => hub.state.history?.writer.backlogBytes ?? -1;
  const counts = kernelCounters([edgeCounters(10)], { records: recordCounts() });

  name({ hub: first.state.id, durable: 0 });
  for (const agent of agents) for (let i = 0; i < 3; i++) agent.batch([flow(), flow()]);
  await expect.poll(stored, SOON).toEqual({ batches: [1, 2, 3], twice: 0 });
  expect(second.state.store.stored).toBe(6);
  expect(second.state.history?.writer.stats.rows).toBe(0);

  // The first is gone; that batch 1 is stored was the last that the agent heard of it.
  agents[0].socket.terminate();
  name({ hub: second.state.id, durable: 1 });
  agents[1].skip(-4);
  agents[1].batch([flow(), flow()], { number: 2 });
  agents[1].batch([flow(), flow()], { number: 3 });
  agents[1].batch([flow(), flow()], { number: 4 });
  agents[1].send(KIND.counters, counts);
  await expect.poll(stored, SOON).toEqual({ batches: [1, 2, 3, 4], twice: 0 });
  expect(second.state.store.stored).toBe(8);
  await expect.poll(() => second.state.history?.writer.stats.rows, SOON).toBe(2);

  // Told that another writes, it writes no more flows.
  name({ hub: 'a third one', durable: 4 });
  agents[1].batch([flow(), flow()]);
  await expect.poll(() => second.state.store.stored).toBe(10);
  await expect.poll(() => backlogOf(second), SOON).toBe(0);
  expect(await stored()).toEqual({ batches: [1, 2, 3, 4], twice: 0 });
  name({ hub: second.state.id, durable: 4 });
  agents[1].skip(-2);
  agents[1].batch([flow(), flow()], { number: 5 });
  await expect.poll(stored, SOON).toEqual({ batches: [1, 2, 3, 4, 5], twice: 0 });

  // Nothing was lost on the way from one to the other.
  await second.close();
  const [{ lost } = { lost: '' }] = await bed.engine.rows<{ lost: string }>(
    'SELECT sum(lost_transit) AS lost FROM node_1m',
  );
  expect(Number(lost)).toBe(0);
}, 60_000);

test('a hub with a store of its own writes what it hears, whoever else does', async () => {
  const hub = await bed.hub();
  const agent = new FakeAgent(hub);
  expect(await agent.hello()).toMatchObject({ archives: false });
  agent.send(KIND.archive, { hub: 'another', durable: 0 } satisfies Archive);
  await agent.deliver([flow()]);
  expect(await stored()).toEqual({ batches: [1], twice: 0 });
}, 60_000);
