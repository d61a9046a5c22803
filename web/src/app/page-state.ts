/**
 * What the address of the page says: which page, filter, level, colour, range, selection, folds, held.
 * It has only what differs from the default, so that addresses stay short and readable.
 */
import type { MapGroup } from '../../../server/wire/service-map.ts';
import { type Past, timeQuery } from '../live/past.ts';
import type { ColourMode } from '../service-map/contract.ts';

export type Page = 'map' | 'flows' | 'policies' | 'l7' | 'datapath' | 'unknown';

export const RANGES = [60, 300, 900] as const;
export type Range = (typeof RANGES)[number];

export const LEVELS: readonly MapGroup[] = ['namespace', 'workload', 'service', 'pod'];
export const COLOURS: readonly ColourMode[] = ['verdict', 'latency'];

/** Most folded nodes and longest texts that an address may bring. */
const MAX_FOLDED = 100;
const MAX_TEXT = 2000;
const MAX_NAME = 253;

export interface PageState {
  page: Page;
  /** As it was written, see filter/grammar.ts. */
  filter: string;
  level: MapGroup;
  colour: ColourMode;
  range: Range;
  /** A range that is over; null while the page is live, and looks back by `range`. */
  past: Past | null;
  /** Id of an edge or node of the map. */
  selected: string | null;
  folded: readonly string[];
  /** The policy that is open, `namespace/name`, with the part of it that is marked: `namespace/name#ingress/0`. */
  policy: string | null;
  /** The service whose messages are open, see l7/harm.ts. */
  spoken: string | null;
  /** The node whose datapath is shown, null for all. */
  node: string | null;
  held: boolean;
}

const PAGES: Readonly<Record<string, Page>> = {
  '/': 'map',
  '/flows': 'flows',
  '/policies': 'policies',
  '/l7': 'l7',
  '/datapath': 'datapath',
};

export function readAddress(pathname: string, search: string): PageState {
  const query = new URLSearchParams(search.slice(0, 8192));
  const range = Number(query.get('range'));
  return {
    page: (Object.hasOwn(PAGES, pathname) ? PAGES[pathname] : undefined) ?? 'unknown',
    filter: (query.get('filter') ?? '').slice(0, MAX_TEXT),
    level: LEVELS.find((level) => level === query.get('level')) ?? 'workload',
    colour: COLOURS.find((colour) => colour === query.get('colour')) ?? 'verdict',
    range: RANGES.find((known) => known === range) ?? 300,
    past: readPast(query.get('since'), query.get('until')),
    selected: query.get('selected')?.slice(0, MAX_TEXT) ?? null,
    folded: query.getAll('fold').slice(0, MAX_FOLDED),
    policy: query.get('policy')?.slice(0, MAX_TEXT) ?? null,
    spoken: query.get('service')?.slice(0, MAX_TEXT) ?? null,
    node: query.get('node')?.slice(0, MAX_NAME) ?? null,
    held: query.get('held') === 'true',
  };
}

function readPast(sinceText: string | null, untilText: string | null): Past | null {
  const [since, until] = [Date.parse(sinceText ?? ''), Date.parse(untilText ?? '')];
  return since < until ? { since, until } : null;
}

export function writeAddress(state: PageState, unknownPath = '/'): string {
  const path = Object.keys(PAGES).find((known) => PAGES[known] === state.page) ?? unknownPath;
  const query = new URLSearchParams();
  if (state.filter !== '') query.set('filter', state.filter);
  if (state.level !== 'workload') query.set('level', state.level);
  if (state.colour !== 'verdict') query.set('colour', state.colour);
  if (state.range !== 300) query.set('range', String(state.range));
  if (state.past !== null)
    for (const [name, time] of timeQuery(state.past)) query.set(name, time.replace('.000Z', 'Z'));
  if (state.selected !== null) query.set('selected', state.selected);
  for (const id of state.folded) query.append('fold', id);
  if (state.policy !== null) query.set('policy', state.policy);
  if (state.spoken !== null) query.set('service', state.spoken);
  if (state.node !== null) query.set('node', state.node);
  if (state.held) query.set('held', 'true');
  const text = query
    .toString()
    .replaceAll('%2F', '/')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%3E', '>');
  return text === '' ? path : `${path}?${text}`;
}
