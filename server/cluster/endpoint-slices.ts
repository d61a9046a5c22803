/**
 * What Kubernetes' endpoint slice controller does: a service with a selector gets, per address family,
 * slices of the pods it selects. Pods that resolve the service's named ports differently go into
 * slices of their own. Pods that are not ready are listed as such.
 */
import { isIPv4 } from 'node:net';
import type { EndpointSlice, Pod, Service } from './model.ts';

/** Slices of one service. `families` are those it has addresses of; a headless one names them itself. */
export function endpointSlices(service: Service, families: ('IPv4' | 'IPv6')[], pods: Pod[]): EndpointSlice[] {
  const { selector } = service;
  if (selector === null) return [];
  const selected = pods.filter((pod) => pod.namespace === service.namespace && matches(pod.labels, selector));
  return families.flatMap((family) => {
    const groups = new Map<string, EndpointSlice>();
    for (const pod of selected) {
      const addresses = pod.podIPs.filter((ip) => isIPv4(ip) === (family === 'IPv4'));
      if (addresses.length === 0) continue;
      const ports = resolvePorts(service, pod);
      const key = JSON.stringify(ports);
      const slice = groups.get(key) ?? {
        namespace: service.namespace,
        name: `${service.name}-${family.toLowerCase()}-${groups.size}`,
        serviceName: service.name,
        addressType: family,
        ports,
        endpoints: [],
      };
      groups.set(key, slice);
      slice.endpoints.push({
        addresses,
        conditions: {
          ready: service.publishNotReadyAddresses || (pod.ready && !pod.terminating),
          serving: pod.ready,
          terminating: pod.terminating,
        },
        nodeName: pod.nodeName,
        targetRef: pod.uid,
      });
    }
    return [...groups.values()];
  });
}

function matches(labels: Record<string, string>, selector: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

/** Service ports as this pod serves them; a named target port the pod does not have is left out. */
function resolvePorts(service: Service, pod: Pod): EndpointSlice['ports'] {
  return service.ports.flatMap(({ name, protocol, targetPort, appProtocol }) => {
    const port =
      typeof targetPort === 'number'
        ? targetPort
        : pod.containerPorts.find((it) => it.name === targetPort && it.protocol === protocol)?.containerPort;
    return port === undefined ? [] : [{ name, port, protocol, appProtocol }];
  });
}
