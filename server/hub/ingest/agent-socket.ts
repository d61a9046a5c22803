/**
 * The agents' WebSockets. A faulty agent loses its connection with a reason, and is counted; nothing that
 * one agent sends can stop the hub or touch what others sent.
 */
import { pack } from 'msgpackr';
import type { Logger } from 'pino';
import type { RawData, WebSocket } from 'ws';
import { hasCode } from '../../base/failure.ts';
import { type Ack, KIND, type Welcome } from '../../wire/agent.ts';
import type { AgentAccount } from '../access/accounts.ts';
import type { HubState } from '../hub-state.ts';
import type { AgentTap } from '../stream/stream-sockets.ts';
import type { AgentLink, Ingest } from './ingest.ts';
import { readL7Report } from './l7-report.ts';
import { readArchive, readCounters, readDictionary, readHello } from './messages.ts';
import { ProtocolError, type ProtocolFault } from './protocol-error.ts';

const HELLO_TIMEOUT_MS = 10_000;
const ACK_DELAY_MS = 100;
const ACK_BATCHES = 64;
const CLOSE_PROTOCOL_ERROR = 1002;
/** Ours: a newer connection of the same node took over. */
const CLOSE_REPLACED = 4001;
/** A close frame holds 123 bytes of reason. */
const MAX_REASON_BYTES = 120;

export class AgentSockets {
  readonly #state: HubState;
  readonly #ingest: Ingest;
  readonly #tap: AgentTap;
  readonly #log: Logger;
  readonly #current = new Map<string, AgentConnection>();

  constructor(state: HubState, ingest: Ingest, tap: AgentTap, log: Logger) {
    this.#state = state;
    this.#ingest = ingest;
    this.#tap = tap;
    this.#log = log;
  }

  accept(socket: WebSocket, account: AgentAccount): void {
    const connection = new AgentConnection(socket, account, this.#state, this.#ingest, this.#tap, this.#log, (link) => {
      this.#current.get(link.node.name)?.replace();
      this.#current.set(link.node.name, connection);
      this.#ingest.connected(link, Date.now());
    });
    socket.on('close', () => {
      connection.stop();
      const { link } = connection;
      if (link !== null) this.#tap.ended(link);
      if (link === null || this.#current.get(link.node.name) !== connection) return;
      this.#current.delete(link.node.name);
      this.#ingest.disconnected(link, Date.now());
      this.#log.info({ node: link.node.name }, 'agent disconnected');
    });
  }
}

class AgentConnection {
  link: AgentLink | null = null;
  readonly #socket: WebSocket;
  readonly #account: AgentAccount;
  readonly #state: HubState;
  readonly #ingest: Ingest;
  readonly #tap: AgentTap;
  readonly #log: Logger;
  readonly #onHello: (link: AgentLink) => void;
  readonly #helloTimer: NodeJS.Timeout;
  #ackTimer: NodeJS.Timeout | undefined;
  #unacknowledged = 0;
  /** There is something to acknowledge. */
  readonly #settled = (): void => {
    this.#ackTimer ??= setTimeout(() => this.#sendAck(), ACK_DELAY_MS);
  };

  constructor(
    socket: WebSocket,
    account: AgentAccount,
    state: HubState,
    ingest: Ingest,
    tap: AgentTap,
    log: Logger,
    onHello: (link: AgentLink) => void,
  ) {
    this.#socket = socket;
    this.#account = account;
    this.#state = state;
    this.#ingest = ingest;
    this.#tap = tap;
    this.#log = log;
    this.#onHello = onHello;
    this.#helloTimer = setTimeout(
      () => this.#fail('timeout', 'The agent sent no hello within 10 s.'),
      HELLO_TIMEOUT_MS,
    );
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // The library has sent the close frame already; here the fault is named and counted.
    socket.on('error', (error) => {
      const isSize = hasCode(error, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH');
      this.#fail(isSize ? 'size' : 'kind', `The agent's message was refused: ${error.message}.`);
    });
  }

  /** Another connection speaks for the node now. */
  replace(): void {
    this.stop();
    this.#socket.close(CLOSE_REPLACED, 'another connection of this node took over');
  }

  stop(): void {
    if (this.link?.session.onSettled === this.#settled) this.link.session.onSettled = null;
    clearTimeout(this.#helloTimer);
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    try {
      if (!isBinary || !Buffer.isBuffer(data) || data.length === 0) {
        throw new ProtocolError('kind', 'Agents send binary messages that begin with a kind byte.');
      }
      this.#handle(data[0] ?? 0, data);
    } catch (error) {
      if (!(error instanceof ProtocolError)) this.#log.error({ err: error }, 'message of an agent failed');
      const fault = error instanceof ProtocolError ? error.fault : 'kind';
      this.#fail(fault, error instanceof ProtocolError ? error.message : 'The hub could not handle the message.');
    }
  }

  #handle(kind: number, message: Buffer): void {
    if (kind === KIND.hello) {
      this.#hello(message);
      return;
    }
    const { link } = this;
    if (link === null) throw new ProtocolError('order', `The agent sent kind ${kind} before its hello.`);
    switch (kind) {
      case KIND.batch:
        this.#ingest.batch(link, message, Date.now());
        this.#acknowledge();
        break;
      case KIND.dictionary:
        this.#ingest.dictionary(link, readDictionary(message.subarray(1)));
        break;
      case KIND.counters:
        this.#ingest.counters(link, readCounters(message.subarray(1)), Date.now());
        break;
      case KIND.l7:
        this.#ingest.l7(link, readL7Report(message.subarray(1)), Date.now());
        break;
      case KIND.archive:
        this.#ingest.archive(link, readArchive(message.subarray(1)));
        // Between the agent and its hubs, and nothing of what it saw.
        return;
      default:
        throw new ProtocolError('kind', `The agent sent kind ${kind}, which a hub does not know.`);
    }
    this.#tap.message(link, message);
  }

  #hello(message: Buffer): void {
    if (this.link !== null) throw new ProtocolError('order', 'The agent sent a second hello.');
    const wanted = readHello(message.subarray(1));
    const { nodes } = this.#account;
    if (nodes !== null && !nodes.includes(wanted.node)) {
      throw new ProtocolError('hello', `The agent's token is not for node ${wanted.node}.`);
    }
    const link = this.#ingest.hello(wanted);
    clearTimeout(this.#helloTimer);
    this.#onHello(link);
    this.link = link;
    this.#tap.began(link, message);
    link.session.onSettled = this.#settled;
    const { hello, lastBatch, nextSequence, received } = link.session;
    this.#log.info({ node: hello.node, version: hello.version, mode: hello.mode, lastBatch }, 'agent connected');
    this.#send(KIND.welcome, {
      hub: this.#state.id,
      last_batch: lastBatch,
      last_record: nextSequence,
      missing_records: nextSequence - received,
      archives: this.#state.history?.isShared === true,
    } satisfies Welcome);
  }

  #acknowledge(): void {
    this.#unacknowledged += 1;
    if (this.#unacknowledged >= ACK_BATCHES) this.#sendAck();
    else this.#settled();
  }

  #sendAck(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#unacknowledged = 0;
    if (this.link === null) return;
    const { lastBatch, settled } = this.link.session;
    this.#send(KIND.ack, { received: lastBatch, batch: settled } satisfies Ack);
  }

  #send(kind: number, message: Welcome | Ack): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(Buffer.concat([Buffer.of(kind), pack(message)]));
  }

  #fail(fault: ProtocolFault, message: string): void {
    const { faults } = this.#state.stats;
    faults.set(fault, (faults.get(fault) ?? 0) + 1);
    this.#log.warn({ node: this.link?.node.name, fault }, message);
    this.stop();
    const reason = Buffer.from(message)
      .subarray(0, MAX_REASON_BYTES)
      .toString()
      .replace(/\uFFFD+$/, '');
    this.#socket.close(CLOSE_PROTOCOL_ERROR, reason);
  }
}
