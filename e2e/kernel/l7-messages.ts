/** First payloads of the protocols, byte by byte from their specifications. */

export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
export const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
export const u32 = (value: number): Buffer => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)]);

export const DNS_QUERY = hex('1234 0100 0001 0000 0000 0000 04 73686f70 00 0001 0001');
export const TLS_CLIENT_HELLO = Buffer.concat([hex('16 0301 0200 01 0001fc 0303'), Buffer.alloc(506, 0x55)]);
export const TLS_SERVER_HELLO = Buffer.concat([hex('16 0303 007a 02 000076 0303'), Buffer.alloc(116, 0x66)]);
export const PG_STARTUP = (() => {
  const body = Buffer.concat([u32(0x30000), Buffer.from('user\0postgres\0database\0shop\0\0')]);
  return Buffer.concat([u32(4 + body.length), body]);
})();
export const PG_QUERY = Buffer.concat([Buffer.from('Q'), u32(4 + 9), Buffer.from('SELECT 1\0')]);
export const PG_PARSE = Buffer.concat([
  Buffer.from('P'),
  u32(4 + 13),
  Buffer.from('s1\0SELECT 1\0\0'),
  hex('42 0000000c 00 00 0000 0000 0000 53 00000004'),
]);
export const MYSQL_GREETING = (() => {
  const body = Buffer.concat([hex('0a'), Buffer.from('8.0.36\0'), Buffer.alloc(60, 1)]);
  return Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body]);
})();
export const KAFKA_REQUEST = (() => {
  const body = Buffer.concat([u16(3), u16(9), u32(7), u16(5), Buffer.from('shop1'), Buffer.alloc(6)]);
  return Buffer.concat([u32(body.length), body]);
})();
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const SETTINGS = hex('000006 04 00 00000000 0003 00000064');
