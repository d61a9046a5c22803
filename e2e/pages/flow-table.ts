/** The table of flows with its bar, below the map and on a page of its own. */
import type { Locator, Page } from '@playwright/test';

export const COLUMNS = [
  'Time',
  'Verdict',
  'Source',
  'Destination',
  'Port',
  'Proto',
  'What',
  'Latency',
  'Bytes',
] as const;
export type Column = (typeof COLUMNS)[number];

export class FlowTable {
  readonly region: Locator;
  readonly headers: Locator;
  /** The part that scrolls. Only rows in view are in the page. */
  readonly body: Locator;
  /** Newest first. */
  readonly rows: Locator;
  readonly selected: Locator;
  /** Stands there while the tail is held: how many flows have come since. */
  readonly newer: Locator;

  constructor(page: Page) {
    this.region = page.getByRole('region', { name: 'Flows', exact: true });
    const table = this.region.getByRole('table', { name: 'Flows' });
    this.headers = table.getByRole('columnheader');
    this.body = table.getByRole('rowgroup', { name: 'Flow rows' });
    this.rows = this.body.getByRole('row');
    this.selected = this.body.getByRole('row', { selected: true });
    this.newer = this.region.getByRole('button', { name: /^([\d,]+ new|Held)$/ });
  }

  /** Rows with all these texts in the named columns. */
  rowsWith(texts: Partial<Record<Column, string | RegExp>>): Locator {
    return Object.entries(texts).reduce((rows, [column, text]) => {
      const at = COLUMNS.findIndex((name) => name === column);
      // `has` is looked up within each row.
      const cell = this.rows.page().getByRole('cell').nth(at).filter({ hasText: text });
      return rows.filter({ has: cell });
    }, this.rows);
  }

  cell(row: Locator, column: Column): Locator {
    return row.getByRole('cell').nth(COLUMNS.indexOf(column));
  }

  /** Texts of a column in the rows in view, newest first. */
  texts(column: Column): Promise<string[]> {
    const at = COLUMNS.indexOf(column);
    return this.rows.evaluateAll(
      (rows, index) => rows.map((row) => row.querySelectorAll('[role=cell]')[index]?.textContent ?? ''),
      at,
    );
  }
}
