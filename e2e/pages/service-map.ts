/** The service map with its toolbar, by what it tells a screen reader: the drawing itself is a canvas. */
import type { Locator, Page } from '@playwright/test';

export class ServiceMapPage {
  readonly region: Locator;
  readonly toolbar: Locator;
  readonly nodes: Locator;
  readonly edges: Locator;
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
    this.region = page.getByRole('group', { name: 'Service map' });
    this.toolbar = page.getByRole('toolbar', { name: 'Map' });
    this.nodes = this.region.getByRole('list', { name: 'Nodes of the map' });
    this.edges = this.region.getByRole('list', { name: 'Edges of the map' });
  }

  /** A node given as `namespace/name`, in the list for screen readers, which has it at any zoom. */
  node(path: string): Locator {
    return this.nodes.getByRole('button', { name: new RegExp(`${describe(path)}(,|$)`) });
  }

  /** Its card in the drawing, which is there while the map is near enough to read it. */
  card(path: string): Locator {
    return this.region.getByRole('button', { name: new RegExp(`${describe(path)}$`) });
  }

  /** The line of what passes between two nodes, given by name, in the list for screen readers. */
  edge(source: string, target: string): Locator {
    return this.#line(source, target).filter({ hasNotText: ', dropped' });
  }

  /** The line of what is dropped between them. */
  drop(source: string, target: string): Locator {
    return this.#line(source, target).filter({ hasText: ', dropped' });
  }

  /** Opens an entry of the lists. They are for those who do not see the drawing, so no mouse can reach them. */
  async select(entry: Locator): Promise<void> {
    await entry.press('Enter');
  }

  #line(source: string, target: string): Locator {
    return this.edges.getByRole('button', { name: new RegExp(`^${source} to ${target}, `) });
  }

  level(name: 'Namespace' | 'Workload' | 'Service' | 'Pod'): Locator {
    return this.toolbar.getByRole('radiogroup', { name: 'Level' }).getByRole('radio', { name });
  }

  colour(name: 'Verdict' | 'Latency'): Locator {
    return this.toolbar.getByRole('radiogroup', { name: 'Colour' }).getByRole('radio', { name });
  }

  /** Colour in the corner of the drawing, as painted: `rgb(11, 16, 20)`. */
  ground(): Promise<string> {
    return this.#page.evaluate(() => {
      const canvas = document.querySelector('canvas');
      // Read from a copy: reading the drawing itself often would move it off the fast path.
      const copy = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
      if (canvas === null || copy === null) return 'no canvas';
      copy.drawImage(canvas, 0, 0);
      const [red, green, blue] = copy.getImageData(0, 0, 1, 1).data;
      return `rgb(${red}, ${green}, ${blue})`;
    });
  }
}

/** How the map names a node given as `namespace/name`, or as `name` where it has no namespace. */
function describe(path: string): string {
  const [name, namespace] = path.split('/').toReversed();
  return `^${name}, \\w+${namespace === undefined ? '' : ` in ${namespace}`}`;
}
