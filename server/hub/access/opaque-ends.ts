/** A count (an edge, or a series of messages) with an end that its reader may not know. */
import type { L7Message, L7ProtocolName } from '../../wire/l7.ts';
import type { Names } from '../../flows/dictionary.ts';
import type { End } from '../../flows/facts.ts';
import type { Counted } from '../edges/ends.ts';
import type { CountedSeries } from '../l7/l7-sums.ts';
import { HIDDEN_ENDPOINT } from './opaque-record.ts';

export class OpaqueEnds implements Counted {
  readonly names: Names;
  /** What was counted, whole: by it two nodes' counts of the same traffic are told to be the same. */
  readonly whole: Counted;
  readonly l7Protocol: L7ProtocolName | null;
  readonly serviceId: number;
  readonly peer: string;
  readonly #hidden: End | null;

  constructor(whole: Counted, names: Names, hidden: End | null, isServiceHidden: boolean) {
    this.whole = whole;
    this.names = names;
    this.#hidden = hidden;
    this.l7Protocol = whole.l7Protocol;
    this.serviceId = isServiceHidden ? 0 : whole.serviceId;
    // There is one address at most, that of the end that is no endpoint.
    this.peer = hidden !== null && whole.endpoint(hidden) === 0 ? '' : whole.peer;
  }

  get type(): number {
    return this.whole.type;
  }
  get verdict(): number {
    return this.whole.verdict;
  }
  get isPolicyVerdict(): boolean {
    return this.whole.isPolicyVerdict;
  }
  get dropReason(): number {
    return this.whole.dropReason;
  }
  get observationPoint(): number {
    return this.whole.observationPoint;
  }
  get direction(): number {
    return this.whole.direction;
  }
  get isReply(): boolean | undefined {
    return this.whole.isReply;
  }
  get protocol(): number {
    return this.whole.protocol;
  }
  get l7(): L7Message | null {
    return this.whole.l7;
  }
  get targetPort(): number {
    return this.whole.targetPort;
  }
  get isArrivalOnly(): boolean {
    return this.whole.isArrivalOnly;
  }

  endpoint(end: End): number {
    return end === this.#hidden ? HIDDEN_ENDPOINT : this.whole.endpoint(end);
  }
  identity(end: End): number {
    return end === this.#hidden ? 0 : this.whole.identity(end);
  }
  port(end: End): number {
    return this.whole.port(end);
  }
  address(end: End): string {
    return end === this.#hidden ? '' : this.whole.address(end);
  }
  isIn(): boolean {
    return false;
  }
}

export class OpaqueSeries extends OpaqueEnds implements CountedSeries {
  readonly route: string;
  override readonly l7Protocol: L7ProtocolName;

  constructor(whole: CountedSeries, names: Names, hidden: End | null, isServiceHidden: boolean) {
    super(whole, names, hidden, isServiceHidden);
    this.route = whole.route;
    this.l7Protocol = whole.l7Protocol;
  }
}
