/** A client of the Hubble API, as gRPC's own library makes it from the same proto files. */
import { once } from 'node:events';
import {
  type ChannelCredentials,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import type { HubbleFlow } from '../../wire/hubble.ts';
import { HEALTH, OBSERVER } from '../grpc/protocol.ts';
import { readWire } from '../grpc/testing/read-wire.ts';

/** observer.GetFlowsResponse as JSON. */
export interface Answer {
  flow?: HubbleFlow;
  node_status?: { state_change: string; node_names: string[] };
  lost_events?: { source: string; num_events_lost: string };
  node_name?: string;
  time?: string;
}

export class GrpcClient {
  readonly #client: Client;

  readonly #metadata: Metadata;

  constructor(
    address: string,
    secure: ChannelCredentials = credentials.createInsecure(),
    options: object = {},
    metadata = new Metadata(),
  ) {
    this.#metadata = metadata;
    // Channels share connections otherwise.
    this.#client = new Client(address, secure, { 'grpc.use_local_subchannel_pool': 1, ...options });
  }

  close(): void {
    this.#client.close();
  }

  /** A unary call; the answer is read by the independent table. Rejects with gRPC's ServiceError. */
  unary(name: string, request: object, response: string): Promise<Record<string, unknown>> {
    const { path, requestSerialize } = methodOf(name);
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, bytes?: Buffer): void => {
        if (error !== null) reject(error);
        else resolve(readWire(response, bytes ?? Buffer.alloc(0)));
      };
      this.#client.makeUnaryRequest(path, requestSerialize, (bytes) => bytes, request, this.#metadata, done);
    });
  }

  async health(service: string): Promise<unknown> {
    const { path, requestSerialize, responseDeserialize } = HEALTH['Check'] as MethodDefinition<object, object>;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, (error, answer) => {
        if (error !== null) reject(error);
        else resolve(answer);
      });
    });
  }

  stream(request: object, name = 'GetFlows'): ClientReadableStream<Answer> {
    const { path, requestSerialize } = methodOf(name);
    return this.#client.makeServerStreamRequest(path, requestSerialize, read, request, this.#metadata);
  }

  /** As `stream`, with bytes for a request. */
  raw(bytes: Buffer): ClientReadableStream<Answer> {
    return this.#client.makeServerStreamRequest(methodOf('GetFlows').path, (it: Buffer) => it, read, bytes);
  }

  /** All answers of a stream that ends. Rejects with gRPC's ServiceError. */
  async all(request: object): Promise<Answer[]> {
    const answers: Answer[] = [];
    for await (const answer of this.stream(request)) answers.push(answer as Answer);
    return answers;
  }

  /** The source ports of its flows, by which tests know them. */
  async ports(request: object): Promise<(number | undefined)[]> {
    return (await this.all(request)).flatMap(({ flow }) => (flow === undefined ? [] : [portOf(flow)]));
  }
}

export function portOf(flow: HubbleFlow): number | undefined {
  return flow.l4?.TCP?.source_port;
}

/** The next answer that `fits`; those before it are passed over. */
export async function nextAnswer(
  stream: ClientReadableStream<Answer>,
  fits: (answer: Answer) => boolean,
): Promise<Answer> {
  for (;;) {
    const [answer] = (await once(stream, 'data', { signal: AbortSignal.timeout(5000) })) as [Answer];
    if (fits(answer)) return answer;
  }
}

/** How a stream ended. */
export async function endOf(stream: ClientReadableStream<Answer>): Promise<{ code: number; details: string }> {
  stream.on('error', () => undefined);
  stream.resume();
  // Unlike `once`, which would reject for the error that tells the same.
  return new Promise((resolve) => stream.on('status', resolve));
}

function methodOf(name: string): MethodDefinition<object, object> {
  const method = OBSERVER[name];
  if (method === undefined) throw new Error(`the Observer has no method ${name}`);
  return method as MethodDefinition<object, object>;
}

function read(bytes: Buffer): Answer {
  return readWire('observer.GetFlowsResponse', bytes) as Answer;
}
