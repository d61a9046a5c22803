import { describe, expect, test } from 'vitest';
import { planFrom } from './manifests.ts';

const SHOP = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: api, namespace: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: api } }
  template:
    metadata: { labels: { app: api } }
    spec:
      containers:
        - name: api
          image: registry.example/api:1
          command: [node, app/service.mjs]
          args: [--fast]
          env: [{ name: PORT, value: "8080" }]
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { port: http, path: /healthz } }
---
apiVersion: v1
kind: Service
metadata: { name: api, namespace: shop }
spec:
  ipFamilyPolicy: PreferDualStack
  selector: { app: api }
  ports: [{ port: 80, targetPort: http }]
`;

const plan = (...texts: string[]) => planFrom(texts.map((text, i) => ({ name: `${i}.yaml`, text })));

const pod = (spec: string, name = 'p') => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec: ${spec}`;

describe('manifests become a plan', () => {
  test('a Deployment becomes pods with Kubernetes-like names, the same each time', () => {
    const { pods } = plan(SHOP);
    expect(pods.map((it) => it.name)).toEqual(plan(SHOP).pods.map((it) => it.name));
    expect(pods).toHaveLength(2);
    expect(pods[0]?.name).toMatch(/^api-[a-z0-9]{9}-[a-z0-9]{5}$/);
    expect(pods[0]?.name).not.toBe(pods[1]?.name);
    expect(pods[0]).toMatchObject({
      namespace: 'shop',
      labels: { app: 'api' },
      workload: { kind: 'Deployment', name: 'api' },
      containerPorts: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
      containers: [
        { argv: ['node', 'app/service.mjs', '--fast'], env: { PORT: '8080' }, readiness: { kind: 'http', port: 8080 } },
      ],
    });
  });

  test('another template gives other names, another count keeps them', () => {
    const before = plan(SHOP).pods.map((it) => it.name);
    expect(plan(SHOP.replace('--fast', '--slow')).pods.map((it) => it.name)).not.toContain(before[0]);
    expect(plan(SHOP.replace('replicas: 2', 'replicas: 3')).pods.map((it) => it.name)).toEqual(
      expect.arrayContaining(before),
    );
  });

  test('a StatefulSet counts its pods', () => {
    expect(plan(SHOP.replace('kind: Deployment', 'kind: StatefulSet')).pods.map((it) => it.name)).toEqual([
      'api-0',
      'api-1',
    ]);
  });

  test('services: families, named target port, no selector, headless', () => {
    expect(plan(SHOP).services[0]).toMatchObject({
      families: ['IPv4', 'IPv6'],
      ports: [{ name: '', port: 80, protocol: 'TCP', targetPort: 'http' }],
    });
    const service = (spec: string) => plan(`{apiVersion: v1, kind: Service, metadata: {name: s}, spec: ${spec}}`);
    expect(service('{ports: [{port: 80}]}').services[0]).toMatchObject({ selector: null, families: ['IPv4'] });
    expect(service('{clusterIP: None, selector: {a: b}}').services[0]).toMatchObject({ headless: true, fixedIPs: [] });
    expect(service('{clusterIP: "fd96::7", ports: [{port: 80}]}').services[0]).toMatchObject({ families: ['IPv6'] });
  });

  test('what has no effect is said', () => {
    const ingress = '{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: deny}}';
    expect(plan(SHOP, ingress).warnings).toEqual([
      '1.yaml line 1: Ingress default/deny (networking.k8s.io/v1) is ignored for now',
    ]);
  });
});

test('an annotation with a value that is none is said once a workload', () => {
  const annotated = (value: string) => {
    const metadata = `{labels: {app: web}, annotations: {spyglass.io/l7: "${value}"}}`;
    const template = `{metadata: ${metadata}, spec: {containers: [{name: c, command: [sleep]}]}}`;
    const spec = `{replicas: 3, selector: {matchLabels: {app: web}}, template: ${template}}`;
    return plan(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: ${spec}}`);
  };
  expect(annotated('full').warnings).toEqual([]);
  const { pods, warnings } = annotated('everything');
  expect(pods).toHaveLength(3);
  expect(warnings).toEqual([
    '0.yaml line 1 (Deployment default/web): the annotation spyglass.io/l7 is "everything", but must be "off", "metadata" or "full"; it counts as "metadata"',
  ]);
});

test('a NetworkPolicy of an API that is not known is refused, not left out', () => {
  const old = plan('{apiVersion: networking.k8s.io/v1beta1, kind: NetworkPolicy, metadata: {name: deny}, spec: {}}');
  expect(old.policyProblems).toEqual([
    {
      namespace: 'default',
      name: 'deny',
      message:
        '0.yaml line 1 (NetworkPolicy default/deny): apiVersion must be networking.k8s.io/v1, not networking.k8s.io/v1beta1',
    },
  ]);
  expect(old.networkPolicies).toEqual([]);
});

describe('what is wrong is said with file, line and field', () => {
  test.each<[string, string, string]>([
    ['malformed YAML', 'a: [1\nb: 2', '0.yaml line 2: this is not YAML'],
    [
      'a pod without command',
      pod('\n  containers:\n  - name: web\n    image: nginx'),
      '0.yaml line 7 (document 1, Pod default/p): spec.containers[0].command is missing: the standalone node runs processes, not images',
    ],
    ['a bad port', SHOP.replace('port: 80', 'port: 99999'), 'spec.ports[0].port must be a port number from 1 to 65535'],
    ['a port that is no number', SHOP.replace('containerPort: 8080', 'containerPort: x'), 'must be a port number'],
    [
      'an object twice',
      `${SHOP}\n---\n${pod('{containers: [{name: a, command: [a]}]}')}\n---\n${pod('{containers: [{name: a, command: [a]}]}')}`,
      'Pod default/p is declared twice, first at 0.yaml line',
    ],
    [
      'an undeclared namespace',
      SHOP.replace('metadata: { name: shop }', 'metadata: { name: other }'),
      'namespace shop does not exist',
    ],
    [
      'a selector that misses',
      SHOP.replace('{ matchLabels: { app: api } }', '{ matchLabels: { app: x } }'),
      'selects app=x',
    ],
    ['a missing kind', 'apiVersion: v1', '0.yaml line 1 (document 1, document): kind is missing'],
    ['a probe of an unknown port', SHOP.replace('port: http, path', 'port: nope, path'), 'names port "nope"'],
    ['an unquoted number in env', SHOP.replace('"8080"', '8080'), 'env[0].value must be of type string, not number'],
    [
      'several unnamed ports',
      SHOP.replace('[{ port: 80, targetPort: http }]', '[{ port: 80 }, { port: 81 }]'),
      'spec.ports[0].name is missing',
    ],
    [
      'a port twice',
      SHOP.replace('[{ port: 80,', '[{ name: a, port: 80 }, { name: b, port: 80,'),
      'repeats port 80/TCP',
    ],
    [
      'another capability',
      pod('{containers: [{name: a, command: [a], securityContext: {capabilities: {add: [SYS_ADMIN]}}}]}'),
      'must be NET_ADMIN',
    ],
    ['too many replicas', SHOP.replace('replicas: 2', 'replicas: 9999'), 'spec.replicas must be at most 250'],
    [
      'host network',
      pod('{hostNetwork: true, containers: [{name: a, command: [a]}]}'),
      'spec.hostNetwork is not supported',
    ],
  ])('%s', (_name, text, message) => {
    expect(() => plan(text)).toThrow(message);
  });

  test('all problems are told at once, one a line', () => {
    expect(() => plan('a: [', 'kind: Pod')).toThrow(/^0\.yaml line .*\n1\.yaml line /);
  });
});

describe('services as the API server takes them', () => {
  const service = (spec: string, status = '{}') =>
    plan(`{apiVersion: v1, kind: Service, metadata: {name: s}, spec: ${spec}, status: ${status}}`).services[0];
  const PORTS = 'ports: [{port: 80}]';

  test('what is not said has the defaults of the API', () => {
    expect(service(`{${PORTS}}`)).toMatchObject({
      sessionAffinityTimeoutSeconds: 0,
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Cluster',
      externalIPs: [],
      loadBalancerIPs: [],
      wantsNodePorts: false,
      wantsHealthCheckNodePort: false,
      publishNotReadyAddresses: false,
    });
    expect(service(`{${PORTS}, sessionAffinity: ClientIP}`)).toMatchObject({ sessionAffinityTimeoutSeconds: 10_800 });
  });

  test('a load balancer has the addresses of its status, node ports and, with Local, a health check', () => {
    const spec = `{type: LoadBalancer, externalTrafficPolicy: Local, ${PORTS}, externalIPs: [192.0.2.7]}`;
    expect(service(spec, '{loadBalancer: {ingress: [{ip: 192.0.2.8}, {hostname: lb.example}]}}')).toMatchObject({
      loadBalancerIPs: ['192.0.2.8'],
      externalIPs: ['192.0.2.7'],
      wantsNodePorts: true,
      wantsHealthCheckNodePort: true,
    });
    const without = service(`{type: LoadBalancer, allocateLoadBalancerNodePorts: false, ${PORTS}}`);
    expect(without).toMatchObject({ wantsNodePorts: false, wantsHealthCheckNodePort: false });
  });

  test('an ExternalName is a name and nothing else', () => {
    expect(service('{type: ExternalName, externalName: db.example.com}')).toMatchObject({
      externalName: 'db.example.com',
      families: [],
      ports: [],
      selector: null,
    });
  });

  test.each<[string, string]>([
    ['{type: ExternalName}', 'spec.externalName must be a lower-case host name'],
    ['{type: ExternalName, externalName: a.b, clusterIP: 10.96.0.9}', 'spec.clusterIP must not be set'],
    [
      `{${PORTS}, externalTrafficPolicy: Local}`,
      'spec.externalTrafficPolicy must not be set for a service that is not',
    ],
    [`{type: NodePort, ${PORTS}, healthCheckNodePort: 30001}`, 'spec.healthCheckNodePort must not be set unless'],
    [
      '{ports: [{port: 80, nodePort: 30080}]}',
      'spec.ports[0].nodePort must not be set for a service of type ClusterIP',
    ],
    [
      '{type: NodePort, ports: [{port: 80, nodePort: 80}]}',
      'spec.ports[0].nodePort must be a port from 30000 to 32767',
    ],
    [`{${PORTS}, externalIPs: [127.0.0.1]}`, 'spec.externalIPs[0] must not be unspecified, a loopback'],
    [`{${PORTS}, externalIPs: ["fe80::1"]}`, 'spec.externalIPs[0] must not be unspecified, a loopback'],
    [`{${PORTS}, externalIPs: [example.com]}`, 'spec.externalIPs[0] must be an IP address'],
    [`{${PORTS}, sessionAffinity: Cookie}`, 'spec.sessionAffinity must be one of'],
    [
      `{${PORTS}, sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}}`,
      'spec.sessionAffinityConfig must not be set',
    ],
    [
      `{${PORTS}, sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 90000}}}`,
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds must be from 1 to 86400',
    ],
    [`{type: LoadBalancer, ${PORTS}, loadBalancerSourceRanges: [10.0.0.0/8]}`, 'spec.loadBalancerSourceRanges is not'],
    [`{${PORTS}, allocateLoadBalancerNodePorts: true}`, 'spec.allocateLoadBalancerNodePorts must not be set'],
  ])('%s is refused', (spec, message) => {
    expect(() => service(spec)).toThrow(message);
  });

  test('load balancer addresses of another type are refused', () => {
    expect(() => service(`{${PORTS}}`, '{loadBalancer: {ingress: [{ip: 192.0.2.8}]}}')).toThrow(
      'status.loadBalancer.ingress must be empty unless spec.type is LoadBalancer',
    );
  });
});
