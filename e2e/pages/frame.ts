/** What surrounds every page: links, filter, state of the data, time, theme, keys. */
import { expect, type Locator, type Page } from '@playwright/test';

export class Frame {
  readonly page: Page;
  readonly connection: Locator;
  readonly filter: Locator;
  readonly keys: Locator;

  constructor(page: Page) {
    this.page = page;
    this.connection = page.getByRole('status', { name: 'Connection' });
    this.filter = page.getByRole('combobox', { name: 'Filter' });
    this.keys = page.getByRole('dialog', { name: 'Keys' });
  }

  link(name: 'Map' | 'Flows'): Locator {
    return this.page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true });
  }

  /** One choice of the toolbar, such as `choice('Level', 'Pod')`. */
  choice(group: 'Level' | 'Colour', name: string): Locator {
    return this.page.getByRole('radiogroup', { name: group }).getByRole('radio', { name, exact: true });
  }

  /** Types a filter and applies it. */
  async addFilter(text: string): Promise<void> {
    await this.filter.fill(text);
    await this.filter.press('Enter');
    await expect(this.filter).toHaveValue('');
  }

  async toggleTheme(): Promise<void> {
    await this.page.getByRole('button', { name: 'Light or dark' }).click();
  }

  /** The page's ground as the browser paints it: `rgb(243, 245, 247)` when light. */
  async ground(): Promise<string> {
    return this.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  }
}
