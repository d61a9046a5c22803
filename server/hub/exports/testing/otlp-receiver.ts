/**
 * A small OTLP/HTTP logs endpoint. It holds each request against opentelemetry-proto's messages: what is written and read
 * again as protobuf must be what was sent, so a name or type that the protocol does not have is found.
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fromJSON, type MethodDefinition } from '@grpc/proto-loader';
import type { ExportLogsRequest, LogRecord } from '../otlp-logs.ts';

type Fields = Record<string, { id: number; type: string; rule?: string }>;

const many = (id: number, type: string): Fields[string] => ({ id, type, rule: 'repeated' });
const one = (id: number, type: string): Fields[string] => ({ id, type });

/** logs/v1, common/v1, resource/v1 and collector/logs/v1 of opentelemetry-proto 1.x, in one package. */
const PROTOCOL = {
  nested: {
    Export: { fields: { resourceLogs: many(1, 'ResourceLogs') } },
    Done: { fields: {} },
    ResourceLogs: {
      fields: { resource: one(1, 'Resource'), scopeLogs: many(2, 'ScopeLogs'), schemaUrl: one(3, 'string') },
    },
    Resource: { fields: { attributes: many(1, 'KeyValue'), droppedAttributesCount: one(2, 'uint32') } },
    ScopeLogs: { fields: { scope: one(1, 'Scope'), logRecords: many(2, 'LogRecord'), schemaUrl: one(3, 'string') } },
    Scope: { fields: { name: one(1, 'string'), version: one(2, 'string'), attributes: many(3, 'KeyValue') } },
    LogRecord: {
      fields: {
        timeUnixNano: one(1, 'fixed64'),
        severityNumber: one(2, 'int32'),
        severityText: one(3, 'string'),
        body: one(5, 'AnyValue'),
        attributes: many(6, 'KeyValue'),
        droppedAttributesCount: one(7, 'uint32'),
        flags: one(8, 'fixed32'),
        traceId: one(9, 'bytes'),
        spanId: one(10, 'bytes'),
        observedTimeUnixNano: one(11, 'fixed64'),
        eventName: one(12, 'string'),
      },
    },
    KeyValue: { fields: { key: one(1, 'string'), value: one(2, 'AnyValue') } },
    AnyValue: {
      oneofs: { value: { oneof: ['stringValue', 'boolValue', 'intValue', 'doubleValue'] } },
      fields: {
        stringValue: one(1, 'string'),
        boolValue: one(2, 'bool'),
        intValue: one(3, 'int64'),
        doubleValue: one(4, 'double'),
      },
    },
    Logs: { methods: { send: { requestType: 'Export', responseType: 'Done', comment: '' } } },
  },
};

const service = fromJSON(PROTOCOL, { keepCase: true, longs: String })['Logs'] as unknown as {
  send: MethodDefinition<object, object>;
};

function throughProtobuf(request: object): unknown {
  const read = service.send.requestDeserialize(service.send.requestSerialize(request));
  return JSON.parse(JSON.stringify(read));
}

export class OtlpReceiver {
  readonly records: LogRecord[] = [];
  readonly requests: ExportLogsRequest[] = [];
  /** What the protocol does not know of. */
  readonly faults: string[] = [];
  /** Answers to give instead of 200, one a request. */
  readonly answers: { status: number; headers?: Record<string, string>; body?: object }[] = [];
  /** It answers every request with 503. */
  isAway = false;
  /** Unix ms of each request. */
  readonly times: number[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => this.#receive(request.headers['content-type'], Buffer.concat(chunks), response));
    });
  }

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/logs`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #receive(type: string | undefined, body: Buffer, response: ServerResponse): void {
    this.times.push(Date.now());
    const answer = this.answers.shift() ?? { status: this.isAway ? 503 : 200 };
    if (type !== 'application/json') this.faults.push(`content type ${type}`);
    const request = JSON.parse(body.toString()) as ExportLogsRequest;
    if (JSON.stringify(sorted(throughProtobuf(request))) !== JSON.stringify(sorted(request))) {
      this.faults.push(body.toString());
    }
    if (answer.status === 200) {
      this.requests.push(request);
      for (const { scopeLogs } of request.resourceLogs) for (const it of scopeLogs) this.records.push(...it.logRecords);
    }
    response.writeHead(answer.status, { 'Content-Type': 'application/json', ...answer.headers });
    response.end(JSON.stringify(answer.body ?? {}));
  }
}

/** Keys in one order, at every level. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, it]) => [key, sorted(it)]),
  );
}
