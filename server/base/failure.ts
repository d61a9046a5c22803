/**
 * Failures that are told to the person at the terminal: one clear sentence (what failed, why, what to
 * do) and the exit code of the command. Everything else that is thrown is a bug and shows its stack.
 */

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: number;

  /** `message` is one sentence for people; `cause` is what was caught; `exitCode` 1, or 2 for wrong usage. */
  constructor(message: string, options: { cause?: unknown; exitCode?: number } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.exitCode = options.exitCode ?? EXIT_FAILURE;
  }
}

/** The sentence of anything that was thrown, on one line. */
export function sentence(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.replaceAll(/\s*\n\s*/g, ' ').trim();
}

/** Whether `thrown` is a system error of this code, such as `ENOENT`. */
export function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}
