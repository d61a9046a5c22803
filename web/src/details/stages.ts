/** The path of a packet through the datapath's stages, with what each of them looked at. */
import type { EnumValue, HubbleFlow } from '../../../server/wire/hubble.ts';
import { OBSERVATION_POINT, OBSERVATION_POINT_WORDS, STAGE, STAGE_WORDS } from '../../../server/wire/lists.gen.ts';
import { address, addressOf, fullEnd, protocolOf, shortEnd } from '../words/ends.ts';
import { bytes } from '../words/numbers.ts';
import { policyEnd, policyWords } from '../words/policy.ts';
import { flagWords } from '../words/what.ts';

export interface Step {
  /** `flow cache`. */
  name: string;
  /** What it found. */
  found: string;
  /** Passed, ended here, or never reached. */
  state: 'passed' | 'end' | 'off';
}

const ORDER: readonly string[] = Object.keys(STAGE);

/** Empty if the flow has no path. */
export function stepsOf(flow: HubbleFlow): Step[] {
  const spyglass = flow.extensions?.value.spyglass;
  if (spyglass === undefined || spyglass.path.length === 0) return [];
  const end = spyglass.drop?.stage ?? null;
  const passed = spyglass.path.filter((stage) => stage !== end);
  const steps = passed.map((stage): Step => ({ name: wordsOf(stage), found: foundBy(stage, flow), state: 'passed' }));
  if (spyglass.drop === null) return steps;
  const at = ORDER.indexOf(spyglass.drop.stage);
  return [
    ...steps,
    { name: wordsOf(spyglass.drop.stage), found: endWords(spyglass.drop, flow), state: 'end' },
    ...ORDER.slice(at + 1).map((stage): Step => ({ name: wordsOf(stage), found: 'not reached', state: 'off' })),
  ];
}

function wordsOf(stage: string): string {
  const number = Object.hasOwn(STAGE, stage) ? STAGE[stage as keyof typeof STAGE] : undefined;
  return (number === undefined ? undefined : STAGE_WORDS[number]) ?? stage.toLowerCase();
}

/** Which policies denied says more than that one did. */
function endWords({ stage, words }: { stage: string; words: string }, flow: HubbleFlow): string {
  if (stage === 'EGRESS_POLICY') return policyWords(flow, 'egress') ?? words;
  return stage === 'INGRESS_POLICY' ? (policyWords(flow, 'ingress') ?? words) : words;
}

function foundBy(stage: string, flow: HubbleFlow): string {
  const spyglass = flow.extensions?.value.spyglass;
  const isFirst = spyglass?.path.includes('SERVICE') === true || spyglass?.event === 'DROP';
  switch (stage) {
    case 'PARSE': {
      const flags = flagWords(flow.l4?.TCP?.flags);
      const size = spyglass?.packets === 1 ? `, ${bytes(spyglass.bytes)}` : '';
      return `${flow.IP?.ipVersion ?? ''}, ${protocolOf(flow) || 'other'}${flags === '' ? '' : ` ${flags}`}${size}`;
    }
    case 'SOURCE_CHECK':
      return `${flow.IP?.source ?? ''} is ${fullEnd(flow, 'source')}`;
    case 'FLOW_CACHE':
      return isFirst ? 'miss, first packet' : 'hit, path of the first packet known';
    case 'SERVICE': {
      if (!spyglass?.original) return 'no service has this address';
      const { ip, port } = spyglass.original;
      return `${address(ip, port)} becomes ${addressOf(flow, flow.is_reply === true ? 'source' : 'destination')}`;
    }
    case 'IDENTITY':
      return `${flow.source.identity ?? '–'} to ${flow.destination.identity ?? '–'}`;
    case 'EGRESS_POLICY':
      return policyWords(flow, 'egress') ?? `no egress policy for ${shortEnd(flow, policyEnd(flow, 'egress'))}`;
    case 'INGRESS_POLICY':
      return policyWords(flow, 'ingress') ?? `no ingress policy for ${shortEnd(flow, policyEnd(flow, 'ingress'))}`;
    case 'MASQUERADE':
      return `${addressOf(flow, policyEnd(flow, 'egress'))} becomes an address of the node`;
    case 'ROUTE':
      return flow.interface === undefined ? '' : `interface ${flow.interface.name ?? flow.interface.index}`;
    case 'DELIVER':
      return pointWords(flow.trace_observation_point);
    default:
      return '';
  }
}

function pointWords(point: EnumValue | undefined): string {
  if (typeof point === 'number') return `point ${point}`;
  const number =
    point !== undefined && Object.hasOwn(OBSERVATION_POINT, point)
      ? OBSERVATION_POINT[point as keyof typeof OBSERVATION_POINT]
      : undefined;
  return (number === undefined ? undefined : OBSERVATION_POINT_WORDS[number]) ?? '';
}
