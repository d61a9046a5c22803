/** The shape of a kind: two squares Deployment, cylinder StatefulSet, cube pod, hub Service, globe world, rack host. */
import type { ReactNode } from 'react';
import type { NodeKind } from '../../../server/wire/service-map.ts';

const PATHS: Readonly<Record<NodeKind, string>> = {
  Deployment: 'M5.5 3h7.5v7.5h-7.5zM3 5.5v7.5h7.5',
  StatefulSet:
    'M3 4.5c0-1 2.2-1.75 5-1.75s5 .75 5 1.75-2.2 1.75-5 1.75-5-.75-5-1.75zM3 4.5v7c0 1 2.2 1.75 5 1.75s5-.75 5-1.75v-7M3 8c0 1 2.2 1.75 5 1.75S13 9 13 8',
  DaemonSet: 'M2.75 2.75h4v4h-4zM9.25 2.75h4v4h-4zM2.75 9.25h4v4h-4zM9.25 9.25h4v4h-4z',
  Pod: 'M8 2.25 13 5v6l-5 2.75L3 11V5zM3 5l5 2.75L13 5M8 7.75v6',
  Service: 'M8 5.75v-3M8 13.25v-3M5.75 8h-3M13.25 8h-3M10.25 8a2.25 2.25 0 1 1-4.5 0 2.25 2.25 0 0 1 4.5 0z',
  Namespace: 'M2.75 2.75h10.5v10.5H2.75zM2.75 6h10.5',
  Host: 'M2.75 3.25h10.5v4H2.75zM2.75 8.75h10.5v4H2.75zM5 5.25h.01M5 10.75h.01',
  World: 'M13.5 8a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0zM2.5 8h11M8 2.5c3.5 3.6 3.5 7.4 0 11-3.5-3.6-3.5-7.4 0-11z',
};

export function KindIcon({ kind }: { kind: NodeKind }): ReactNode {
  return (
    <svg className="map-kind" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path
        d={PATHS[kind]}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinejoin="round"
        strokeLinecap="round"
      />
    </svg>
  );
}
