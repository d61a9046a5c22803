/** The test function of all specs: page objects by name, and an eye on the browser's console. */
import { test as base, expect } from '@playwright/test';
import { DetailsPanel } from './details-panel.ts';
import { FilterBar } from './filter-bar.ts';
import { FlowTable } from './flow-table.ts';
import { Frame } from './frame.ts';
import { HubApi } from './hub-api.ts';
import { LiveStream } from './live-stream.ts';
import { ServiceMapPage } from './service-map.ts';

interface PageObjects {
  frame: Frame;
  filter: FilterBar;
  map: ServiceMapPage;
  flows: FlowTable;
  details: DetailsPanel;
  hub: HubApi;
  stream: LiveStream;
  quietConsole: void;
}

export const test = base.extend<PageObjects>({
  frame: async ({ page }, use) => use(new Frame(page)),
  filter: async ({ page }, use) => use(new FilterBar(page)),
  map: async ({ page }, use) => use(new ServiceMapPage(page)),
  flows: async ({ page }, use) => use(new FlowTable(page)),
  details: async ({ page }, use) => use(new DetailsPanel(page)),
  hub: async ({ request }, use) => use(new HubApi(request)),
  stream: async ({ page }, use) => use(await LiveStream.of(page)),
  // Whatever a spec asks, the console must stay free of errors and warnings meanwhile.
  quietConsole: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.stack ?? error.message));
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
      });
      await use();
      expect(complaints, 'complaints in the console').toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };
