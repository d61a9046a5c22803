/** What `up` says while it works: each step with its time, then what happens, a line each. */

export interface Progress {
  /** Runs one step and prints its name and time. */
  step: <T>(name: string, work: () => Promise<T>) => Promise<T>;
  /** Something the person at the terminal should know. */
  tell: (line: string) => void;
  /** Something that is wrong. */
  warn: (line: string) => void;
}

/** Steps and news to standard output, warnings to standard error. */
export function terminalProgress(): Progress {
  return {
    async step(name, work) {
      const began = performance.now();
      const result = await work();
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      process.stdout.write(`  ${name}  ${seconds} s\n`);
      return result;
    },
    tell: (line) => process.stdout.write(`${line}\n`),
    warn: (line) => process.stderr.write(`! ${line.replaceAll('\n', '\n! ')}\n`),
  };
}
