/** Hubble's metrics of flows of every kind: flow, drop, tcp, icmp, port-distribution, policy, flows-to-world. */
import {
  DIRECTION,
  DROP_REASON,
  DROP_REASON_NAME,
  IDENTITY,
  OBSERVATION_POINT_NAME,
  POLICY_MATCH_NAME,
  RECORD_TYPE,
  STAGE,
  VERDICT,
  VERDICT_NAME,
} from '../../wire/lists.gen.ts';
import type { Names } from '../../flows/dictionary.ts';
import { pointWord } from '../../flows/event-type.ts';
import { PROTOCOL } from '../../flows/facts.ts';
import { labelsOf } from '../../flows/filter-label.ts';
import { hubbleProtocol } from '../../flows/l7/hubble-l7.ts';
import type { RecordCursor } from '../../flows/record.ts';
import { icmpSummary } from '../../flows/summary.ts';
import type { MetricConfig } from './config.ts';
import { FlowMetric } from './flow-counter.ts';
import type { SeriesBudget } from './series-budget.ts';

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

export class FlowsMetric extends FlowMetric {
  readonly #flows = this.counter('hubble_flows_processed_total', 'Flows received.', [
    'protocol',
    'type',
    'subtype',
    'verdict',
  ]);

  add(record: RecordCursor, names: Names): void {
    const { type, verdict, observationPoint } = record;
    const ends = this.contexts.number(record, names);
    const verdictWord = (): string => VERDICT_NAME[verdict] ?? String(verdict);
    if (type === RECORD_TYPE.L7) {
      const name = hubbleProtocol(record.l7);
      const words = (): string[] => [name === '' ? 'Unknown L7' : name, 'L7', name, verdictWord()];
      this.#flows.at(ends, `${name} ${verdict}`, words).n += 1;
      return;
    }
    const isDrop = type === RECORD_TYPE.DROP;
    const point = isDrop ? 0 : observationPoint;
    const protocol = protocolIndex(record.protocol);
    const key = (((protocol * 2 + Number(isDrop)) << 8) + verdict) * 256 + point;
    this.#flows.at(ends, key, () => [
      protocolWord(record.protocol),
      isDrop ? 'Drop' : 'Trace',
      isDrop ? '' : pointWord(OBSERVATION_POINT_NAME[point] ?? String(point)),
      verdictWord(),
    ]).n += 1;
  }
}

export class DropMetric extends FlowMetric {
  readonly #drops = this.counter('hubble_drop_total', 'Flows with verdict DROPPED.', ['reason', 'protocol']);

  add(record: RecordCursor, names: Names): void {
    if (record.verdict !== VERDICT.DROPPED) return;
    const { dropReason } = record;
    const ends = this.contexts.number(record, names);
    const key = dropReason * 8 + protocolIndex(record.protocol);
    const reason = (): string => DROP_REASON_NAME[dropReason] ?? String(dropReason);
    this.#drops.at(ends, key, () => [reason(), protocolWord(record.protocol)]).n += 1;
  }
}

export class TcpMetric extends FlowMetric {
  readonly #flags = this.counter('hubble_tcp_flags_total', 'TCP flags of forwarded flows.', ['flag', 'family']);

  add(record: RecordCursor, names: Names): void {
    if (record.protocol !== PROTOCOL.TCP || record.type === RECORD_TYPE.L7 || !isForwarded(record)) return;
    const { family } = record;
    const tcpFlags = flagsOfPacket(record);
    if ((tcpFlags & (SYN | FIN | RST)) === 0) return;
    const ends = this.contexts.number(record, names);
    const count = (key: number, flag: string): void => {
      this.#flags.at(ends, key * 2 + Number(family === 6), () => [flag, familyWord(family)]).n += 1;
    };
    if ((tcpFlags & SYN) !== 0) {
      if ((tcpFlags & ACK) !== 0) count(1, 'SYN-ACK');
      else count(0, 'SYN');
    }
    if ((tcpFlags & FIN) !== 0) count(2, 'FIN');
    if ((tcpFlags & RST) !== 0) count(3, 'RST');
  }
}

/** REPORT and CLOSE carry all flags of the connection so far. Of those a REPORT's were told; a CLOSE is a FIN or RST. */
function flagsOfPacket({ type, tcpFlags }: RecordCursor): number {
  if (type === RECORD_TYPE.REPORT) return 0;
  if (type !== RECORD_TYPE.CLOSE) return tcpFlags;
  return (tcpFlags & RST) !== 0 ? RST : tcpFlags & FIN;
}

export class IcmpMetric extends FlowMetric {
  readonly #messages = this.counter('hubble_icmp_total', 'ICMP messages.', ['family', 'type']);

  add(record: RecordCursor, names: Names): void {
    const { protocol } = record;
    if (protocol !== PROTOCOL.ICMPv4 && protocol !== PROTOCOL.ICMPv6) return;
    const type = record.port('source');
    const code = record.port('destination');
    const isV6 = protocol === PROTOCOL.ICMPv6;
    const ends = this.contexts.number(record, names);
    const key = (type & 0xff) * 512 + (code & 0xff) * 2 + Number(isV6);
    this.#messages.at(ends, key, () => [familyWord(isV6 ? 6 : 4), icmpSummary(protocol, type, code)]).n += 1;
  }
}

export class PortMetric extends FlowMetric {
  readonly #ports = this.counter('hubble_port_distribution_total', 'Forwarded flows by the port they go to.', [
    'protocol',
    'port',
  ]);

  add(record: RecordCursor, names: Names): void {
    if (!isForwarded(record) || record.isReply !== false) return;
    const { protocol } = record;
    // ICMP has its code there.
    const port = protocol === PROTOCOL.TCP || protocol === PROTOCOL.UDP || protocol === PROTOCOL.SCTP;
    const number = port ? record.port('destination') : 0;
    const ends = this.contexts.number(record, names);
    const key = number * 8 + protocolIndex(protocol);
    this.#ports.at(ends, key, () => [protocolWord(protocol), String(number)]).n += 1;
  }
}

export class PolicyMetric extends FlowMetric {
  readonly #verdicts = this.counter('hubble_policy_verdicts_total', 'What policies decided.', [
    'direction',
    'match',
    'action',
  ]);

  add(record: RecordCursor, names: Names): void {
    const { type, dropStage } = record;
    if (type === RECORD_TYPE.L7) {
      const name = hubbleProtocol(record.l7).toLowerCase();
      if (name !== '') this.#add(record, names, record.direction, `l7/${name}`, actionWord(record.verdict));
      return;
    }
    if (!record.isPolicyVerdict || record.identity('source') === IDENTITY.HOST) return;
    // Hubble has an event for each direction in which a policy decided; here one record tells of both, or of the one
    // that dropped.
    const isDrop = type === RECORD_TYPE.DROP;
    if (record.egressRule !== 0 && (!isDrop || dropStage === STAGE.EGRESS_POLICY)) {
      this.#decided(record, names, DIRECTION.EGRESS, record.egressRule, record.egressMatch);
    }
    if (record.ingressRule !== 0 && (!isDrop || dropStage === STAGE.INGRESS_POLICY)) {
      this.#decided(record, names, DIRECTION.INGRESS, record.ingressRule, record.ingressMatch);
    }
  }

  #decided(record: RecordCursor, names: Names, direction: number, ref: number, matched: number): void {
    const rule = names.rules.get(ref);
    // In audit mode one direction may be allowed and the other would be denied.
    const isAllowed = rule !== undefined && !('default' in rule);
    const match = (POLICY_MATCH_NAME[matched] ?? String(matched)).toLowerCase().replaceAll('_', '-');
    this.#add(record, names, direction, match, actionWord(isAllowed ? VERDICT.FORWARDED : record.verdict));
  }

  #add(record: RecordCursor, names: Names, direction: number, match: string, action: string): void {
    const word = DIRECTION_LABEL[direction] ?? 'traffic_direction_unknown';
    const ends = this.contexts.number(record, names);
    this.#verdicts.at(ends, `${direction} ${match} ${action}`, () => [word, match, action]).n += 1;
  }
}

const DIRECTION_LABEL: Readonly<Record<number, string>> = {
  [DIRECTION.EGRESS]: 'egress',
  [DIRECTION.INGRESS]: 'ingress',
};

export class WorldMetric extends FlowMetric {
  readonly #flows;
  readonly #own: ReadonlySet<string>;

  constructor(config: MetricConfig, budget: SeriesBudget) {
    super(config, budget);
    this.#own = config.own;
    const port = config.own.has('port') ? ['port'] : [];
    this.#flows = this.counter('hubble_flows_to_world_total', 'Flows to addresses of the world.', [
      'protocol',
      'verdict',
      ...port,
    ]);
  }

  add(record: RecordCursor, names: Names): void {
    const { verdict, protocol, isReply, type } = record;
    const isDropped = verdict === VERDICT.DROPPED;
    if (isDropped && !this.#own.has('any-drop') && record.dropReason !== DROP_REASON.POLICY_DENIED) return;
    if (!isDropped && isReply === true) return;
    if (this.#own.has('syn-only')) {
      const isSyn = protocol === PROTOCOL.TCP && type !== RECORD_TYPE.L7 && (record.tcpFlags & (SYN | ACK)) === SYN;
      if (!isSyn || isReply === true) return;
    }
    const labels = labelsOf(record.endpoint('destination'), record.identity('destination'), names);
    if (!labels.includes('reserved:world')) return;
    const port = this.#own.has('port') ? record.port('destination') : 0;
    const l7 = type === RECORD_TYPE.L7 ? hubbleProtocol(record.l7) || 'Unknown L7' : '';
    const key = `${l7 || protocol} ${verdict} ${port}`;
    const words = (): string[] => [
      l7 || protocolWord(protocol),
      VERDICT_NAME[verdict] ?? String(verdict),
      ...(this.#own.has('port') ? [String(port)] : []),
    ];
    this.#flows.at(this.contexts.number(record, names), key, words).n += 1;
  }
}

function actionWord(verdict: number): string {
  return (VERDICT_NAME[verdict] ?? String(verdict)).toLowerCase();
}

function isForwarded({ verdict }: RecordCursor): boolean {
  return verdict === VERDICT.FORWARDED || verdict === VERDICT.REDIRECTED;
}

function familyWord(family: number): string {
  return family === 6 ? 'IPv6' : 'IPv4';
}

const WORDS = ['TCP', 'UDP', 'ICMPv4', 'ICMPv6', 'SCTP', 'Unknown L4'] as const;

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
      return 5;
  }
}

function protocolWord(protocol: number): string {
  return WORDS[protocolIndex(protocol)] ?? '';
}
