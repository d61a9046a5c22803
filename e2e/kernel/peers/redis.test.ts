/** Redis: what the server has counted is what we saw. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useOneProcessor } from '../one-processor.ts';
import { World } from '../world.ts';
import { Listener, tally } from '../listener.ts';
import { Redis } from './redis.ts';

const VIP = '10.96.0.10';
let world: World;
let redis: Redis;
let listener: Listener;

beforeAll(async () => {
  useOneProcessor();
  world = await World.create();
  await world.addPods('client', 'server');
  world.setService('cache', [VIP, 'fd96::10'], 6379, 6379, 'TCP', ['server']);
  redis = await Redis.start(world, 'server');
  listener = new Listener(world);
});
afterAll(async () => {
  expect(listener.faults).toEqual([]);
  listener[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

test.each([
  ['IPv4', VIP],
  ['IPv6', 'fd96::10'],
])('%s: commands one by one, pipelined, in transactions; errors by their word; no argument leaves', (_, address) => {
  listener.messages();
  redis.run(['redis-cli', 'config', 'resetstat']);
  const cli = (...args: string[]): void => {
    world.succeeds('client', 'redis-cli', '-h', address, ...args);
  };
  cli('set', 'secret-key', 'secret-value');
  cli('get', 'secret-key');
  cli('incr', 'secret-key'); // no number: ERR
  cli('lpush', 'secret-key', '1'); // no list: WRONGTYPE
  cli('nosuchcommand', 'x');
  cli('config', 'get', 'maxmemory');
  cli('eval', "redis.call('set','k','v') return {1,{2,3},'four'}", '0');
  const feed = (name: string, content: string, flag = ''): void => {
    writeFileSync(redis.path(name), content);
    world.exec('client', 'sh', '-c', `redis-cli -h ${address} ${flag} < ${redis.path(name)}`);
  };
  const script = ['multi', 'set a 1', 'incr a', 'exec', 'hset h f secret-value', 'hgetall h', 'ping'];
  feed('script', script.map((it) => `${it}\n`).join(''));
  // As many at once as fit into what is captured of a packet.
  feed('few', Array.from({ length: 20 }, (_, i) => resp('set', `key:${i}`, 'v')).join(''), '--pipe');

  const messages = listener.messages('redis');
  expect(JSON.stringify(messages)).not.toContain('secret-');
  const { calls, errors } = redis.counted();
  const answers = messages.filter((it) => it.kind === 'RESPONSE');
  const failed = answers.flatMap((it) => (it.redis?.error ? [it.redis.error] : []));
  expect(tally(failed)).toEqual(errors);
  const counted = tally(answers.map((it) => (it.redis?.command ?? '').toLowerCase().replace(' ', '|')));
  // What the server did not know it did not count; set within the script it did count.
  delete counted['nosuchcommand'];
  counted['set'] = (counted['set'] ?? 0) + 1;
  const known = Object.fromEntries(
    Object.entries(calls).filter(([name]) => !['config|resetstat', 'info'].includes(name)),
  );
  expect(counted).toEqual(known);
});

test('of a pipeline beyond what is captured, what is told is right, and the rest is a gap', () => {
  listener.messages();
  redis.run(['redis-cli', 'config', 'resetstat']);
  const commands = Array.from({ length: 500 }, (_, i) => resp('set', `key:${i}`, 'v'.repeat(1 + i * 20)));
  writeFileSync(redis.path('many'), [...commands, resp('lpush', 'key:1', 'x')].join(''));
  world.exec('client', 'sh', '-c', `redis-cli -h ${VIP} --pipe < ${redis.path('many')}; redis-cli -h ${VIP} get key:1`);
  const answers = listener.messages('redis').filter((it) => it.kind === 'RESPONSE');
  const { calls } = redis.counted();
  const seen = tally(answers.map((it) => it.redis?.command ?? ''));
  expect(calls['set']).toBe(500);
  expect(seen['SET']).toBeLessThan(500);
  expect(seen['GET']).toBe(1);
  // The one that failed is the only one that can have an error, if it was seen.
  expect(answers.filter((it) => it.redis?.error && it.redis.command !== 'LPUSH')).toEqual([]);
  expect(listener.losses.gaps).toBeGreaterThan(0);
});

/** A command as clients send it: an array of bulk strings. */
function resp(...words: string[]): string {
  return `*${words.length}\r\n${words.map((it) => `$${it.length}\r\n${it}\r\n`).join('')}`;
}
