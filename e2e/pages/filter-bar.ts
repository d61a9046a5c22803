/** The filter at the top of each page: chips for what is applied, a field for the next. */
import type { Locator, Page } from '@playwright/test';

export class FilterBar {
  readonly field: Locator;
  /** One for each term that is applied; pressing it removes the term. */
  readonly chips: Locator;
  /** The sentence about a term that is not applied. */
  readonly problem: Locator;
  readonly #bar: Locator;

  constructor(page: Page) {
    this.#bar = page.getByRole('banner');
    this.field = this.#bar.getByRole('combobox', { name: 'Filter' });
    this.chips = this.#bar.getByRole('button', { name: /^Remove / });
    this.problem = this.#bar.getByRole('alert');
  }

  /** The chip of a term as the page writes it: `verdict:dropped`. */
  chip(term: string): Locator {
    return this.#bar.getByRole('button', { name: `Remove ${term}`, exact: true });
  }

  /** Adds terms, as a person would write them. */
  async add(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press('Enter');
  }
}
