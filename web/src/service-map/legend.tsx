/** What is on screen, and nothing else. */
import type { ReactNode } from 'react';
import type { ColourMode } from './contract.ts';
import { widthOf } from './graph/geometry.ts';
import type { LineEnd } from './graph/model.ts';

const LATENCIES = ['< 1 ms', '< 10', '< 50', '< 250', 'more'];

export function Legend({ ends, colour }: { ends: ReadonlySet<LineEnd>; colour: ColourMode }): ReactNode {
  return (
    <div className="map-legend" aria-hidden="true">
      {ends.has('forwarded') && (
        <span>
          <svg width="22" height="10">
            <path d="M0 5h16" className="map-l-edge" />
            <path d="M22 5l-8-4v8z" className="map-f-edge" />
          </svg>
          forwarded
        </span>
      )}
      {ends.has('dropped') && (
        <span>
          <svg width="22" height="12">
            <path d="M0 6h14" className="map-l-drop" />
            <path d="M14 0h3v12h-3z" className="map-f-drop" />
          </svg>
          dropped
        </span>
      )}
      {ends.has('unanswered') && (
        <span>
          <svg width="22" height="10">
            <path d="M0 5h12" className="map-l-dots" />
            <circle cx="16" cy="5" r="3.5" className="map-l-edge" />
          </svg>
          no answer
        </span>
      )}
      {colour === 'verdict' ? (
        <span>
          {[1, 100, 10_000].map((it) => (
            <svg key={it} width="18" height="10">
              <path d="M0 5h18" className="map-l-edge" style={{ strokeWidth: widthOf(it) }} />
            </svg>
          ))}
          1, 100, 10k packets/s
        </span>
      ) : (
        <span>
          {LATENCIES.map((words, i) => (
            <span key={words} className="map-legend-step">
              <i style={{ background: `var(--lat-${i + 1})` }} />
              {words}
            </span>
          ))}
        </span>
      )}
    </div>
  );
}
