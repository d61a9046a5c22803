/** How a benchmark ends: Ctrl-C and SIGTERM stop it between two measurements, so that it removes what it made. */
const controller = new AbortController();

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => controller.abort(new Error(`Stopped by ${signal}.`)));
}

/** Aborted once the benchmark is to stop. */
export const stopping: AbortSignal = controller.signal;

/** Runs a benchmark's main function; an error ends the process with its message and status 1. */
export async function runBenchmark(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
