/** History outlives hubs that are killed at any moment: what an agent was told is held for good is there, once. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unpack } from 'msgpackr';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RecordFields, writeRecord } from '../../server/flows/record-writer.ts';
import { storeSocket } from '../../server/hub/history/chdb/store-messages.ts';
import { StoreProcess } from '../../server/hub/history/chdb/store-process.ts';
import { ClickHouse } from '../../server/hub/history/clickhouse.ts';
import { FakeAgent, flow } from '../../server/hub/testing/hub-bed.ts';
import { type Ack, KIND } from '../../server/wire/agent.ts';
import { RECORD_LAYOUT } from '../../server/wire/record-layout.gen.ts';

const ROUNDS = 5;
const BATCHES_A_ROUND = 400;
const RECORDS = 40;
const AT = 1_700_000_000_000_000_000n;

let folder: string;
let hub: Hub | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spyglass-history-'));
});
afterEach(async () => {
  await hub?.kill();
  rmSync(folder, { recursive: true, force: true });
});

it('has what was acknowledged, though the hub is killed again and again', { timeout: 90_000 }, async () => {
  let acknowledged = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    hub = await Hub.start(folder);
    const agent = await connect(hub, acknowledged);
    const until = round * BATCHES_A_ROUND;
    const acks = listen(agent);
    for (let number = acknowledged + 1; number <= until; number++) {
      agent.batch(batch(number), { number, at: AT });
      if (number % 20 === 0) await sleep(10);
    }
    if (round < ROUNDS) {
      // Some of it is stored, some on its way, some not sent yet.
      await sleep(120 * round);
      acknowledged = acks.batch;
      await hub.kill();
    } else {
      while (acks.batch < until) await sleep(20);
      await hub.stop();
    }
  }
  const all = Array.from({ length: ROUNDS * BATCHES_A_ROUND }, (_, i) => batch(i + 1)).flat();
  const expected = all.map((fields, i) =>
    writeRecord(RECORD_LAYOUT, { time_ns: i % RECORDS, ...fields }).toString('hex'),
  );
  expect(await stored()).toEqual(expected);
});

/** All different. */
function batch(number: number): RecordFields[] {
  return Array.from({ length: RECORDS }, (_, i) => flow({ connection_id: number * RECORDS + i }));
}

/** An agent that has forgotten what was acknowledged as held for good, which is the least it may keep. */
async function connect(to: Hub, acknowledged: number): Promise<FakeAgent> {
  const agent = await new FakeAgent(to).start();
  agent.skip(acknowledged * RECORDS);
  return agent;
}

/** The newest acknowledgment. */
function listen(agent: FakeAgent): { batch: number } {
  const newest = { batch: 0 };
  agent.socket.on('message', (data: Buffer) => {
    if (data[0] === KIND.ack) newest.batch = (unpack(data.subarray(1)) as Ack).batch;
  });
  return newest;
}

/** Records in their order; of one place all there are. */
async function stored(): Promise<string[]> {
  const store = new StoreProcess(folder, pino({ level: 'silent' }));
  await store.started();
  const at = { socketPath: storeSocket(folder) };
  const client = new ClickHouse({ name: 'the store', at, database: 'spyglass', user: '', password: '' });
  try {
    const rows = await client.rows<{ record: string }>(
      'SELECT lower(hex(record)) AS record FROM flows ORDER BY sequence',
    );
    return rows.map(({ record }) => record);
  } finally {
    client.close();
    await store.stop();
  }
}

class Hub {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  static async start(history: string): Promise<Hub> {
    const args = ['hub', '--listen', '127.0.0.1:0', '--grpc-listen', 'off', '--store', `chdb:${history}`];
    const child = spawn(process.execPath, ['dist/server/cli/main.js', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const url = await new Promise<string>((resolve, reject) => {
      let printed = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(printed);
        if (found) resolve(found[0]);
      });
      child.once('exit', (code) => reject(new Error(`the hub ended with status ${String(code)}: ${said}`)));
    });
    return new Hub(url, child);
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }
}
