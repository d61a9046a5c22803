/** What stands in place of a page that cannot be shown. */
import type { ReactNode } from 'react';

export function UnknownPage({ path, onMap }: { path: string; onMap: () => void }): ReactNode {
  return (
    <div className="whole">
      <div className="card-state">
        <h3>No page is called {path.slice(0, 80)}</h3>
        <p>There are Map and Flows.</p>
        <p className="acts">
          <button type="button" className="btn" onClick={onMap}>
            Go to the map
          </button>
        </p>
      </div>
    </div>
  );
}

interface NoHubProps {
  /** Unix ms. */
  retryAt: number;
  now: number;
  onRetry: () => void;
}

/** When nothing has ever come; later the page goes on showing what it has. */
export function NoHub({ retryAt, now, onRetry }: NoHubProps): ReactNode {
  return (
    <div className="over">
      <div className="card-state" role="alert">
        <h3 className="bad">The hub does not answer</h3>
        <p>
          Nothing has come from {location.host}. The page tries again in{' '}
          {Math.max(0, Math.ceil((retryAt - now) / 1000))} s.
        </p>
        <p className="acts">
          <button type="button" className="btn" onClick={onRetry}>
            Try now
          </button>
        </p>
      </div>
    </div>
  );
}
