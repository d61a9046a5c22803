/** The only owner of d3-zoom: an element and a callback in, a camera out. React never sees it. */
import { select, zoom, type ZoomBehavior, zoomIdentity } from 'd3';
import type { Box } from './graph/geometry.ts';

export interface Camera {
  /** Scale. */
  k: number;
  /** Where the map's origin is on the element, CSS pixels. */
  x: number;
  y: number;
}

export const IDENTITY: Camera = { k: 1, x: 0, y: 0 };
const MIN_SCALE = 0.05;
const MAX_SCALE = 2.5;
const PADDING = 14;

/** The corner at the lower right that the zoom buttons cover, CSS pixels. */
const CORNER = { width: 52, height: 106 };

/**
 * The camera that shows all of `box` in `width` x `height`, never larger than life. Where something of
 * `things` would lie under the zoom buttons, the picture leaves them their column.
 */
export function fitCamera(box: Box, width: number, height: number, things: Iterable<Box>): Camera {
  const camera = fitInto(box, width, height);
  const [right, bottom] = [width - CORNER.width, height - CORNER.height];
  const isCovered = [...things].some(
    (it) => (it.x + it.width) * camera.k + camera.x > right && (it.y + it.height) * camera.k + camera.y > bottom,
  );
  return isCovered ? fitInto(box, width - CORNER.width, height) : camera;
}

function fitInto(box: Box, width: number, height: number): Camera {
  const k = Math.min(1, (width - 2 * PADDING) / box.width, (height - 2 * PADDING) / box.height);
  const scale = Math.max(MIN_SCALE, k);
  return { k: scale, x: width / 2 - (box.x + box.width / 2) * scale, y: height / 2 - (box.y + box.height / 2) * scale };
}

export class ZoomAdapter {
  readonly #element: HTMLElement;
  readonly #zoom: ZoomBehavior<HTMLElement, unknown>;

  /** `onCamera` hears of every change; `byHand` tells whether a person made it. */
  constructor(element: HTMLElement, onCamera: (camera: Camera, byHand: boolean) => void) {
    this.#element = element;
    this.#zoom = zoom<HTMLElement, unknown>()
      .scaleExtent([MIN_SCALE, MAX_SCALE])
      .filter(
        (event: MouseEvent) =>
          (!event.ctrlKey && event.button === 0 && (event.target as Element).closest('button') === null) ||
          event.type === 'wheel',
      )
      .on('zoom', ({ transform, sourceEvent }: { transform: Camera; sourceEvent: unknown }) =>
        onCamera({ k: transform.k, x: transform.x, y: transform.y }, sourceEvent !== null),
      );
    select(element).call(this.#zoom).on('dblclick.zoom', null);
  }

  set({ k, x, y }: Camera): void {
    select(this.#element).call((it) => this.#zoom.transform(it, zoomIdentity.translate(x, y).scale(k)));
  }

  by(factor: number): void {
    select(this.#element).call((it) => this.#zoom.scaleBy(it, factor));
  }

  close(): void {
    select(this.#element).on('.zoom', null);
  }
}
