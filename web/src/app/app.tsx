/** The frame: what is chosen (in the address), what is live (in the store), and where each region stands. */
import { lazy, type ReactNode, Suspense, useCallback, useMemo, useRef, useState } from 'react';
import type { FlowFilter, FlowRow } from '../../../server/wire/live.ts';
import { DatapathPage } from '../datapath/datapath-page.tsx';
import { FilterBar } from '../filter/filter-bar.tsx';
import { formatFilter, type Term, termsOf, withTerms } from '../filter/grammar.ts';
import { isOfEdge, markerOf } from '../flows/edge-of.ts';
import { EmptyFlows } from '../flows/empty.tsx';
import { type FlowKeys, FlowPanel } from '../flows/flow-panel.tsx';
import { TopValues } from '../flows/top-values.tsx';
import { L7Page } from '../l7/l7-page.tsx';
import type { LiveStore } from '../live/live-store.ts';
import { PastContext } from '../live/past.ts';
import { useNow, useSignal } from '../live/use-signal.ts';
import type { MapSelection } from '../service-map/contract.ts';
import { ConnectionState, isSilent } from './connection.tsx';
import { Details } from './details-panel.tsx';
import { Divider } from './divider.tsx';
import { KeySheet } from './key-sheet.tsx';
import { MapPage } from './map-page.tsx';
import { useLength, useSwitch, useTheme } from './preferences.ts';
import { NoHub, UnknownPage } from './states.tsx';
import { TimeStrip } from './time-strip.tsx';
import { TopBar } from './top-bar.tsx';
import { usePage } from './use-page.ts';
import { usePageKeys } from './use-page-keys.ts';
import { useSubscription } from './use-subscription.ts';
import { quietFolds } from './folds.ts';

/** With the YAML library, which no other page needs. */
const PoliciesPage = lazy(async () => ({ default: (await import('../policies/policies-page.tsx')).PoliciesPage }));

const PANEL_LIMITS = [320, 640] as const;

/** `account`: who is logged in, if anybody has to be. */
export function App({ store, account }: { store: LiveStore; account: ReactNode }): ReactNode {
  const [page, change] = usePage();
  const { terms, mapFilter, ignoredByMap } = useSubscription(store, page);
  const [theme, toggleTheme] = useTheme();
  const [panelWidth, setPanelWidth] = useLength('panel', page.page === 'flows' ? 420 : 360, PANEL_LIMITS);
  const [isDockShown, showDock] = useSwitch('dock', true);
  const [singleLetters, setSingleLetters] = useSwitch('keys', true);
  const [areKeysShown, showKeys] = useState(false);
  const [tidyRequest, setTidyRequest] = useState(0);
  /** Nodes that somebody unfolded although they are folded by themselves. */
  const [unfolded, setUnfolded] = useState<readonly string[]>([]);
  const [flow, setFlow] = useState<FlowRow | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const flowKeys = useRef<FlowKeys | null>(null);

  const now = useNow();
  const connection = useSignal(store.connection);
  const status = useSignal(store.status);
  const hold = useSignal(store.hold);
  const map = useSignal(store.map);
  const timeline = useSignal(store.timeline);
  const tail = useSignal(store.flows);
  const refusal = useSignal(store.refusal);
  const pastProblem = useSignal(store.pastProblem);

  const setTerms = useCallback((next: readonly Term[]) => change({ filter: formatFilter(next) }), [change]);
  const addFilter = useCallback((filter: FlowFilter) => setTerms(withTerms(terms, termsOf(filter))), [setTerms, terms]);
  const setHeld = useCallback((held: boolean) => change({ held }), [change]);
  const goLive = useCallback(() => change({ held: false }), [change]);
  const select = useCallback(
    (selection: MapSelection) => {
      setFlow(null);
      change({
        selected: selection === null ? null : selection.kind === 'edge' ? selection.edge.id : selection.node.id,
      });
    },
    [change],
  );
  const closeDetails = useCallback(() => {
    if (flow === null) change({ selected: null });
    setFlow(null);
  }, [change, flow]);
  const { level, selected } = page;
  const folded = useMemo(() => {
    const quiet = map === null ? [] : quietFolds(map).filter((id) => !unfolded.includes(id));
    return [...page.folded, ...quiet.filter((id) => !page.folded.includes(id))];
  }, [page.folded, map, unfolded]);
  const fold = useCallback(
    (id: string, isFolded: boolean) => {
      setUnfolded((before) => [...before.filter((other) => other !== id), ...(isFolded ? [] : [id])]);
      change({ folded: [...page.folded.filter((other) => other !== id), ...(isFolded ? [id] : [])] });
    },
    [change, page.folded],
  );
  const tidy = useCallback(() => setTidyRequest((count) => count + 1), []);
  const rowsNow = useCallback(() => store.flows.get().rows, [store]);
  const keepKeys = useCallback((keys: FlowKeys) => {
    flowKeys.current = keys;
  }, []);
  const moveFlow = useCallback((by: 1 | -1) => flowKeys.current?.move(by), []);
  const openKeys = useCallback(() => showKeys(true), []);
  const showOnMap = useCallback(() => {
    const edge = flow === null ? undefined : map?.edges.find((candidate) => isOfEdge(flow.flow, candidate, level));
    change({ page: 'map', selected: edge?.id ?? null });
    setFlow(null);
  }, [change, flow, map, level]);

  const openFlows = useCallback(
    (filter: FlowFilter) => {
      setFlow(null);
      change({ page: 'flows', filter: formatFilter(termsOf(filter)) });
    },
    [change],
  );

  const isMarked = useMemo(() => markerOf(selected, level), [selected, level]);

  usePageKeys({
    page,
    folded,
    change,
    map,
    flow,
    singleLetters,
    field,
    flowKeys,
    addFilter,
    fold,
    tidy,
    closeDetails,
    areKeysShown,
    showKeys,
    toggleDock: () => showDock(!isDockShown),
  });

  const isNotLive = isSilent(connection, now);
  const total = timeline === null ? null : timeline.buckets.reduce((sum, bucket) => sum + bucket.flows, 0);
  const isOpen =
    (page.page === 'map' || page.page === 'flows') && (flow !== null || (selected !== null && map !== null));
  const flowPanel = (
    <FlowPanel
      tail={tail}
      flowRate={status?.flows_rate ?? null}
      hold={hold}
      onLive={goLive}
      selected={flow}
      onSelect={setFlow}
      isMarked={isMarked}
      onKeys={keepKeys}
      empty={
        <EmptyFlows
          isKnown={tail.isKnown}
          terms={terms}
          total={total}
          onRemove={(term) => setTerms(terms.filter((other) => other !== term))}
          onClear={() => setTerms([])}
        />
      }
      above={page.page === 'flows' ? <TopValues rows={tail.rows} onFilter={addFilter} /> : null}
    />
  );
  return (
    <PastContext value={page.past}>
      <div className={`page ${status?.mode === 'replay' ? 'replay' : ''} ${isNotLive ? 'stale' : ''}`}>
        <TopBar
          page={page}
          onPage={(next) => change({ page: next })}
          onTheme={toggleTheme}
          account={account}
          filter={
            <FilterBar
              terms={terms}
              onTerms={setTerms}
              rows={rowsNow}
              refusal={refusal}
              field={field}
              onOpen={() => change({ page: 'flows' })}
            />
          }
          connection={
            <ConnectionState
              connection={connection}
              status={status}
              hold={hold}
              past={page.past}
              now={now}
              onRetry={() => store.connect()}
              onLive={() => change({ past: null })}
            />
          }
        />
        <TimeStrip
          timeline={timeline}
          status={status}
          range={page.range}
          onRange={(range) => change({ range, past: null })}
          past={page.past}
          onPast={(past) => change({ past, held: false })}
          isHeld={page.held}
          onHeld={setHeld}
        />
        <main
          className={isOpen ? 'with-panel' : ''}
          style={isOpen ? { gridTemplateColumns: `minmax(0, 1fr) ${panelWidth}px` } : {}}
        >
          {page.page === 'unknown' && <UnknownPage path={location.pathname} onMap={() => change({ page: 'map' })} />}
          {page.page === 'flows' && flowPanel}
          {page.page === 'policies' && (
            <Suspense fallback={<div className="map-wait" role="status" aria-label="Loading" />}>
              <PoliciesPage
                selected={page.policy}
                onSelect={(policy) => change({ policy })}
                isHeld={page.held}
                onFlows={openFlows}
              />
            </Suspense>
          )}
          {page.page === 'l7' && (
            <L7Page
              windowS={page.range}
              filter={mapFilter}
              ignored={ignoredByMap}
              isHeld={page.held}
              selected={page.spoken}
              onSelect={(spoken) => change({ spoken })}
              onFlows={openFlows}
            />
          )}
          {page.page === 'datapath' && (
            <DatapathPage
              windowS={page.range}
              node={page.node}
              onNode={(node) => change({ node })}
              isHeld={page.held}
              status={status}
              flow={flow?.flow ?? null}
              onFlowClose={() => setFlow(null)}
            />
          )}
          {page.page === 'map' && (
            <MapPage
              page={page}
              folded={folded}
              change={change}
              map={map}
              ignored={ignoredByMap}
              fold={fold}
              select={select}
              tidy={tidy}
              tidyRequest={tidyRequest}
              themeKey={theme}
              openKeys={openKeys}
              dock={isDockShown ? flowPanel : null}
              hideDock={() => showDock(false)}
            />
          )}
          {pastProblem !== null && (
            <div className="over">
              <section className="card-state" role="alert">
                <h3>This range could not be shown</h3>
                <p>{pastProblem}</p>
                <p>
                  <button type="button" className="btn" onClick={() => change({ past: null })}>
                    Back to live
                  </button>
                </p>
              </section>
            </div>
          )}
          {isNotLive && status === null && connection.retryAt !== null && (
            <NoHub retryAt={connection.retryAt} now={now} onRetry={() => store.connect()} />
          )}
          {isOpen && (
            <div className="panel-slot">
              <Divider label="Width of the details" size={panelWidth} onSize={setPanelWidth} orientation="vertical" />
              <Details
                flow={flow}
                rows={tail.rows}
                selected={selected}
                map={map}
                group={level}
                windowS={page.range}
                folded={folded}
                onFold={fold}
                onEdge={(edge) => select({ kind: 'edge', edge })}
                onMove={moveFlow}
                onFilter={addFilter}
                onMap={showOnMap}
                onDatapath={() => change({ page: 'datapath' })}
                onPolicy={(policy) => change({ page: 'policies', policy })}
                onClose={closeDetails}
              />
            </div>
          )}
        </main>
        {areKeysShown && (
          <KeySheet singleLetters={singleLetters} onSingleLetters={setSingleLetters} onClose={() => showKeys(false)} />
        )}
      </div>
    </PastContext>
  );
}
