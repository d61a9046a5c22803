/** The state of the data, always at the same place, never without a number. */
import type { ReactNode } from 'react';
import type { StatusMessage } from '../../../server/wire/live.ts';
import type { Connection } from '../live/live-socket.ts';
import type { Hold } from '../live/live-store.ts';
import { type Past, windowWords } from '../live/past.ts';
import { counted, exact } from '../words/numbers.ts';
import { clock, day } from '../words/times.ts';

/** Beyond it data is late, seconds. */
const LATE_S = 2;
/** Silence after which nothing is claimed to be live, ms. */
export const SILENT_MS = 5000;

export function isSilent(connection: Connection, now: number): boolean {
  return !connection.isOpen && (connection.heardAt === null || now - connection.heardAt > SILENT_MS);
}

interface ConnectionProps {
  connection: Connection;
  status: StatusMessage | null;
  hold: Hold | null;
  /** The range that is shown instead of what is live. */
  past: Past | null;
  now: number;
  onRetry: () => void;
  onLive: () => void;
}

export function ConnectionState(props: ConnectionProps): ReactNode {
  const { connection, status, hold, past, now, onRetry, onLive } = props;
  if (isSilent(connection, now) && (connection.heardAt !== null || connection.retryAt !== null)) {
    return <NotLive connection={connection} now={now} onRetry={onRetry} />;
  }
  if (status === null) {
    return (
      <output className="status" aria-label="Connection">
        <span>
          <i className="dot ring" />
          Connecting
        </span>
      </output>
    );
  }
  if (past !== null) {
    return (
      <output className="status" aria-label="Connection">
        <span>
          <i className="dot ring" />
          <b className="m">Past</b>
        </span>
        <span>{windowWords(0, past)}</span>
        <span>
          <button type="button" className="link" onClick={onLive}>
            back to live
          </button>
        </span>
      </output>
    );
  }
  if (hold !== null) {
    return (
      <output className="status" aria-label="Connection">
        <span>
          <i className="dot ring" />
          <b className="m">Held</b>
        </span>
        <span>since {clock(hold.since)}</span>
        <span>{exact(hold.missed)} new</span>
      </output>
    );
  }
  return <Live status={status} />;
}

function Live({ status }: { status: StatusMessage }): ReactNode {
  const nodes = status.nodes.filter((node) => node.connected);
  const slowest = nodes.reduce<StatusMessage['nodes'][number] | null>(
    (worst, node) => (worst === null || node.lag_s > worst.lag_s ? node : worst),
    null,
  );
  const lag = slowest?.lag_s ?? 0;
  const losers = status.nodes.filter((node) => node.lost > 0).map((node) => node.name);
  const gone = status.nodes.length - nodes.length;
  const isLate = lag > LATE_S;
  const isReplay = status.mode === 'replay';
  const trouble = isLate || status.lost > 0 || nodes.length === 0;
  const many = status.nodes.length > 1;
  return (
    <output className="status" aria-label="Connection">
      <span>
        <i className={`dot ${isReplay ? 'square' : trouble ? 'diamond' : ''}`} />
        <b className="m">{isReplay ? 'REPLAY' : 'Live'}</b>
      </span>
      {status.recording !== null && (
        <span>
          of {day(Date.parse(status.recording.recorded))},{' '}
          {status.recording.speed === 0 ? 'at once' : `${status.recording.speed}x`}
        </span>
      )}
      <span className={isLate ? 'warn' : ''}>
        {lag < 9.95 ? lag.toFixed(1) : Math.round(lag)} s behind
        {isLate && many && slowest !== null ? `, ${slowest.name}` : ''}
      </span>
      <span className={status.lost > 0 ? 'warn' : ''}>
        {exact(status.lost)} lost{losers.length > 0 && many ? `, ${losers.slice(0, 2).join(', ')}` : ''}
      </span>
      <span className={nodes.length === 0 ? 'warn' : ''} title={status.nodes.map((node) => node.name).join(', ')}>
        {counted(nodes.length, 'node')}
        {gone > 0 && `, ${exact(gone)} gone`}
      </span>
    </output>
  );
}

function NotLive({ connection, now, onRetry }: Pick<ConnectionProps, 'connection' | 'now' | 'onRetry'>): ReactNode {
  const wait = connection.retryAt === null ? null : Math.max(0, Math.ceil((connection.retryAt - now) / 1000));
  return (
    <output className="status bad" aria-label="Connection">
      <span>
        <i className="dot hollow" />
        <b className="m">Not live</b>
      </span>
      <span>{connection.heardAt === null ? 'no data yet' : `data of ${clock(connection.heardAt)}`}</span>
      <span>
        <button type="button" className="link" onClick={onRetry}>
          {wait === null ? 'trying now' : `retry in ${wait} s`}
        </button>
      </span>
    </output>
  );
}
