/**
 * Services as the Kubernetes API server accepts them (v1.34): field by field, then what goes together. Fields
 * that are not named here pass and have no effect.
 */
import { BlockList, isIPv4 } from 'node:net';
import { z } from 'zod';
import { port, portName, portReference, protocol } from './schema-parts.ts';

export const NODE_PORTS = { first: 30_000, last: 32_767 } as const;
/** Kubernetes' default of sessionAffinityConfig.clientIP.timeoutSeconds, three hours, and its limit, a day. */
export const AFFINITY_SECONDS = { byDefault: 10_800, most: 86_400 } as const;

const nodePort = z
  .number()
  .int()
  .refine(
    (it) => it === 0 || (it >= NODE_PORTS.first && it <= NODE_PORTS.last),
    `must be a port from ${NODE_PORTS.first} to ${NODE_PORTS.last}`,
  )
  .default(0);

const servicePort = z.object({
  name: portName.optional(),
  port,
  protocol,
  targetPort: portReference.optional(),
  nodePort,
  appProtocol: z.string().max(253).default(''),
});

const ip = z.union([z.ipv4(), z.ipv6()], 'must be an IP address');
const clusterIP = z.union([z.literal('None'), z.literal(''), ip], 'must be an IP address or None');

/** Addresses that never lead from one machine to another. */
const special = new BlockList();
special.addSubnet('0.0.0.0', 32);
special.addSubnet('127.0.0.0', 8);
special.addSubnet('169.254.0.0', 16);
special.addSubnet('224.0.0.0', 4);
for (const [address, bits] of [
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  special.addSubnet(address, bits, 'ipv6');
}

const externalIP = ip.refine(
  (it) => !special.check(it, isIPv4(it) ? 'ipv4' : 'ipv6'),
  'must not be unspecified, a loopback, link-local or multicast address',
);

const trafficPolicy = z.enum(['Cluster', 'Local']);

const affinityConfig = z.object({
  clientIP: z
    .object({
      timeoutSeconds: z
        .number()
        .int()
        .min(1, `must be from 1 to ${AFFINITY_SECONDS.most}`)
        .max(AFFINITY_SECONDS.most, `must be from 1 to ${AFFINITY_SECONDS.most}`)
        .default(AFFINITY_SECONDS.byDefault),
    })
    .default({ timeoutSeconds: AFFINITY_SECONDS.byDefault }),
});

const fields = z.object({
  type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']).default('ClusterIP'),
  clusterIP: clusterIP.optional(),
  clusterIPs: z.array(clusterIP).max(2).default([]),
  ipFamilies: z
    .array(z.enum(['IPv4', 'IPv6']))
    .max(2)
    .default([]),
  ipFamilyPolicy: z.enum(['SingleStack', 'PreferDualStack', 'RequireDualStack']).default('SingleStack'),
  externalIPs: z.array(externalIP).max(100).default([]),
  externalName: z.string().max(253).default(''),
  selector: z.record(z.string().max(317), z.string().max(63)).default({}),
  ports: z.array(servicePort).max(100).default([]),
  sessionAffinity: z.enum(['None', 'ClientIP']).default('None'),
  sessionAffinityConfig: affinityConfig.optional(),
  internalTrafficPolicy: trafficPolicy.default('Cluster'),
  externalTrafficPolicy: trafficPolicy.optional(),
  healthCheckNodePort: nodePort,
  allocateLoadBalancerNodePorts: z.boolean().optional(),
  loadBalancerSourceRanges: z
    .array(z.string())
    .max(0, 'is not supported: traffic would pass that it is meant to keep out')
    .default([]),
  publishNotReadyAddresses: z.boolean().default(false),
});

/** The name of another host, RFC 1123; a last dot is allowed. */
const HOST_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\.?$/;

export const serviceSpec = fields.superRefine((it, context) => {
  const refuse = (path: (string | number)[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  const seen = new Set<string>();
  for (const [i, entry] of it.ports.entries()) {
    const key = `${entry.port}/${entry.protocol}`;
    if (seen.has(key)) refuse(['ports', i], `repeats port ${key}`);
    seen.add(key);
    if (it.ports.length > 1 && entry.name === undefined) {
      refuse(['ports', i, 'name'], 'is missing: a service with several ports needs a name for each');
    }
    if (entry.nodePort !== 0 && it.type !== 'NodePort' && it.type !== 'LoadBalancer') {
      refuse(['ports', i, 'nodePort'], `must not be set for a service of type ${it.type}`);
    }
  }
  if (it.type === 'ExternalName') {
    if (!HOST_NAME.test(it.externalName)) {
      refuse(['externalName'], 'must be a lower-case host name, such as db.example.com, for type ExternalName');
    }
    if ([it.clusterIP ?? '', ...it.clusterIPs].some((address) => address !== '')) {
      refuse(['clusterIP'], 'must not be set for a service of type ExternalName');
    }
  }
  if (it.sessionAffinity === 'None' && it.sessionAffinityConfig !== undefined) {
    refuse(['sessionAffinityConfig'], 'must not be set unless sessionAffinity is ClientIP');
  }
  const isExternal = it.type === 'NodePort' || it.type === 'LoadBalancer' || it.externalIPs.length > 0;
  if (it.externalTrafficPolicy !== undefined && !isExternal) {
    refuse(['externalTrafficPolicy'], 'must not be set for a service that is not reached from outside');
  }
  if (it.healthCheckNodePort !== 0 && (it.type !== 'LoadBalancer' || it.externalTrafficPolicy !== 'Local')) {
    refuse(['healthCheckNodePort'], 'must not be set unless type is LoadBalancer and externalTrafficPolicy is Local');
  }
  if (it.allocateLoadBalancerNodePorts !== undefined && it.type !== 'LoadBalancer') {
    refuse(['allocateLoadBalancerNodePorts'], 'must not be set unless type is LoadBalancer');
  }
});

/** Of the status, what a load balancer writes there: on the standalone node the manifest stands in for it. */
export const serviceStatus = z
  .object({
    loadBalancer: z
      .object({
        ingress: z
          .array(z.object({ ip: externalIP.optional() }))
          .max(100)
          .default([]),
      })
      .default({ ingress: [] }),
  })
  .default({ loadBalancer: { ingress: [] } });
