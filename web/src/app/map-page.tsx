/** The map above, the newest flows below, a line between them that can be dragged. */
import { memo, type ReactNode } from 'react';
import type { ServiceMap } from '../../../server/wire/service-map.ts';
import type { MapSelection } from '../service-map/contract.ts';
import { ServiceMapView } from '../service-map/service-map-view.tsx';
import { Divider } from './divider.tsx';
import type { PageState } from './page-state.ts';
import { useLength } from './preferences.ts';
import { Toolbar } from './toolbar.tsx';

interface MapPageProps {
  page: PageState;
  folded: readonly string[];
  change: (change: Partial<PageState>) => void;
  map: ServiceMap | null;
  ignored: readonly string[];
  fold: (nodeId: string, isFolded: boolean) => void;
  select: (selection: MapSelection) => void;
  tidy: () => void;
  tidyRequest: number;
  themeKey: string;
  openKeys: () => void;
  /** Null while it is hidden. */
  dock: ReactNode;
  hideDock: () => void;
}

/** The map is drawn anew for what concerns it, not for each flow below it. */
const StableMap = memo(ServiceMapView);

/** Toolbar, head and whole rows of the dock: 8, or 10 on a high screen. */
const DOCK = window.innerHeight >= 1000 ? 317 : 267;
const DOCK_LIMITS = [114, 800] as const;

export function MapPage(props: MapPageProps): ReactNode {
  const { page, folded, change, map, ignored, fold, select, tidy, tidyRequest, themeKey, openKeys, dock, hideDock } =
    props;
  const [height, setHeight] = useLength('dock-height', DOCK, DOCK_LIMITS);
  return (
    <div
      className="left"
      style={{ gridTemplateRows: `40px minmax(0, 1fr)${dock === null ? '' : ` min(${height}px, 70%)`}` }}
    >
      <Toolbar
        level={page.level}
        onLevel={(level) => change({ level, selected: null, folded: [] })}
        colour={page.colour}
        onColour={(colour) => change({ colour })}
        map={map}
        folded={folded}
        onFold={fold}
        ignored={ignored}
        onTidy={tidy}
        onKeys={openKeys}
      />
      <div className="stage">
        {map === null ? (
          <div className="map-wait" aria-label="Loading the map" role="status" />
        ) : (
          <StableMap
            map={map}
            colour={page.colour}
            selectedId={page.selected}
            onSelect={select}
            folded={folded}
            onFold={fold}
            tidyRequest={tidyRequest}
            themeKey={themeKey}
          />
        )}
      </div>
      {dock !== null && (
        <div className="dock">
          <Divider
            label="Height of the flows"
            size={height}
            onSize={setHeight}
            orientation="horizontal"
            onDoubleClick={hideDock}
          />
          {dock}
        </div>
      )}
    </div>
  );
}
