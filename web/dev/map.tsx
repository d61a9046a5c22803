/**
 * Fixtures of the service map, for looking at it without a hub: `npx vite web --config web/vite.config.ts`, then
 * /dev/map.html?fixture=shop (or large, or url=/path/to/service-map.json), &theme=dark, &colour=latency,
 * &select=ID, &fold=ID. Double click lays out anew. Not part of the product.
 */
import { type ReactNode, StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import type { ServiceMap } from '../../server/wire/service-map.ts';
import '../src/app/base.css';
import '../src/app/top-bar.css';
import '../src/app/controls.css';
import type { MapSelection } from '../src/service-map/contract.ts';
import { ServiceMapView } from '../src/service-map/service-map-view.tsx';
import '../src/tokens.css';
import { large } from './large.ts';
import { shop } from './shop.ts';

const query = new URLSearchParams(location.search);
const theme = query.get('theme') ?? 'light';
document.documentElement.dataset['theme'] = theme;

async function load(): Promise<ServiceMap> {
  const url = query.get('url');
  if (url !== null) return (await (await fetch(url)).json()) as ServiceMap;
  return query.get('fixture') === 'large' ? large(2000, 10_000) : shop();
}

/** As from a hub: new objects each second. */
const again = (map: ServiceMap): ServiceMap => ({ ...map, edges: map.edges.map((it) => ({ ...it })) });

function Gallery(): ReactNode {
  const [map, setMap] = useState<ServiceMap | null>(null);
  const [selected, setSelected] = useState<MapSelection>(null);
  const [folded, setFolded] = useState<readonly string[]>(query.getAll('fold'));
  const [tidy, setTidy] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setInterval> | undefined;
    void load().then((first) => {
      setMap(first);
      timer = setInterval(() => setMap(again(first)), 1000);
    });
    return () => clearInterval(timer);
  }, []);
  const id = selected === null ? query.get('select') : selected.kind === 'edge' ? selected.edge.id : selected.node.id;
  const fold = (node: string, isFolded: boolean): void =>
    setFolded((before) => before.filter((it) => it !== node).concat(isFolded ? [node] : []));
  return (
    <div style={{ width: '100%', height: '100%' }} onDoubleClick={() => setTidy(tidy + 1)}>
      <ServiceMapView
        map={map}
        colour={query.get('colour') === 'latency' ? 'latency' : 'verdict'}
        selectedId={id}
        onSelect={setSelected}
        folded={folded}
        onFold={fold}
        tidyRequest={tidy}
        themeKey={theme}
      />
    </div>
  );
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <Gallery />
  </StrictMode>,
);
