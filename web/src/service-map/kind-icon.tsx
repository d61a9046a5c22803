/** The shape of a kind: two squares Deployment, cylinder StatefulSet, cube pod, hub Service, globe world, rack host. */
import type { ReactNode } from 'react';
import type { NodeKind } from '../../../server/wire/service-map.ts';

const PATHS: Readonly<Record<NodeKind, string>> = {
  Deployment: 'M1.5 3.5h7v7h-7zM4 1.5h6.5V8',
  StatefulSet:
    'M1.75 3c0-.9 1.9-1.6 4.25-1.6s4.25.7 4.25 1.6S8.35 4.6 6 4.6 1.75 3.9 1.75 3v6c0 .9 1.9 1.6 4.25 1.6s4.25-.7 4.25-1.6V3M1.75 6c0 .9 1.9 1.6 4.25 1.6S10.25 6.9 10.25 6',
  DaemonSet: 'M1.5 1.5H5V5H1.5zM7 1.5h3.5V5H7zM1.5 7H5v3.5H1.5zM7 7h3.5v3.5H7z',
  Pod: 'M6 1.2 10.2 3.6v4.8L6 10.8 1.8 8.4V3.6zM1.8 3.6 6 6l4.2-2.4M6 6v4.8',
  Service: 'M7.6 6a1.6 1.6 0 1 1-3.2 0 1.6 1.6 0 0 1 3.2 0zM6 1.2v3M6 7.8v3M1.2 6h3M7.8 6h3',
  Namespace: 'M1.5 1.5h9v9h-9zM1.5 4.2h9',
  Hidden: 'M1.5 1.5h9v9h-9zM1.5 6 6 1.5M1.5 10.5l9-9M6 10.5 10.5 6',
  Host: 'M1.5 2h9v3.5h-9zM1.5 6.5h9V10h-9zM3.4 3.75h.01M3.4 8.25h.01',
  World:
    'M10.6 6a4.6 4.6 0 1 1-9.2 0 4.6 4.6 0 0 1 9.2 0zM1.4 6h9.2M6 1.4c1.5 1.3 2.1 2.8 2.1 4.6S7.5 9.3 6 10.6C4.5 9.3 3.9 7.8 3.9 6S4.5 2.7 6 1.4z',
};

export function KindIcon({ kind }: { kind: NodeKind }): ReactNode {
  return (
    <svg className="map-kind" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <path d={PATHS[kind]} />
    </svg>
  );
}
