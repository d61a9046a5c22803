/** A flow that a search found, in memory or in history, and how it is shown. */
import type { HubbleFlow } from '../wire/hubble.ts';
import type { Emitter } from '../flows/hubble-flow.ts';
import type { Visibility } from './access/visibility.ts';
import { readStored, type StoredFlow } from './history/reader/stored-flows.ts';
import { seek } from './store/flow-store.ts';
import type { MemoryFlow } from './store/memory-flows.ts';

export type FoundFlow = MemoryFlow | StoredFlow;

/** Whether it was overwritten since it was found. */
export function isGone(flow: FoundFlow): boolean {
  return 'extent' in flow && flow.extent.segment === null;
}

/** The flow as readers who see this much get it, null if they do not; it must not be gone. */
export function render(flow: FoundFlow, emitter: Emitter, visibility: Visibility): HubbleFlow | null {
  if ('row' in flow) {
    const { record, names } = readStored(flow.row, flow.from);
    const { clockOffsetNs } = flow.row;
    return visibility.flow(record, { names, clockOffsetNs, uuid: flow.from.uuid(flow.sequence), emitter });
  }
  const { source, clockOffsetNs } = flow.extent;
  const context = { names: source.names, clockOffsetNs, uuid: source.uuid(flow.sequence), emitter };
  return visibility.flow(seek(flow.extent, flow.index), context);
}
