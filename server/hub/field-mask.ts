/**
 * Field masks over flow.Flow. A path that names a message keeps all of it; the message around a field that is kept
 * is there even if the flow has no such field, but an arm of a choice is not made up.
 */
import type { HubbleFlow } from '../wire/hubble.ts';
import { FilterError } from '../flows/filter-test.ts';
import { fieldOf, type MessageField } from './grpc/protocol.ts';

const MAX_PATHS = 200;

/** What the hubble command asks for when it prints text. */
const TEXT_PATHS: readonly string[] =
  `time verdict ethernet IP l4 source.identity source.namespace source.pod_name destination.identity
  destination.namespace destination.pod_name Type node_name l7 event_type source_service destination_service is_reply
  Summary ip_trace_id`.split(/\s+/);
/** The command prints these as well if they are there; without them, verdicts of policies have no direction. */
const TEXT_EXTRAS: readonly string[] =
  `traffic_direction policy_match_type source_names destination_names auth_type sock_xlate_point debug_capture_point
  egress_allowed_by ingress_allowed_by egress_denied_by ingress_denied_by`.split(/\s+/);

/** True keeps the whole value. */
type Tree = Map<string, { isArm: boolean; kept: Tree | true }>;
type Values = Record<string, unknown>;

export interface Mask {
  /** What the mask leaves of a flow. */
  keep(flow: HubbleFlow): Partial<HubbleFlow>;
  /** Whether it leaves anything of what is at this path. */
  touches(path: string): boolean;
}

/** The mask of these paths, null if there are none. Throws a FilterError for a path that flows do not have. */
export function fieldMask(paths: readonly string[]): Mask | null {
  if (paths.length === 0) return null;
  if (paths.length > MAX_PATHS) throw new FilterError(`The field mask has more than ${MAX_PATHS} paths; use fewer.`);
  const isText = paths.length === TEXT_PATHS.length && TEXT_PATHS.every((path) => paths.includes(path));
  const tree: Tree = new Map();
  for (const path of isText ? [...paths, ...TEXT_EXTRAS] : paths) add(tree, path);
  return {
    keep: (flow) => keep(flow as unknown as Values, tree) as Partial<HubbleFlow>,
    touches: (path) => touches(tree, path),
  };
}

function touches(tree: Tree, path: string): boolean {
  let level = tree;
  for (const name of path.split('.')) {
    const kept = level.get(name)?.kept;
    if (kept === undefined) return false;
    if (kept === true) return true;
    level = kept;
  }
  return true;
}

function add(tree: Tree, path: string): void {
  let message: string | null = 'flow.Flow';
  let level = tree;
  const names = path.split('.');
  for (const [at, name] of names.entries()) {
    const field: MessageField | undefined = message === null ? undefined : fieldOf(message, name);
    if (field === undefined) {
      throw new FilterError(`The field mask has the path "${path.slice(0, 64)}"; flows have no such field.`);
    }
    const known = level.get(name)?.kept;
    if (known === true) return;
    if (at === names.length - 1) level.set(name, { isArm: field.isArm, kept: true });
    else {
      const deeper = known ?? new Map();
      level.set(name, { isArm: field.isArm, kept: deeper });
      level = deeper;
    }
    message = field.type;
  }
}

function keep(values: Values, tree: Tree): Values {
  const kept: Values = {};
  for (const [name, { isArm, kept: deeper }] of tree) {
    const value = values[name];
    if (deeper === true) {
      if (value !== undefined) kept[name] = value;
    } else if (value !== undefined || !isArm) kept[name] = keep((value ?? {}) as Values, deeper);
  }
  return kept;
}
