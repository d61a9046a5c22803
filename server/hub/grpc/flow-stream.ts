/** One stream of observer.GetFlowsResponse to one client, no faster than it reads. */
import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { nowNs } from '../../flows/timestamp.ts';
import { SlowReaderError } from '../http/slow-reader.ts';
import type { Visibility } from '../access/visibility.ts';
import type { GrpcStats, HubState } from '../hub-state.ts';
import type { Found } from '../store/flow-scan.ts';
import type { Mask } from './field-mask.ts';
import { flowMessage, messageTime, timestamp } from './flow-message.ts';
import type { Notice } from './node-watch.ts';

export type FlowsCall = ServerWritableStream<unknown, object>;

export class FlowStream {
  readonly #state: HubState;
  readonly #stats: GrpcStats;
  readonly #call: FlowsCall;
  readonly #mask: Mask | null;
  readonly #gone: AbortController;
  readonly #visibility: Visibility;
  readonly #patienceMs: number;
  #isFull = false;

  /** `gone` is aborted when the client goes away; a client that takes nothing for `patienceMs` is one. */
  constructor(
    state: HubState,
    stats: GrpcStats,
    call: FlowsCall,
    options: { mask: Mask | null; visibility: Visibility; gone: AbortController; patienceMs: number },
  ) {
    this.#state = state;
    this.#stats = stats;
    this.#call = call;
    this.#mask = options.mask;
    this.#visibility = options.visibility;
    this.#gone = options.gone;
    this.#patienceMs = options.patienceMs;
  }

  /** Sends stored flows; those overwritten in the meantime are told as lost. */
  async flows(found: readonly Found[], lostBefore: number): Promise<void> {
    let lost = lostBefore;
    for (const { id } of found) {
      const flow = this.#state.flowById(id, this.#visibility);
      if (flow === null) {
        lost += 1;
        continue;
      }
      const kept = this.#mask === null ? flow : this.#mask(flow);
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
