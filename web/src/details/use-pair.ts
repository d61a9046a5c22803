/** The other half of an exchange, from the page if it is there, else from the hub. */
import { useEffect, useMemo, useState } from 'react';
import type { GetFlowsResponse, HubbleFlow } from '../../../server/wire/hubble.ts';
import { pairOf, pairQuery } from './pair-of.ts';

/** An answer may be on its way: looked for again after so long, so many times. */
const AGAIN_MS = 1000;
const TIMES = 5;

export type Pair = { state: 'looking' | 'none' } | { state: 'found'; flow: HubbleFlow };

const LOOKING: Pair = { state: 'looking' };
const NONE: Pair = { state: 'none' };

/** `onPage`: flows that are there without asking. */
export function usePair(flow: HubbleFlow, onPage: readonly HubbleFlow[]): Pair {
  const near = useMemo(() => pairOf(flow, onPage), [flow, onPage]);
  const [asked, setAsked] = useState<{ of: string; pair: Pair } | null>(null);
  const isNear = near !== null;
  useEffect(() => {
    const query = isNear ? null : pairQuery(flow);
    if (query === null) return undefined;
    const gone = new AbortController();
    void lookFor(flow, query, gone.signal).then((pair) => {
      if (!gone.signal.aborted) setAsked({ of: flow.uuid, pair });
    });
    return () => gone.abort();
  }, [flow, isNear]);
  if (near !== null) return { state: 'found', flow: near };
  if (asked?.of === flow.uuid) return asked.pair;
  return pairQuery(flow) === null ? NONE : LOOKING;
}

async function lookFor(flow: HubbleFlow, query: URLSearchParams, signal: AbortSignal): Promise<Pair> {
  for (let left = TIMES; left > 0; left -= 1) {
    const found = pairOf(flow, await ask(query, signal));
    if (found !== null) return { state: 'found', flow: found };
    // A request was there before its answer, or it is lost.
    if (flow.l7?.type !== 'REQUEST' || signal.aborted) break;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
  return NONE;
}

/** No flows where the hub does not answer: the page says elsewhere that it is gone. */
async function ask(query: URLSearchParams, signal: AbortSignal): Promise<HubbleFlow[]> {
  try {
    const response = await fetch(`/api/v1/flows?${query.toString()}`, { signal });
    if (!response.ok) return [];
    const lines = (await response.json()) as GetFlowsResponse[];
    return lines.flatMap(({ flow }) => flow ?? []);
  } catch {
    return [];
  }
}
