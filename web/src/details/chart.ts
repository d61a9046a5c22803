/** Geometry of the small charts: a line over time from 0, problems below the base line on their own scale. */

export interface Sample {
  /** Unix ms. */
  time: number;
  /** Null leaves a gap. */
  value: number | null;
}

export interface Line {
  /** SVG paths, '' if nothing is known. */
  line: string;
  area: string;
  most: number;
  last: number | null;
}

/** A time without samples longer than this is a gap, ms. */
const GAP_MS = 3500;

interface Box {
  width: number;
  /** y of 0 and of the highest value. */
  base: number;
  top: number;
  since: number;
  until: number;
}

export function lineOf(samples: readonly Sample[], { width, base, top, since, until }: Box): Line {
  const most = samples.reduce((highest, { value }) => Math.max(highest, value ?? 0), 0);
  const span = Math.max(1, until - since);
  let [line, area, piece] = ['', '', ''];
  let [firstX, lastX, lastTime] = [0, 0, -Infinity];
  const finish = (): void => {
    if (piece === '') return;
    line += `M${piece}`;
    area += `M${firstX.toFixed(1)} ${base}L${piece}L${lastX.toFixed(1)} ${base}Z`;
    piece = '';
  };
  for (const { time, value } of samples) {
    if (value === null || time - lastTime > GAP_MS) finish();
    if (value === null) continue;
    const x = ((time - since) / span) * width;
    const y = base - (most === 0 ? 0 : (value / most) * (base - top));
    if (piece === '') firstX = x;
    piece += `${piece === '' ? '' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    [lastX, lastTime] = [x, time];
  }
  finish();
  return { line, area, most, last: samples.at(-1)?.value ?? null };
}
