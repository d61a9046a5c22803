import { expect, test } from 'vitest';
import { HeaderList, HpackDecoder, MAX_TABLE_BYTES, UNKNOWN } from './hpack.ts';
import { random } from './testing/random.ts';

const list = new HeaderList();

function decode(decoder: HpackDecoder, hex: string, isCut = false): string[] | undefined {
  const bytes = Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
  list.clear();
  if (!decoder.decode(bytes, 0, bytes.length, isCut, list)) return undefined;
  return list.names.map((name, i) => `${name}: ${list.values[i] ?? ''}`);
}

/** RFC 7541, appendix C: blocks of one connection, and the lists they decode to. */
const REQUESTS = [
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
  [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
];
const RESPONSES = [
  [
    ':status: 302',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ],
  [
    ':status: 307',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ],
  [
    ':status: 200',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:22 GMT',
    'location: https://www.example.com',
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
];
const TABLE_OF_256 = '3fe101';

test.each([
  {
    name: 'C.3: requests without Huffman coding',
    blocks: [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    lists: REQUESTS,
    size: 164,
  },
  {
    name: 'C.4: requests with Huffman coding',
    blocks: [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
    lists: REQUESTS,
    size: 164,
  },
  {
    name: 'C.5: responses without Huffman coding, a table of 256 bytes',
    blocks: [
      `${TABLE_OF_256} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32
       3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d
       4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572
       7369 6f6e 3d31`,
    ],
    lists: RESPONSES,
    size: 215,
  },
  {
    name: 'C.6: responses with Huffman coding, a table of 256 bytes',
    blocks: [
      `${TABLE_OF_256} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
       1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf
       cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ],
    lists: RESPONSES,
    size: 215,
  },
])('RFC 7541 $name', ({ blocks, lists, size }) => {
  const decoder = new HpackDecoder();
  expect(blocks.map((block) => decode(decoder, block))).toEqual(lists);
  expect(decoder.size).toBe(size);
});

test('after a block that was missed, older entries are unknown and later ones right', () => {
  const decoder = new HpackDecoder();
  decode(decoder, '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d');
  decoder.missed();
  // The newest entry is now another one; then an entry is added, and both are asked for.
  expect(decode(decoder, '82be')).toEqual([':method: GET', `${UNKNOWN}: ${UNKNOWN}`]);
  expect(decode(decoder, '5808 6e6f 2d63 6163 6865')).toEqual(['cache-control: no-cache']);
  expect(decode(decoder, 'bebf')).toEqual(['cache-control: no-cache', `${UNKNOWN}: ${UNKNOWN}`]);
  // A literal whose name is unknown takes its place in the table.
  expect(decode(decoder, '7f00 0161')).toEqual([`${UNKNOWN}: a`]);
  expect(decode(decoder, 'bebf')).toEqual([`${UNKNOWN}: a`, 'cache-control: no-cache']);
});

test('of a block that was cut, the fields before the cut', () => {
  const decoder = new HpackDecoder();
  expect(decode(decoder, '8286 8441 0f77 7777', true)).toEqual([':method: GET', ':scheme: http', ':path: /']);
  expect(decode(decoder, 'be')).toEqual([`${UNKNOWN}: ${UNKNOWN}`]);
});

test.each([
  ['index 0', '80'],
  ['an index beyond the table', 'be'],
  ['a number without end', '7fffffffffffffff00'],
  ['a string beyond the block', '400a6375'],
  ['a Huffman code that ends with zeros', '4081 00 0161'],
  ['a Huffman code with the end-of-string symbol', '4084 ffffffff 0161'],
])('%s breaks the block', (_, hex) => {
  const decoder = new HpackDecoder();
  expect(decode(decoder, hex)).toBeUndefined();
  // The decoder goes on.
  expect(decode(decoder, '82')).toEqual([':method: GET']);
});

test('the table is bounded, whatever size its encoder takes', () => {
  const decoder = new HpackDecoder();
  // 64 KiB, then entries of 1 KiB each.
  decode(decoder, '3fe1ff03');
  const entry = `4001 61 7fe107 ${'62'.repeat(0x7f + 0x61 + 7 * 128)}`;
  for (let i = 0; i < 60; i++) expect(decode(decoder, entry)).toBeDefined();
  expect(decoder.size).toBeLessThanOrEqual(MAX_TABLE_BYTES);
  // The 60th newest is one the encoder still has; it is not known here, which is no error.
  expect(decode(decoder, 'f9')).toEqual([`${UNKNOWN}: ${UNKNOWN}`]);
});

test('a list of many references to one large entry is bounded', () => {
  const decoder = new HpackDecoder();
  decode(decoder, `4001 61 7fe107 ${'62'.repeat(0x7f + 0x61 + 7 * 128)}`);
  expect(decode(decoder, 'be'.repeat(8000))?.length).toBeLessThan(17);
});

test('bytes by chance neither throw nor grow', () => {
  const below = random(7541);
  const decoder = new HpackDecoder();
  const bytes = Buffer.alloc(2048);
  for (let i = 0; i < 2000; i++) {
    const length = below(bytes.length);
    for (let at = 0; at < length; at++) bytes[at] = below(256);
    list.clear();
    decoder.decode(bytes, 0, length, below(2) === 0, list);
    expect(decoder.size).toBeLessThanOrEqual(MAX_TABLE_BYTES);
  }
});
