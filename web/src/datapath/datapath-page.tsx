/** Where packets go in the kernel, where they stop, what that costs, and whether the numbers can be trusted. */
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import type { Datapath } from '../../../server/wire/datapath.ts';
import type { HubbleFlow } from '../../../server/wire/hubble.ts';
import type { StatusMessage } from '../../../server/wire/live.ts';
import { Icon } from '../marks/icon.tsx';
import { portOf, shortEnd } from '../words/ends.ts';
import { clockMs } from '../words/times.ts';
import { EventLedger } from './event-ledger.tsx';
import { graphLayout } from './graph-layout.ts';
import { graphNumbers } from './graph-model.ts';
import { MapFill } from './map-fill.tsx';
import { StageGraph } from './stage-graph.tsx';
import { StageTimes } from './stage-times.tsx';
import { useDatapath } from './use-datapath.ts';
import './datapath.css';

interface DatapathPageProps {
  windowS: number;
  node: string | null;
  onNode: (node: string | null) => void;
  isHeld: boolean;
  status: StatusMessage | null;
  /** Its path is marked; null for none. */
  flow: HubbleFlow | null;
  onFlowClose: () => void;
}

const NO_PATH: readonly string[] = [];

export function DatapathPage(props: DatapathPageProps): ReactNode {
  const { windowS, node, onNode, isHeld, status, flow, onFlowClose } = props;
  const answer = useDatapath(windowS, node, isHeld);
  const datapath = typeof answer === 'string' ? null : answer;
  const names = (status?.nodes ?? []).map(({ name }) => name);
  return (
    <div className="left datapath">
      <div className="bar" role="toolbar" aria-label="Datapath">
        <h2>Datapath</h2>
        <label className="label" htmlFor="node">
          Node
        </label>
        <select id="node" className="btn" value={node ?? ''} onChange={(event) => onNode(event.target.value || null)}>
          <option value="">All, {names.length}</option>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        {flow !== null && (
          <button type="button" className="chip on" title="Mark no path" onClick={onFlowClose}>
            Path of{' '}
            <b className="m">
              {shortEnd(flow, 'source')} to {shortEnd(flow, 'destination')}
              {portOf(flow, 'destination') !== undefined && `:${portOf(flow, 'destination')}`}
            </b>{' '}
            {clockMs(flow.time)}
            <Icon name="close" size={12} />
          </button>
        )}
        {datapath !== null && !datapath.window.exact && (
          <span className="note">At least: a node was not watched for the whole range</span>
        )}
        <span className="gap" />
        <span>Bands are to scale, thinnest 1.5 px</span>
      </div>
      {typeof answer === 'string' ? (
        <div className="dagbox">
          <p className="card-state" role="alert">
            {answer}
          </p>
        </div>
      ) : datapath === null ? (
        <div className="dagbox map-wait" role="status" aria-label="Loading the stages" />
      ) : (
        <Graph datapath={datapath} path={flow?.extensions?.value.spyglass.path ?? NO_PATH} />
      )}
      <div className="low">
        {datapath !== null && (
          <>
            <StageTimes datapath={datapath} />
            <MapFill nodes={datapath.nodes} />
            <EventLedger nodes={datapath.nodes} onNode={onNode} />
          </>
        )}
      </div>
    </div>
  );
}

function Graph({ datapath, path }: { datapath: Datapath; path: readonly string[] }): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const [[width, height], setSize] = useState<readonly [number, number]>([0, 0]);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      const { width: wide = 0, height: high = 0 } = entry?.contentRect ?? {};
      setSize([Math.floor(wide), Math.floor(high)]);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const numbers = useMemo(() => graphNumbers(datapath), [datapath]);
  const layout = useMemo(() => graphLayout(width, height), [width, height]);
  return (
    // What is wider than the window is reached with the keyboard, too.
    <div ref={box} className="dagbox" tabIndex={0} role="region" aria-label="Stage graph">
      {width > 0 &&
        (numbers.in === 0 ? (
          <p className="dag-empty">No packet passed the datapath in this range.</p>
        ) : (
          <StageGraph numbers={numbers} layout={layout} path={path} />
        ))}
    </div>
  );
}
