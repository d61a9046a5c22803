/** The annotation spyglass.io/l7 at either end of a connection, also when it changes; and the node's own setting. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Conversation } from './conversation.ts';
import { TestBed } from './test-bed.ts';

const REQUEST = 'GET / HTTP/1.1\r\n\r\n';
const ANSWER = 'HTTP/1.1 200 OK\r\n\r\n';
let bed: TestBed;
let nextPort = 20_000;

beforeAll(async () => {
  bed = await TestBed.create('l7m');
});
afterAll(() => bed[Symbol.dispose]());
beforeEach(() => {
  annotate('client', undefined);
  annotate('one', undefined);
});

function annotate(pod: string, l7: string | undefined): void {
  bed.annotate(pod, l7 === undefined ? {} : { 'spyglass.io/l7': l7 });
}

/** The modes of what is captured of one exchange. */
function modes(it: Conversation): string[] {
  it.send('client', REQUEST);
  it.send('server', ANSWER);
  return it.captures().map((one) => `${one.isReply ? 'answer' : 'request'} ${one.mode}`);
}

const both = (mode: string): string[] => [`request ${mode}`, `answer ${mode}`];

describe.each([
  ['IPv4', false],
  ['IPv6', true],
])('%s', (_, v6) => {
  test.each([
    [undefined, undefined, both('METADATA')],
    [undefined, 'full', both('FULL')],
    ['full', undefined, both('METADATA')],
    ['full', 'full', both('FULL')],
    ['off', 'full', []],
    ['full', 'off', []],
    ['off', 'off', []],
    ['anything', 'else', both('METADATA')],
  ])('client %s, server %s', (client, server, expected) => {
    annotate('client', client);
    annotate('one', server);
    using it = new Conversation(bed, nextPort++, 9000, { v6 });
    expect(modes(it)).toEqual(expected);
  });

  test('a change takes effect on connections that are open', () => {
    using it = new Conversation(bed, nextPort++, 9000, { v6 });
    expect(modes(it)).toEqual(both('METADATA'));
    annotate('one', 'full');
    expect(modes(it)).toEqual(both('FULL'));
    annotate('client', 'off');
    expect(modes(it)).toEqual([]);
    annotate('client', 'metadata');
    expect(modes(it)).toEqual(both('FULL'));
    annotate('one', 'off');
    expect(modes(it)).toEqual([]);
  });

  test('a connection that is read from its middle on has no first payload', () => {
    annotate('one', 'off');
    using it = new Conversation(bed, nextPort++, 9000, { v6 });
    expect(modes(it)).toEqual([]);
    annotate('one', 'metadata');
    it.send('server', ANSWER);
    it.send('client', REQUEST);
    expect(it.captures().map((one) => [one.isReply, one.flags])).toEqual([
      [true, []],
      [false, []],
    ]);
  });
});

describe('the setting of the node', () => {
  test('0: nothing is read', async () => {
    using other = await TestBed.create('l7n', { config_l7_bytes: 0 });
    using it = new Conversation(other, nextPort++, 9000);
    it.send('client', REQUEST);
    it.close();
    expect(it.captures()).toEqual([]);
  });

  test('8192: heads of that length are read', async () => {
    using other = await TestBed.create('l7o', { config_l7_bytes: 8192 });
    using it = new Conversation(other, nextPort++, 9000);
    it.send('client', `${REQUEST}${'x'.repeat(3000 - REQUEST.length)}`);
    for (let i = 0; i < 3; i++) it.send('client', 'x'.repeat(3000));
    expect(it.places()).toEqual([
      'HTTP client 0+3000/3000 FIRST',
      'HTTP client 3000+3000/3000',
      'HTTP client 6000+2192/3000',
    ]);
  });
});
