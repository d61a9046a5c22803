/** Where each box and line of the stage graph stands, in px. Pure: the same width gives the same picture. */
import { FIRST_PACKET_STAGES, type StageName } from './graph-model.ts';

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface GraphLayout {
  width: number;
  height: number;
  in: Box;
  stages: ReadonlyMap<StageName, Box>;
  delivered: Box;
  stack: Box;
}

/** Narrower than this the graph scrolls sideways. */
export const MIN_WIDTH = 1160;
const PAD = 16;
const END_WIDTH = 128;
const STAGE_WIDTH = 104;
const BOX_HEIGHT = 64;
const LOW_HEIGHT = 46;
const TOP = 48;
/** Of the lower row; more where there is room. */
const BOTTOM = [226, 340] as const;
/** Below the lower row: sinks and their words. */
const SINKS = 92;
const GAP = 8;
const WIDEST = 132;

/** Widest band, and the thinnest that is still drawn. */
export const BAND = 40;
export const THIN = 1.5;

export function graphLayout(available: number, availableHeight: number): GraphLayout {
  const width = Math.max(MIN_WIDTH, available);
  const out = width - PAD - END_WIDTH;
  const deliver = out - 40 - STAGE_WIDTH;
  const cache = PAD + END_WIDTH + 48 + STAGE_WIDTH + 48;
  const count = FIRST_PACKET_STAGES.length;
  const bottom = Math.round(Math.max(BOTTOM[0], Math.min(BOTTOM[1], availableHeight - BOX_HEIGHT - SINKS)));
  // From below the flow cache to below deliver, where the packets go up to.
  const span = deliver + STAGE_WIDTH - cache;
  const boxWidth = Math.min(WIDEST, (span + GAP) / count - GAP);
  const pitch = (span - boxWidth) / (count - 1);
  const stages = new Map<StageName, Box>([
    ['PARSE', stage(PAD + END_WIDTH + 48)],
    ['FLOW_CACHE', stage(cache)],
    ['DELIVER', stage(deliver)],
  ]);
  for (const [index, name] of FIRST_PACKET_STAGES.entries()) {
    stages.set(name, { x: cache + index * pitch, y: bottom, width: boxWidth, height: BOX_HEIGHT });
  }
  return {
    width,
    height: bottom + BOX_HEIGHT + SINKS,
    in: { x: PAD, y: TOP, width: END_WIDTH, height: BOX_HEIGHT },
    stages,
    delivered: { x: out, y: TOP, width: END_WIDTH, height: BOX_HEIGHT },
    stack: { x: out, y: TOP + BOX_HEIGHT + 28, width: END_WIDTH, height: LOW_HEIGHT },
  };
}

function stage(x: number): Box {
  return { x, y: TOP, width: STAGE_WIDTH, height: BOX_HEIGHT };
}

/** Height of the band of `rate` where `most` gets the widest: to linear scale, 0 for nothing. */
export function bandWidth(rate: number, most: number): number {
  if (rate <= 0 || most <= 0) return 0;
  return Math.max(THIN, (rate / most) * BAND);
}

/** A letter of captions is about so wide, px. */
const LETTER = 5.6;

/** Words in lines no wider than `width`, as far as single words allow: neighbours must not touch. */
export function inLines(words: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of words.split(' ')) {
    const longer = `${lines.at(-1) ?? ''} ${word}`;
    if (lines.length > 0 && longer.length * LETTER <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
