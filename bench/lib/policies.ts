/** Policies of the datapath benchmark: all select both pods, in both directions; one of them allows what is measured. */
import type { NetworkPolicy } from '../../server/cluster/model.ts';
import { NODE } from './cluster.ts';

/** `count` policies; each but the last allows a port to and from an address of its own. */
export function benchPolicies(count: number, port: number): NetworkPolicy[] {
  return Array.from({ length: count }, (_, i) => {
    const cidr = `172.${16 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32`;
    const isLast = i === count - 1;
    const peers = isLast ? [] : [{ podSelector: null, namespaceSelector: null, ipBlock: { cidr, except: [] } }];
    const ports = [{ protocol: 'TCP' as const, port: isLast ? port : 1000 + i, endPort: null }];
    return {
      uid: `policy-${i}`,
      namespace: NODE,
      name: `policy-${i}`,
      annotations: {},
      spec: {
        podSelector: { matchLabels: {}, matchExpressions: [] },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from: peers, ports }],
        egress: [{ to: peers, ports }],
      },
    };
  });
}
