/** Zoom by hand, for those without a wheel. */
import type { ReactNode } from 'react';

const STEP = 1.3;

export function ZoomButtons({ zoomBy, fit }: { zoomBy: (factor: number) => void; fit: () => void }): ReactNode {
  const button = (label: string, path: string, onClick: () => void): ReactNode => (
    <button type="button" aria-label={label} title={label} onClick={onClick}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <path d={path} />
      </svg>
    </button>
  );
  return (
    <div className="map-zoom">
      {button('Zoom in', 'M8 3.5v9M3.5 8h9', () => zoomBy(STEP))}
      {button('Zoom out', 'M3.5 8h9', () => zoomBy(1 / STEP))}
      {button('Fit the map', 'M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3', fit)}
    </div>
  );
}
