/** A sink that keeps what a parser tells. */
import type { L7Message, L7ProtocolName } from '../../../wire/l7.ts';
import type { MessageSink } from '../parser.ts';

export class RecordingSink implements MessageSink {
  readonly events: L7Message[] = [];
  /** Routes. */
  readonly requests: string[] = [];
  /** Of the requests. */
  readonly protocols = new Set<L7ProtocolName>();
  readonly responses: { route: string; code: string; isError: boolean; latencyNs: number }[] = [];
  readonly names: [string, readonly string[]][] = [];
  gaps = 0;
  malformedMessages = 0;
  hasEvents: boolean;

  constructor(hasEvents = true) {
    this.hasEvents = hasEvents;
  }

  wantsEvent(): boolean {
    return this.hasEvents;
  }

  event(message: L7Message): void {
    this.events.push(message);
  }

  route(_protocol: L7ProtocolName, operation: string, path?: string): string {
    return path === undefined ? operation : `${operation} ${path.split('?', 1)[0] ?? ''}`;
  }

  request(protocol: L7ProtocolName, route: string): void {
    this.requests.push(route);
    this.protocols.add(protocol);
  }

  response(_protocol: L7ProtocolName, route: string, code: string, isError: boolean, latencyNs: number): void {
    this.responses.push({ route, code, isError, latencyNs });
  }

  name(name: string, addresses: readonly string[]): void {
    this.names.push([name, addresses]);
  }

  gap(): void {
    this.gaps++;
  }

  malformed(): void {
    this.malformedMessages++;
  }

  /** `GET /a 200` of each answer, in their order. */
  get answers(): string[] {
    return this.responses.map((it) => `${it.route} ${it.code}`);
  }
}
