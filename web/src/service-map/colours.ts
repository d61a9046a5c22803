/** Colours for the canvas: the tokens, read once per theme through a probe element. */
const TOKENS = [
  'canvas',
  'group',
  'raised',
  'line',
  'line-2',
  'control',
  'ink',
  'ink-2',
  'ink-3',
  'edge',
  'drop',
  'error',
  'accent',
  'lat-1',
  'lat-2',
  'lat-3',
  'lat-4',
  'lat-5',
] as const;

export type Colours = Readonly<Record<(typeof TOKENS)[number], string>>;

/** The tokens as `element`'s theme resolves them. */
export function readColours(element: HTMLElement): Colours {
  const probe = document.createElement('span');
  element.append(probe);
  const read = TOKENS.map((token) => {
    probe.style.color = `var(--${token})`;
    return [token, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(read) as Colours;
}

const STEPS_NS = [1e6, 10e6, 50e6, 250e6];
const RAMP = ['lat-1', 'lat-2', 'lat-3', 'lat-4', 'lat-5'] as const;

/** Token of a latency: below 1, 10, 50, 250 ms, or more. */
export function latencyToken(ns: number): (typeof RAMP)[number] {
  const step = STEPS_NS.findIndex((it) => ns < it);
  return RAMP[step < 0 ? RAMP.length - 1 : step] ?? 'lat-5';
}
