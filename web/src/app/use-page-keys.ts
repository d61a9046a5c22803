/** What each key does on this page. */
import type { RefObject } from 'react';
import type { FlowFilter, FlowRow } from '../../../server/wire/live.ts';
import type { ServiceMap } from '../../../server/wire/service-map.ts';
import { flowFilter } from '../details/flow-details.tsx';
import { edgeFilter, nodeFilter } from '../filter/edge-filter.ts';
import type { FlowKeys } from '../flows/flow-panel.tsx';
import { useKeys } from './keys.ts';
import { moved, sinceNow } from './time-range.ts';
import { COLOURS, LEVELS, type PageState, RANGES } from './page-state.ts';

interface PageKeys {
  page: PageState;
  folded: readonly string[];
  change: (change: Partial<PageState>) => void;
  map: ServiceMap | null;
  flow: FlowRow | null;
  singleLetters: boolean;
  field: RefObject<HTMLInputElement | null>;
  flowKeys: RefObject<FlowKeys | null>;
  addFilter: (filter: FlowFilter) => void;
  fold: (nodeId: string, isFolded: boolean) => void;
  tidy: () => void;
  closeDetails: () => void;
  areKeysShown: boolean;
  showKeys: (areShown: boolean) => void;
  toggleDock: () => void;
}

export function usePageKeys(keys: PageKeys): void {
  const {
    page,
    folded,
    change,
    map,
    flow,
    singleLetters,
    field,
    flowKeys,
    addFilter,
    fold,
    tidy,
    closeDetails,
    areKeysShown,
    showKeys,
    toggleDock,
  } = keys;
  const range = (by: 1 | -1): void => {
    const next = RANGES[RANGES.indexOf(page.range) + by];
    if (next !== undefined) change({ range: next });
  };
  const shift = (direction: 1 | -1): void => {
    const now = Date.now();
    const past = page.past ?? (direction === -1 ? sinceNow(page.range, now) : null);
    if (past !== null) change({ past: moved(past, direction, now), held: false });
  };
  const filterTo = (isExcluded: boolean): void => {
    const filter = selectedFilter(page.selected, map, flow);
    if (filter === null) return;
    addFilter(isExcluded ? excluded(filter) : filter);
  };
  const levels = LEVELS.map((level, index): [string, () => void] => [
    String(index + 1),
    () => change({ level, selected: null, folded: [] }),
  ]);
  useKeys(
    {
      ...Object.fromEntries(levels),
      '/': () => field.current?.focus(),
      ' ': () => change({ held: !page.held }),
      'g m': () => change({ page: 'map' }),
      'g f': () => change({ page: 'flows' }),
      'g p': () => change({ page: 'policies' }),
      'g l': () => change({ page: 'l7' }),
      'g d': () => change({ page: 'datapath' }),
      ',': () => range(-1),
      '.': () => range(1),
      '[': () => shift(-1),
      ']': () => shift(1),
      j: () => flowKeys.current?.move(1),
      k: () => flowKeys.current?.move(-1),
      ArrowDown: () => flowKeys.current?.move(1),
      ArrowUp: () => flowKeys.current?.move(-1),
      Home: () => flowKeys.current?.toNewest(),
      Escape: () => {
        if (areKeysShown) showKeys(false);
        else if (page.page === 'policies') change({ policy: null });
        else if (page.page === 'l7') change({ spoken: null });
        else closeDetails();
      },
      v: () => change({ colour: COLOURS[(COLOURS.indexOf(page.colour) + 1) % COLOURS.length] ?? 'verdict' }),
      f: (event) => {
        // A card that has the focus folds itself.
        if (event.target instanceof HTMLElement && event.target.closest('.stage') !== null) return;
        const isNode = map?.nodes.some(({ id }) => id === page.selected) === true;
        if (isNode && page.selected !== null) fold(page.selected, !folded.includes(page.selected));
      },
      t: tidy,
      x: () => filterTo(false),
      'Shift+X': () => filterTo(true),
      y: () => void navigator.clipboard.writeText(location.href).catch(() => undefined),
      d: toggleDock,
      '?': () => showKeys(!areKeysShown),
    },
    singleLetters,
  );
}

function selectedFilter(selected: string | null, map: ServiceMap | null, flow: FlowRow | null): FlowFilter | null {
  if (flow !== null) return flowFilter(flow.flow);
  if (selected === null || map === null) return null;
  const nodeOf = (id: string) => map.nodes.find((node) => node.id === id);
  const edge = map.edges.find(({ id }) => id === selected);
  if (edge !== undefined) return edgeFilter(edge, nodeOf(edge.source), nodeOf(edge.target));
  const node = nodeOf(selected);
  return node === undefined ? null : nodeFilter(node);
}

/** Excluding each name would exclude more than the thing itself, so only its target is. */
function excluded(filter: FlowFilter): FlowFilter {
  const names = Object.keys(filter);
  const name =
    ['to-workload', 'to-service', 'to-pod', 'to-ip', 'workload', 'service', 'pod', 'ip'].find((known) =>
      names.includes(known),
    ) ?? names[0];
  return name === undefined ? {} : { [`not.${name}`]: filter[name] ?? [] };
}
