/** Why a packet was dropped and what to do about it, in sentences about this very flow. */
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import { DROP_REASON, DROP_REASON_WORDS } from '../../../server/wire/lists.gen.ts';
import { address, fullEnd, portOf, shortEnd } from './ends.ts';
import { type Message, messageOf } from './message.ts';
import { duration } from './numbers.ts';
import { whyDenied } from './policy.ts';

export interface Why {
  /** What happened. */
  cause: string;
  /** What to do, null if nothing needs doing. */
  advice: string | null;
}

/** `Service has no backend`, of a name such as `SERVICE_BACKEND_NOT_FOUND`. */
export function reasonWords(name: string): string {
  const number = Object.hasOwn(DROP_REASON, name) ? DROP_REASON[name as keyof typeof DROP_REASON] : undefined;
  return (number === undefined ? undefined : DROP_REASON_WORDS[number]) ?? name;
}

export function whyDropped(flow: HubbleFlow): Why {
  const from = fullEnd(flow, 'source');
  const to = shortEnd(flow, 'destination');
  const sourceIp = flow.IP?.source || 'its source address';
  const targetIp = flow.IP?.destination || 'the target';
  switch (flow.drop_reason ?? 0) {
    case DROP_REASON.SERVICE_BACKEND_NOT_FOUND:
      return {
        cause: `Service ${to} has no pod behind it that serves port ${portOf(flow, 'destination') ?? 0}.`,
        advice: 'Start a pod that its selector matches and that is ready, or stop calling it.',
      };
    case DROP_REASON.POLICY_DENIED:
      return (
        whyDenied(flow) ?? {
          cause: `No policy of either end allows ${from} to reach ${to}.`,
          advice: 'Look at the policies of both ends: spyglass does not know any more which ones denied it.',
        }
      );
    case DROP_REASON.DENY_LIST:
      return {
        cause: `${sourceIp} is on the deny list of ${flow.node_name}.`,
        advice: 'Take it off the list if it should be served.',
      };
    case DROP_REASON.FIB_LOOKUP_FAILED:
      return {
        cause: `Node ${flow.node_name} has no route to ${targetIp}.`,
        advice: `Add a route on the node, or correct the address that ${shortEnd(flow, 'source')} uses.`,
      };
    case DROP_REASON.INVALID_SOURCE_IP:
      return {
        cause: `The packet claims to come from ${sourceIp}, which is no address of ${from}.`,
        advice: 'Look at what runs in that pod: it sends from a borrowed address, by mistake or to deceive.',
      };
    case DROP_REASON.STALE_OR_UNROUTABLE_IP:
      return {
        cause: `${targetIp} belongs to no pod or node that can be reached from ${flow.node_name}.`,
        advice: 'If a pod had this address, the caller still uses an old one: let it resolve the name again.',
      };
    case DROP_REASON.TUPLE_IN_USE:
      return {
        cause: `Another connection to ${to} already uses the same addresses and ports after translation.`,
        advice: 'It heals when the older connection ends; if it recurs, widen the client’s port range.',
      };
    case DROP_REASON.CT_MAP_INSERTION_FAILED:
      return {
        cause: 'The flow cache of the node had no room for the connection.',
        advice: 'Raise the size of the flow cache, or find who opens so many connections.',
      };
    case DROP_REASON.UNKNOWN_CONNECTION_TRACKING_STATE:
      return {
        cause: `An ICMP error came for a connection that ${flow.node_name} does not know.`,
        advice: 'One that ended a moment ago is harmless; many of them come from a sender that guesses.',
      };
    case DROP_REASON.IP_FRAGMENTATION_NOT_SUPPORTED:
      return {
        cause: 'The packet is a fragment without ports, so its connection cannot be found.',
        advice: `Lower the packet size that ${from} sends, so that nothing is fragmented.`,
      };
    case DROP_REASON.UNKNOWN_L4_PROTOCOL:
      return {
        cause: 'The datapath forwards TCP, UDP and ICMP; this packet is none of them.',
        advice: 'Carry it inside one of these.',
      };
    default: {
      const spyglass = flow.extensions?.value.spyglass;
      const words = spyglass?.drop?.words ?? flow.drop_reason_desc ?? 'The reason is not known';
      return { cause: `${words}.`, advice: null };
    }
  }
}

/** What is known about a flow that passed. */
export function whyForwarded(flow: HubbleFlow): Why {
  const denied = whyDenied(flow);
  if (denied !== null) return denied;
  const message = messageOf(flow);
  if (message !== null) return { cause: messageSentence(flow, message), advice: null };
  const spyglass = flow.extensions?.value.spyglass;
  const service = flow.is_reply === true ? flow.source_service : flow.destination_service;
  if (spyglass === undefined || service === undefined || spyglass.original === null) {
    return { cause: 'Forwarded to the address the client used.', advice: null };
  }
  const server = flow.is_reply === true ? 'source' : 'destination';
  const { ip, port } = spyglass.original;
  return {
    cause: `The client called service ${service.namespace}/${service.name} at ${address(ip, port)}; ${fullEnd(flow, server)} was chosen to answer.`,
    advice: null,
  };
}

/** Who asked whom for what, and how it went. */
function messageSentence(flow: HubbleFlow, { asked, outcome, isError, latency }: Message): string {
  const [client, server] =
    flow.is_reply === true ? (['destination', 'source'] as const) : (['source', 'destination'] as const);
  const request = `${shortEnd(flow, client)} asked ${shortEnd(flow, server)} for ${asked}`;
  if (outcome === null) return `${request}.`;
  const after = latency === null ? '' : ` after ${duration(latency)}`;
  return `${request} and got ${isError ? 'the error ' : ''}${outcome}${after}.`;
}
