/** One stream of observer.GetFlowsResponse to one client, no faster than it reads. */
import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { nowNs } from '../../flows/timestamp.ts';
import { SlowReaderError } from '../http/slow-reader.ts';
import type { GrpcStats } from '../hub-state.ts';
import type { Mask } from '../field-mask.ts';
import type { FlowPage } from '../flow-reader.ts';
import { flowMessage, messageTime, timestamp } from './flow-message.ts';
import type { Notice } from './node-watch.ts';

export type FlowsCall = ServerWritableStream<unknown, object>;

export class FlowStream {
  readonly #stats: GrpcStats;
  readonly #call: FlowsCall;
  readonly #mask: Mask | null;
  readonly #gone: AbortController;
  readonly #patienceMs: number;
  #isFull = false;

  /** `gone` is aborted when the client goes away; a client that takes nothing for `patienceMs` is one. */
  constructor(
    stats: GrpcStats,
    call: FlowsCall,
    options: { mask: Mask | null; gone: AbortController; patienceMs: number },
  ) {
    this.#stats = stats;
    this.#call = call;
    this.#mask = options.mask;
    this.#gone = options.gone;
    this.#patienceMs = options.patienceMs;
  }

  /** Sends flows, and what of others was lost. */
  async page({ flows, lost }: FlowPage): Promise<void> {
    for (const flow of flows) {
      const kept = this.#mask === null ? flow : this.#mask.keep(flow);
      this.#write({
        flow: flowMessage(kept),
        node_name: kept.node_name,
        time: kept.time === undefined ? undefined : messageTime(kept.time),
      });
      this.#stats.flows += 1;
      if (this.#isFull) await this.#room();
    }
    if (lost === 0) return;
    const events = { source: 'HUBBLE_RING_BUFFER', num_events_lost: String(lost) };
    await this.notices([{ node_name: '', lost_events: events }]);
  }

  async notices(notices: readonly Notice[]): Promise<void> {
    for (const notice of notices) {
      this.#write({ ...notice, time: timestamp(nowNs()) });
      if (this.#isFull) await this.#room();
    }
  }

  #write(message: object): void {
    this.#gone.signal.throwIfAborted();
    this.#isFull = !this.#call.write(message);
  }

  async #room(): Promise<void> {
    const { signal } = this.#gone;
    const timer = setTimeout(
      () => this.#gone.abort(new SlowReaderError('the client took nothing for too long')),
      this.#patienceMs,
    );
    try {
      await once(this.#call, 'drain', { signal });
    } finally {
      clearTimeout(timer);
    }
    this.#isFull = false;
  }
}
