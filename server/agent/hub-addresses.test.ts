import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HubAddresses, type Lookup } from './hub-addresses.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Follows the URLs for some rounds; each look-up of `names` gives the next of its answers, the last one from then on. */
async function follow(urls: string[], names: Record<string, (string[] | Error)[]>, rounds: number) {
  const found: string[] = [];
  const failed: string[] = [];
  const lookup: Lookup = (host) => {
    const answers = names[host] ?? [];
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? new Error(`no ${host}`);
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve(answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
  };
  using addresses = new HubAddresses(
    urls,
    {
      found: (all) => found.push(all.map(({ url, ip, family }) => `${url} ${ip} ${family}`).join()),
      failed: (url, reason) => failed.push(`${url}: ${reason}`),
    },
    lookup,
    1000,
  );
  await vi.advanceTimersByTimeAsync(rounds * 1000 - 500);
  expect(addresses).toBeDefined();
  return { found, failed };
}

test('a name stands for all its addresses, and is followed', async () => {
  const answers = [['10.0.0.1'], ['10.0.0.1', 'fd00::2'], ['fd00::2']];
  const { found, failed } = await follow(['ws://hub:12000'], { hub: answers }, 3);
  const [one, two] = ['ws://hub:12000 10.0.0.1 4', 'ws://hub:12000 fd00::2 6'];
  expect(found).toEqual([one, `${one},${two}`, two]);
  expect(failed).toEqual([]);
});

test('addresses stay while a name cannot be found; one that never was is told once', async () => {
  const names = { a: [['10.0.0.1'], new Error('gone')], b: [new Error('unknown'), new Error('unknown'), ['10.0.0.2']] };
  const { found, failed } = await follow(['ws://a:1', 'ws://b:1'], names, 4);
  expect(found).toEqual([
    ...Array(2).fill('ws://a:1 10.0.0.1 4'),
    ...Array(2).fill('ws://a:1 10.0.0.1 4,ws://b:1 10.0.0.2 4'),
  ]);
  expect(failed).toEqual(['ws://b:1: unknown']);
});

test('an address in brackets is looked up without them', async () => {
  expect((await follow(['ws://[::1]:12000'], { '::1': [['::1']] }, 1)).found).toEqual(['ws://[::1]:12000 ::1 6']);
});
