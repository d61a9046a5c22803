/** The panel at the right: one flow, one edge or one node. */
import type { Locator, Page } from '@playwright/test';
import type { HubbleFlow } from '../../server/wire/hubble.ts';

export class DetailsPanel {
  readonly flow: Locator;
  readonly edge: Locator;
  readonly node: Locator;
  /** Any of the three. */
  readonly any: Locator;

  constructor(page: Page) {
    const panel = (name: string | RegExp): Locator => page.getByRole('complementary', { name });
    this.flow = panel('Flow details');
    this.edge = panel('Edge details');
    this.node = panel('Node details');
    this.any = panel(/^(Flow|Edge|Node) details$/);
  }

  /** What stands at the top, in one line. */
  get title(): Locator {
    return this.any.getByRole('heading', { level: 1 });
  }

  /** Stages that the packet passed, top down. */
  get path(): Locator {
    return this.flow.getByRole('listitem');
  }

  /** Routes of the edge: name, rate, errors, percentiles. */
  get routes(): Locator {
    return this.edge.getByRole('table').getByRole('rowgroup');
  }

  route(name: string): Locator {
    return this.edge.getByRole('button', { name, exact: true });
  }

  /** Cells below the name of a route: share of the busiest, rate, errors, p50, p95, p99. */
  figuresOf(name: string): Locator {
    // `has` is looked up within each group of rows.
    const button = this.edge.page().getByRole('button', { name, exact: true });
    return this.routes.filter({ has: button }).getByRole('cell');
  }

  /** What a message's request and answer say: `Asked`, `Answer`, `Took`, `Sent`, `Answered`, … */
  exchange(name: string): Locator {
    const term = this.flow.getByRole('term').filter({ hasText: new RegExp(`^${name}$`) });
    return term.locator('xpath=following-sibling::dd');
  }

  get close(): Locator {
    return this.any.getByRole('button', { name: 'Close details' });
  }

  button(name: string | RegExp): Locator {
    return this.any.getByRole('button', { name });
  }

  /** Opens the record and reads it. */
  async record(): Promise<HubbleFlow> {
    const group = this.flow.getByRole('group').filter({ hasText: 'Record as JSON' });
    await group.getByText('Record as JSON').click();
    const text = await group.innerText();
    return JSON.parse(text.slice(text.indexOf('{'))) as HubbleFlow;
  }
}
