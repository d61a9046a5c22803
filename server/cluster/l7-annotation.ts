/** The annotation of pods that says what is read of their messages. */
import { L7_MODE } from '../wire/lists.gen.ts';

export const L7_ANNOTATION = 'spyglass.io/l7';

const MODES: Readonly<Record<string, number>> = { off: L7_MODE.OFF, metadata: L7_MODE.METADATA, full: L7_MODE.FULL };

/** Longest value that is repeated in a sentence. */
const MAX_TOLD = 40;

/** L7_MODE number of a pod with these annotations; `problem`: what is wrong with a value that then counts as the default. */
export function l7Mode(annotations: Readonly<Record<string, string>>): { mode: number; problem: string | null } {
  const text = annotations[L7_ANNOTATION];
  if (text === undefined) return { mode: L7_MODE.METADATA, problem: null };
  const mode = Object.hasOwn(MODES, text) ? MODES[text] : undefined;
  if (mode !== undefined) return { mode, problem: null };
  const told = JSON.stringify(text.slice(0, MAX_TOLD));
  const problem = `the annotation ${L7_ANNOTATION} is ${told}, but must be "off", "metadata" or "full"; it counts as "metadata"`;
  return { mode: L7_MODE.METADATA, problem };
}
