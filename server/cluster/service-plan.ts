/** A Service manifest to what the standalone node does with it. */
import { isIPv4 } from 'node:net';
import type { ServiceManifest } from './manifest-schema.ts';
import type { ServicePlan } from './plan.ts';
import { AFFINITY_SECONDS } from './service-schema.ts';

/** `where` goes into messages. Throws an Error that begins with it if fields do not go together. */
export function servicePlan(namespace: string, manifest: ServiceManifest, where: string): ServicePlan {
  const { metadata, spec, status } = manifest;
  const isName = spec.type === 'ExternalName';
  const asked = spec.clusterIPs.length > 0 ? spec.clusterIPs : spec.clusterIP === undefined ? [] : [spec.clusterIP];
  const headless = asked[0] === 'None';
  if (headless && spec.type !== 'ClusterIP')
    throw new Error(`${where}: a service of type ${spec.type} cannot be headless`);
  if (!headless && !isName && spec.ports.length === 0)
    throw new Error(`${where}: spec.ports is empty: a service needs a port`);
  const fixedIPs = headless || isName ? [] : asked.filter((it) => it !== '');
  const { clientIP } = spec.sessionAffinityConfig ?? {};
  const externalTrafficPolicy = spec.externalTrafficPolicy ?? 'Cluster';
  return {
    namespace,
    name: metadata.name,
    type: spec.type,
    headless,
    fixedIPs,
    families: isName ? [] : families(spec, fixedIPs),
    externalIPs: spec.externalIPs,
    loadBalancerIPs: status.loadBalancer.ingress.flatMap(({ ip }) => (ip === undefined ? [] : [ip])),
    loadBalancerSourceRanges: spec.loadBalancerSourceRanges,
    externalName: isName ? spec.externalName : '',
    selector: isName || Object.keys(spec.selector).length === 0 ? null : spec.selector,
    ports: spec.ports.map((it) => ({ ...it, name: it.name ?? '', targetPort: it.targetPort ?? it.port })),
    sessionAffinityTimeoutSeconds:
      spec.sessionAffinity === 'None' ? 0 : (clientIP?.timeoutSeconds ?? AFFINITY_SECONDS.byDefault),
    internalTrafficPolicy: spec.internalTrafficPolicy,
    externalTrafficPolicy,
    healthCheckNodePort: spec.healthCheckNodePort,
    publishNotReadyAddresses: spec.publishNotReadyAddresses,
    wantsNodePorts:
      spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false),
    wantsHealthCheckNodePort: spec.type === 'LoadBalancer' && externalTrafficPolicy === 'Local',
    where,
  };
}

function families(spec: ServiceManifest['spec'], fixedIPs: string[]): ServicePlan['families'] {
  const asked = [...spec.ipFamilies, ...fixedIPs.map((ip) => (isIPv4(ip) ? 'IPv4' : 'IPv6'))] as const;
  const list = [...new Set(asked.length > 0 ? asked : (['IPv4'] as const))];
  if (spec.ipFamilyPolicy === 'SingleStack' || list.length === 2) return list;
  return [...list, list[0] === 'IPv4' ? 'IPv6' : 'IPv4'];
}
