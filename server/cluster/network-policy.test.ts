import { describe, expect, test } from 'vitest';
import { withFormerPolicies } from './former-policies.ts';
import { planFrom } from './manifests.ts';

const manifest = (spec: string, annotations = '{}') => `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: p, annotations: ${annotations} }
spec:
  ${spec}
`;

const plan = (spec: string, annotations?: string) => planFrom([{ name: 'p.yaml', text: manifest(spec, annotations) }]);

const ANYTHING = { matchLabels: {}, matchExpressions: [] };

describe('a valid policy', () => {
  test('has the defaults of the API', () => {
    const [policy] = plan(
      '{ podSelector: {}, ingress: [{ from: [{ podSelector: { matchLabels: { app: a } } }], ports: [{ port: 80 }, {}] }] }',
    ).networkPolicies;
    expect(policy).toMatchObject({ namespace: 'default', name: 'p', annotations: {} });
    expect(policy?.spec).toEqual({
      podSelector: ANYTHING,
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [
            {
              podSelector: { matchLabels: { app: 'a' }, matchExpressions: [] },
              namespaceSelector: null,
              ipBlock: null,
            },
          ],
          ports: [
            { protocol: 'TCP', port: 80, endPort: null },
            { protocol: 'TCP', port: null, endPort: null },
          ],
        },
      ],
      egress: [],
    });
  });

  test.each([
    ['{ podSelector: {} }', ['Ingress']],
    ['{}', ['Ingress']],
    ['{ podSelector: {}, policyTypes: [] }', ['Ingress']],
    ['{ podSelector: {}, egress: [] }', ['Ingress']],
    ['{ podSelector: {}, egress: [{}] }', ['Ingress', 'Egress']],
    ['{ podSelector: {}, policyTypes: [Egress], ingress: [{}] }', ['Egress']],
    ['{ podSelector: {}, policyTypes: [Ingress, Ingress] }', ['Ingress']],
  ])('%s is of the types %j', (spec, types) => {
    expect(plan(spec).networkPolicies[0]?.spec.policyTypes).toEqual(types);
  });

  test.each([
    ['{ ingress: [{ from: null, ports: null }], podSelector: null }', 'null is the same as left out'],
    ['{ egress: [{ to: [{ ipBlock: { cidr: 10.1.2.3/8, except: [010.0.0.0/016] } }] }] }', 'host bits, zeros in front'],
    ['{ egress: [{ to: [{ ipBlock: { cidr: "::ffff:10.0.0.0/104", except: ["10.1.0.0/16"] } }] }] }', 'mapped IPv4'],
    ['{ egress: [{ to: [{ ipBlock: { cidr: "::/0", except: ["fd00::/8"] } }] }] }', 'IPv6'],
    ['{ egress: [{ ports: [{ port: 1, endPort: 1 }, { port: http-2, protocol: SCTP }] }] }', 'ports'],
    ['{ podSelector: { matchExpressions: [{ key: a.b/c, operator: Exists }] } }', 'expression'],
    ['{ podSelector: { matchExpressions: [{ key: a, operator: In, values: [""] }] } }', 'empty label value'],
  ])('%s is accepted: %s', (spec) => {
    expect(plan(spec).policyProblems).toEqual([]);
  });

  test('the mode is audit or nothing', () => {
    expect(plan('{}', '{ spyglass.io/mode: audit }').networkPolicies[0]?.annotations).toEqual({
      'spyglass.io/mode': 'audit',
    });
    expect(plan('{}', '{ spyglass.io/mode: adit }').policyProblems[0]?.message).toContain('must be "audit"');
  });
});

const selector = (text: string) => `{ podSelector: ${text} }`;
const peer = (text: string) => `{ ingress: [{ from: [${text}] }] }`;
const port = (text: string) => `{ ingress: [{ ports: [${text}] }] }`;

test.each([
  [selector('{ matchExpressions: [{ key: a, operator: Near }] }'), 'operator must be one of "In", "NotIn", "Exists"'],
  [selector('{ matchExpressions: [{ key: a, operator: In }] }'), 'values must be given when operator is In'],
  [selector('{ matchExpressions: [{ key: a, operator: NotIn, values: [] }] }'), 'values must be given'],
  [selector('{ matchExpressions: [{ key: a, operator: Exists, values: [b] }] }'), 'values must not be given'],
  [selector('{ matchExpressions: [{ key: a, operator: DoesNotExist, values: [b] }] }'), 'values must not be given'],
  [selector('{ matchExpressions: [{ key: a, operator: In, values: ["b c"] }] }'), 'values[0] must be a label value'],
  [selector('{ matchExpressions: [{ key: "-a", operator: Exists }] }'), 'must be a label key'],
  [selector('{ matchLabels: { "a b": c } }'), 'must be a label key'],
  [selector('{ matchLabels: { "Upper.example/a": c } }'), 'must be a label key'],
  [selector('{ matchLabels: { a: "b/c" } }'), 'spec.podSelector.matchLabels.a must be a label value'],
  [selector('{ matchLabels: { a: null } }'), 'spec.podSelector.matchLabels.a'],
  [peer('{}'), 'spec.ingress[0].from[0] must have a podSelector, a namespaceSelector or an ipBlock'],
  [peer('null'), 'spec.ingress[0].from[0]'],
  [peer('{ ipBlock: { cidr: 10.0.0.0/8 }, podSelector: {} }'), 'ipBlock must not stand beside'],
  [peer('{ ipBlock: {} }'), 'cidr is missing'],
  [peer('{ ipBlock: { cidr: 10.0.0.0/33 } }'), 'cidr must be an address range'],
  [peer('{ ipBlock: { cidr: 10.0.0/8 } }'), 'cidr must be an address range'],
  [peer('{ ipBlock: { cidr: 10.0.0.1 } }'), 'cidr must be an address range'],
  [peer('{ ipBlock: { cidr: "::ffff:0:0/90" } }'), 'cidr must be an address range'],
  [peer('{ ipBlock: { cidr: 10.0.0.0/8, except: [11.0.0.0/16] } }'), 'except[0] must lie within 10.0.0.0/8'],
  [peer('{ ipBlock: { cidr: 10.0.0.0/8, except: [10.0.0.0/8] } }'), 'except[0] must lie within'],
  [peer('{ ipBlock: { cidr: 10.0.0.0/8, except: [0.0.0.0/0] } }'), 'except[0] must lie within'],
  [peer('{ ipBlock: { cidr: "::/0", except: [10.0.0.0/8] } }'), 'except[0] must lie within'],
  [peer('{ ipBlock: { cidr: 10.0.0.0/8, except: ["fd00::/64"] } }'), 'except[0] must lie within'],
  [port('{ port: 80, endPort: 79 }'), 'endPort must not be below port 80'],
  [port('{ port: http, endPort: 80 }'), 'endPort must not be given when port is a name'],
  [port('{ endPort: 80 }'), 'endPort must not be given without port'],
  [port('{ port: 0 }'), 'port must be a port number'],
  [port('{ port: 65536 }'), 'port must be a port number'],
  [port('{ port: "80" }'), 'port must be a port number'],
  [port('{ port: a--b }'), 'port must be a port number'],
  [port('{ port: sixteen-letters1 }'), 'port must be a port number'],
  [port('{ port: 80, protocol: ICMP }'), 'protocol must be one of "TCP", "UDP", "SCTP"'],
  ['{ policyTypes: [ingress] }', 'policyTypes[0] must be one of "Ingress", "Egress"'],
  ['{ podselector: {} }', 'spec has an unknown field: "podselector"'],
  ['{ ingress: [{ to: [] }] }', 'spec.ingress[0] has an unknown field: "to"'],
])('%s is refused', (spec, words) => {
  const { networkPolicies, policyProblems, warnings, pods } = plan(spec);
  expect({ networkPolicies, pods }).toEqual({ networkPolicies: [], pods: [] });
  expect(policyProblems).toEqual([{ namespace: 'default', name: 'p', message: expect.stringContaining(words) }]);
  expect(policyProblems[0]?.message).toMatch(/^p\.yaml line [67] \(document 1, NetworkPolicy default\/p\): /);
  expect(warnings[0]).toContain(words);
});

test('what is told of a refused policy is bounded', () => {
  const text = manifest(`{ ${Array.from({ length: 2000 }, (_, i) => `field${i}: 1`).join(', ')} }`).replace(
    'name: p',
    `name: ${'n'.repeat(300)}`,
  );
  const [problem] = planFrom([{ name: 'p.yaml', text }]).policyProblems;
  expect(problem?.name).toHaveLength(253);
  expect(problem?.message.length).toBeLessThanOrEqual(1000);
});

test('the former version of a refused policy stays, that of a removed one does not', () => {
  const former = plan('{ podSelector: { matchLabels: { app: a } } }');
  const refused = withFormerPolicies(former, plan('{ policyTypes: [Never] }'));
  expect(refused.networkPolicies).toEqual(former.networkPolicies);
  expect(refused.policyProblems[0]?.message).toContain('its former version stays in force');
  expect(withFormerPolicies(refused, plan('{ policyTypes: [Again] }')).networkPolicies).toEqual(former.networkPolicies);
  expect(withFormerPolicies(refused, planFrom([])).networkPolicies).toEqual([]);
  expect(withFormerPolicies(planFrom([]), plan('{ policyTypes: [Never] }')).networkPolicies).toEqual([]);
});
