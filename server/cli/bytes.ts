/** Sizes on the command line. */
import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = { '': 1, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3, Ti: 1024 ** 4 };

/** Reads `268435456`, `256Mi`, `1Gi`, of at least `least` bytes. Throws commander's InvalidArgumentError. */
export function parseBytes(text: string, least: number): number {
  const match = /^(\d{1,15})(|Ki|Mi|Gi|Ti)$/.exec(text);
  const bytes = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? NaN);
  if (!(bytes >= least && bytes <= Number.MAX_SAFE_INTEGER)) {
    throw new InvalidArgumentError(`It must be bytes, at least ${least / 1024 ** 2} MiB, such as 268435456 or 256Mi.`);
  }
  return bytes;
}
