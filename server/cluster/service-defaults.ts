/** A Service as the Kubernetes API server completes it: what it does not say has the API's default. */
import type { Service } from './model.ts';

/** The fields given, and the defaults of a ClusterIP service without addresses for all others. */
export function serviceWithDefaults(given: Pick<Service, 'namespace' | 'name'> & Partial<Service>): Service {
  return {
    uid: `${given.namespace}/${given.name}`,
    type: 'ClusterIP',
    clusterIPs: [],
    externalIPs: [],
    loadBalancerIPs: [],
    loadBalancerSourceRanges: [],
    externalName: '',
    selector: null,
    ports: [],
    sessionAffinityTimeoutSeconds: 0,
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    healthCheckNodePort: 0,
    publishNotReadyAddresses: false,
    ...given,
  };
}
