/** What is on screen, and nothing else. */
import type { ReactNode } from 'react';
import type { ColourMode } from './contract.ts';
import { widthOf } from './graph/geometry.ts';
import type { LineEnd } from './graph/model.ts';

const LATENCIES = ['< 1 ms', '< 10', '< 50', '< 250', 'more'];
const RATES = [1, 100, 10_000];

interface LegendProps {
  ends: ReadonlySet<LineEnd>;
  /** Whether any line has errors. */
  hasErrors: boolean;
  colour: ColourMode;
}

export function Legend({ ends, hasErrors, colour }: LegendProps): ReactNode {
  return (
    <div className="map-legend" aria-hidden="true">
      {ends.has('forwarded') && (
        <span>
          <svg width="18" height="12" strokeWidth="1.75">
            <path d="M1 6h14M11 2.5 15.5 6 11 9.5" />
          </svg>
          forwarded
        </span>
      )}
      {ends.has('dropped') && (
        <span className="dropped">
          <svg width="18" height="12" strokeWidth="1.75">
            <path d="M1 6h9" />
            <path d="M12.5 1v10" strokeWidth="2.75" />
          </svg>
          dropped
        </span>
      )}
      {hasErrors && (
        <span className="failing">
          <svg width="22" height="12" strokeWidth="1.75">
            <path d="M0 6h17M13.5 2.5 18 6 13.5 9.5" />
            <path d="M4 2v8M7 2v8M10 2v8" strokeWidth="1.25" />
          </svg>
          errors
        </span>
      )}
      {ends.has('unanswered') && (
        <span className="unanswered">
          <svg width="18" height="12" strokeWidth="1.5">
            <path d="M1 6h9" strokeDasharray="1.5 2.2" />
            <circle cx="13.5" cy="6" r="2.75" />
          </svg>
          no answer
        </span>
      )}
      {colour === 'verdict' ? (
        <span className="widths">
          {RATES.map((it) => (
            <svg key={it} width="18" height="12" strokeWidth={widthOf(it)}>
              <path d="M0 6h18" />
            </svg>
          ))}
          1, 100, 10k packets/s
        </span>
      ) : (
        <span>
          p95
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
