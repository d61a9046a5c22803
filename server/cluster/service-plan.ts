/** A Service manifest to what the standalone node does with it. */
import { isIPv4 } from 'node:net';
import type { ServiceManifest } from './manifest-schema.ts';
import type { ServicePlan } from './plan.ts';

/** `where` goes into messages. Null for ExternalName, which has neither addresses nor ports to translate. */
export function servicePlan(namespace: string, manifest: ServiceManifest, where: string): ServicePlan | null {
  const { metadata, spec } = manifest;
  if (spec.type === 'ExternalName') return null;
  const asked = spec.clusterIPs.length > 0 ? spec.clusterIPs : spec.clusterIP === undefined ? [] : [spec.clusterIP];
  const headless = asked[0] === 'None';
  if (headless && spec.type !== 'ClusterIP')
    throw new Error(`${where}: a service of type ${spec.type} cannot be headless`);
  if (!headless && spec.ports.length === 0) throw new Error(`${where}: spec.ports is empty: a service needs a port`);
  const fixedIPs = headless ? [] : asked.filter((it) => it !== '');
  return {
    namespace,
    name: metadata.name,
    type: spec.type,
    headless,
    fixedIPs,
    families: families(spec, fixedIPs),
    selector: Object.keys(spec.selector).length === 0 ? null : spec.selector,
    ports: spec.ports.map((it) => ({ ...it, name: it.name ?? '', targetPort: it.targetPort ?? it.port })),
    where,
  };
}

function families(spec: ServiceManifest['spec'], fixedIPs: string[]): ServicePlan['families'] {
  const asked = [...spec.ipFamilies, ...fixedIPs.map((ip) => (isIPv4(ip) ? 'IPv4' : 'IPv6'))] as const;
  const list = [...new Set(asked.length > 0 ? asked : (['IPv4'] as const))];
  if (spec.ipFamilyPolicy === 'SingleStack' || list.length === 2) return list;
  return [...list, list[0] === 'IPv4' ? 'IPv6' : 'IPv4'];
}
