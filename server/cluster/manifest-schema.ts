/**
 * The kinds the standalone node understands, as zod schemas: Kubernetes' own field names, of which only
 * the used ones are named. Unknown fields pass (images, resources, ...), wrong ones do not.
 */
import { z } from 'zod';
import { label, name, port, portName, portReference, protocol, texts } from './schema-parts.ts';
import { serviceSpec, serviceStatus } from './service-schema.ts';

const MAX_REPLICAS = 250;

const metadata = z.object({ name, namespace: label.optional(), labels: texts, annotations: texts });

const seconds = (fallback: number, least: number) => z.number().int().min(least).max(3600).default(fallback);

const probe = z
  .object({
    tcpSocket: z.object({ port: portReference }).optional(),
    httpGet: z
      .object({
        port: portReference,
        path: z
          .string()
          .max(1024)
          .regex(/^\/[!-~]*$/, 'must begin with "/" and hold no blanks')
          .default('/'),
      })
      .optional(),
    initialDelaySeconds: seconds(0, 0),
    periodSeconds: seconds(10, 1),
    timeoutSeconds: seconds(1, 1),
    successThreshold: seconds(1, 1),
    failureThreshold: seconds(3, 1),
  })
  .refine(
    (it) => (it.tcpSocket === undefined) !== (it.httpGet === undefined),
    'must have either tcpSocket or httpGet: the standalone node knows no other probes',
  );

const capability = z.enum(
  ['NET_ADMIN', 'NET_RAW', 'NET_BIND_SERVICE'],
  'must be NET_ADMIN, NET_RAW or NET_BIND_SERVICE: the standalone node grants no others',
);

const container = z.object({
  name: label,
  command: z
    .array(
      z.string().max(131_072),
      'is missing: the standalone node runs processes, not images, so a container needs one',
    )
    .min(1, 'is empty: the standalone node runs processes, not images, so a container needs one')
    .max(256),
  args: z.array(z.string().max(131_072)).max(256).default([]),
  workingDir: z.string().max(4096).startsWith('/', 'must be an absolute path').optional(),
  env: z
    .array(
      z.object({
        name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a name like LOG_LEVEL'),
        value: z.string().max(131_072).default(''),
        valueFrom: z.undefined('is not supported by the standalone node: give a value').optional(),
      }),
    )
    .max(1000)
    .default([]),
  ports: z
    .array(z.object({ name: portName.optional(), containerPort: port, protocol }))
    .max(100)
    .default([]),
  readinessProbe: probe.optional(),
  securityContext: z
    .object({ capabilities: z.object({ add: z.array(capability).max(3).default([]) }).optional() })
    .optional(),
});

export const podSpec = z.object({
  containers: z.array(container).min(1, 'is empty: a pod needs at least one container').max(20),
  initContainers: z.array(container).max(20).default([]),
  restartPolicy: z.enum(['Always', 'OnFailure', 'Never']).default('Always'),
  serviceAccountName: name.default('default'),
  hostNetwork: z.literal(false, 'is not supported by the standalone node').default(false),
});

const template = z.object({ metadata: z.object({ labels: texts, annotations: texts }), spec: podSpec });

const workloadSpec = z.object({
  replicas: z
    .number()
    .int()
    .min(0)
    .max(MAX_REPLICAS, `must be at most ${MAX_REPLICAS}: the standalone node has no room for more`)
    .default(1),
  selector: z.object({ matchLabels: texts }),
  template,
});

const workload = z.object({ metadata, spec: workloadSpec }).superRefine((it, context) => {
  const labels = it.spec.template.metadata.labels;
  const wrong = Object.entries(it.spec.selector.matchLabels).find(([key, value]) => labels[key] !== value);
  if (wrong === undefined) return;
  const message = `selects ${wrong[0]}=${wrong[1]}, which the labels of its own template do not have`;
  context.addIssue({ code: 'custom', path: ['spec', 'selector', 'matchLabels'], message });
});

const withSpec = <S extends z.ZodType>(spec: S) => z.object({ metadata, spec });

const serviceManifest = z
  .object({ metadata: metadata.extend({ name: label }), spec: serviceSpec, status: serviceStatus })
  .superRefine((it, context) => {
    if (it.spec.type === 'LoadBalancer' || it.status.loadBalancer.ingress.length === 0) return;
    const message = 'must be empty unless spec.type is LoadBalancer';
    context.addIssue({ code: 'custom', path: ['status', 'loadBalancer', 'ingress'], message });
  });

/** Kind, as `apiVersion/kind`, to its schema. */
export const SCHEMAS = {
  'v1/Namespace': z.object({ metadata: metadata.extend({ name: label }) }),
  'v1/Pod': withSpec(podSpec),
  'v1/Service': serviceManifest,
  'apps/v1/Deployment': workload,
  'apps/v1/StatefulSet': workload,
  'apps/v1/DaemonSet': workload,
} as const;

export type Metadata = z.infer<typeof metadata>;
export type ContainerManifest = z.infer<typeof container>;
export type PodSpecManifest = z.infer<typeof podSpec>;
export type ProbeManifest = z.infer<typeof probe>;
export type WorkloadManifest = z.infer<typeof workload>;
export type ServiceManifest = z.infer<(typeof SCHEMAS)['v1/Service']>;
