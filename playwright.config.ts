/**
 * Browser tests. They look at a running demo (`spyglass up deploy/demo`) through Debian's Chromium; SPYGLASS_URL says
 * where it is. The demo is shared by all specs and its traffic never stands still, so specs ask for facts that hold at
 * any time, and change nothing but their own page.
 */
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'e2e/specs',
  outputDir: 'node_modules/.cache/playwright',
  // The demo, its hub and the browser share the machine: several pages at once would measure the machine.
  workers: 1,
  forbidOnly: true,
  timeout: 45_000,
  expect: { timeout: 15_000 },
  reporter: 'list',
  use: {
    baseURL: process.env['SPYGLASS_URL'] ?? 'http://127.0.0.1:12000',
    viewport: { width: 1440, height: 900 },
    colorScheme: 'light',
    locale: 'en-GB',
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: '/usr/bin/chromium',
      // Without a GPU and as root, as in a container of a build machine.
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    },
  },
  projects: [{ name: 'chromium' }],
});
