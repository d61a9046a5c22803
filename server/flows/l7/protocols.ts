/** The parsers, by the number that captures carry. */
import { L7_PROTOCOL } from '../../wire/lists.gen.ts';
import { dnsTcpParser, dnsUdpParser } from './dns.ts';
import { Http1Parser } from './http1.ts';
import { Http2Parser } from './http2.ts';
import { kafkaParser } from './kafka.ts';
import { mysqlParser } from './mysql.ts';
import type { ParserFactory } from './parser.ts';
import { postgresqlParser } from './postgresql.ts';
import { redisParser } from './redis.ts';
import { TlsParser } from './tls.ts';

const STREAMS: Readonly<Record<number, ParserFactory>> = {
  [L7_PROTOCOL.HTTP]: (sink, redaction) => new Http1Parser(sink, redaction),
  [L7_PROTOCOL.HTTP2]: (sink, redaction) => new Http2Parser(sink, redaction),
  [L7_PROTOCOL.DNS]: dnsTcpParser,
  [L7_PROTOCOL.TLS]: (sink) => new TlsParser(sink),
  [L7_PROTOCOL.REDIS]: redisParser,
  [L7_PROTOCOL.POSTGRESQL]: postgresqlParser,
  [L7_PROTOCOL.MYSQL]: mysqlParser,
  [L7_PROTOCOL.KAFKA]: kafkaParser,
};

const DATAGRAMS: Readonly<Record<number, ParserFactory>> = { [L7_PROTOCOL.DNS]: dnsUdpParser };

/** What makes the parser of a protocol; undefined for one that is not known. */
export function parserFactory(protocol: number, isDatagram: boolean): ParserFactory | undefined {
  return isDatagram ? DATAGRAMS[protocol] : STREAMS[protocol];
}
