/**
 * Three kinds of test. `unit` runs anywhere. `kernel` needs root and a kernel with eBPF, and shares it,
 * so one file at a time. `process` starts real processes on real ports, one file at a time as well.
 */
import { defineConfig } from 'vitest/config';

const KERNEL = '**/*.kernel.test.ts';
/** SPYGLASS_KERNEL_TEST_MS: more, where the kernel is emulated. */
const KERNEL_TIMEOUT_MS = Number(process.env['SPYGLASS_KERNEL_TEST_MS'] ?? 60_000);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['server/**/*.test.ts', 'web/**/*.test.{ts,tsx}', 'bench/**/*.test.ts', 'scripts/**/*.test.mjs'],
          exclude: [KERNEL, '**/node_modules/**', 'dist/**'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'kernel',
          include: [KERNEL, 'e2e/kernel/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'dist/**'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: KERNEL_TIMEOUT_MS,
          hookTimeout: KERNEL_TIMEOUT_MS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'process',
          include: ['e2e/process/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
