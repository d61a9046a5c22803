/** Counts flows for the metrics: plain numbers in one array, so that ingest makes no label objects. */
import { OBSERVATION_POINT_NAME, RECORD_TYPE, VERDICT, VERDICT_NAME } from '../wire/lists.gen.ts';
import { pointWord } from '../flows/event-type.ts';
import { PROTOCOL } from '../flows/facts.ts';
import type { RecordCursor } from '../flows/record.ts';

const PROTOCOLS = ['TCP', 'UDP', 'ICMPv4', 'ICMPv6', 'SCTP', 'Unknown L4'] as const;
const OTHER = PROTOCOLS.length - 1;
const POINTS = 128;
const VERDICTS = 8;
const SLOTS = PROTOCOLS.length * 2 * VERDICTS * POINTS;

export interface FlowCount {
  protocol: string;
  type: string;
  subtype: string;
  verdict: string;
  count: number;
}

export class FlowTally {
  readonly #flows = new Float64Array(SLOTS);
  readonly #drops = new Float64Array(256 * PROTOCOLS.length);

  add(record: RecordCursor): void {
    const protocol = protocolIndex(record.protocol);
    const isDrop = record.type === RECORD_TYPE.DROP ? 1 : 0;
    const point = isDrop === 1 ? 0 : record.observationPoint & (POINTS - 1);
    const slot = ((protocol * 2 + isDrop) * VERDICTS + (record.verdict & (VERDICTS - 1))) * POINTS + point;
    this.#flows[slot] = (this.#flows[slot] ?? 0) + 1;
    if (record.verdict !== VERDICT.DROPPED) return;
    const drop = record.dropReason * PROTOCOLS.length + protocol;
    this.#drops[drop] = (this.#drops[drop] ?? 0) + 1;
  }

  /** Counts above zero, with Hubble's label values. */
  *flows(): Iterable<FlowCount> {
    for (const [slot, count] of this.#flows.entries()) {
      if (count === 0) continue;
      const point = slot % POINTS;
      const verdict = Math.floor(slot / POINTS) % VERDICTS;
      const isDrop = Math.floor(slot / (POINTS * VERDICTS)) % 2 === 1;
      const protocol = Math.floor(slot / (POINTS * VERDICTS * 2));
      yield {
        protocol: PROTOCOLS[protocol] ?? '',
        type: isDrop ? 'Drop' : 'Trace',
        subtype: isDrop ? '' : pointWord(OBSERVATION_POINT_NAME[point] ?? String(point)),
        verdict: VERDICT_NAME[verdict] ?? String(verdict),
        count,
      };
    }
  }

  /** Drop events above zero, by number of the reason. */
  *drops(): Iterable<{ reason: number; protocol: string; count: number }> {
    for (const [slot, count] of this.#drops.entries()) {
      if (count === 0) continue;
      const protocol = PROTOCOLS[slot % PROTOCOLS.length] ?? '';
      yield { reason: Math.floor(slot / PROTOCOLS.length), protocol, count };
    }
  }
}

function protocolIndex(protocol: number): number {
  switch (protocol) {
    case PROTOCOL.TCP:
      return 0;
    case PROTOCOL.UDP:
      return 1;
    case PROTOCOL.ICMPv4:
      return 2;
    case PROTOCOL.ICMPv6:
      return 3;
    case PROTOCOL.SCTP:
      return 4;
    default:
      return OTHER;
  }
}
