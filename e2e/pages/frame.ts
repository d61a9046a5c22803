/** What surrounds every page: links, state of the data, live switch, theme, list of keys. */
import { expect, type Locator, type Page } from '@playwright/test';

export class Frame {
  readonly page: Page;
  readonly links: Locator;
  readonly connection: Locator;
  readonly liveSwitch: Locator;
  readonly range: Locator;
  readonly histogram: Locator;
  readonly theme: Locator;
  readonly keys: Locator;

  constructor(page: Page) {
    this.page = page;
    this.links = page.getByRole('navigation', { name: 'Pages' });
    this.connection = page.getByRole('status', { name: 'Connection' });
    const time = page.getByRole('region', { name: 'Time' });
    this.liveSwitch = time.getByRole('button', { name: /^(Live|Held)$/ });
    this.range = time.getByRole('combobox', { name: 'Range' });
    this.histogram = time.getByRole('img', { name: /Flows above the line/ });
    this.theme = page.getByRole('button', { name: 'Light or dark' });
    this.keys = page.getByRole('dialog', { name: 'Keys' });
  }

  /** Opens an address and waits until live data is there. */
  async open(address: string): Promise<void> {
    await this.page.goto(address);
    await expect(this.connection).toContainText('Live');
  }

  link(name: 'Map' | 'Flows'): Locator {
    return this.links.getByRole('link', { name, exact: true });
  }

  /** Presses keys one after another, as in `g f`. */
  async press(...keys: string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** Colour of the page's ground, as the browser computes it: `rgb(11, 16, 20)`. */
  ground(): Promise<string> {
    return this.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  }
}
