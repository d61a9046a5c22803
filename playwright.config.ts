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
  // A test that passes at the second attempt has found something.
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  globalTimeout: 900_000,
  expect: { timeout: 15_000 },
  reporter: 'list',
  use: {
    baseURL: process.env['SPYGLASS_URL'] ?? 'http://127.0.0.1:12000',
    viewport: { width: 1440, height: 900 },
    colorScheme: 'light',
    locale: 'en-GB',
    actionTimeout: 15_000,
    navigationTimeout: 15_000,
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: '/usr/bin/chromium',
      // Without a GPU and as root, as in a container of a build machine.
      // The rest keeps the browser from asking the internet for anything.
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [{ name: 'chromium' }],
});
