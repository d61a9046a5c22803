/**
 * NetworkPolicy objects from outside to the model: validated and defaulted as the Kubernetes API server
 * does it (networking.k8s.io/v1), so that nothing behind has to ask again. Unknown fields are refused, as
 * kubectl does: in a policy, a mistyped field would quietly allow or deny something else.
 */
import { z } from 'zod';
import { type AddressBlock, isInside, parseBlock } from './address-block.ts';
import type { NetworkPolicySpec, Protocol } from './model.ts';

/** Annotation that stages a policy, and its only value. */
export const MODE_ANNOTATION = 'spyglass.io/mode';
export const AUDIT_MODE = 'audit';

/** Largest number of rules, peers, ports, expressions and so on in one list. */
const MAX_LIST = 1000;

const NAME_PART = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const PORT_NAME = /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/;
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const satisfies readonly Protocol[];

const PORT_WORDS = 'must be a port number from 1 to 65535 or the name of a container port';

/** A field that may be left out, or be null, which the API takes as left out. */
function orElse<S extends z.ZodType, F>(schema: S, fallback: F) {
  return schema.nullish().transform((it): z.output<S> | F => it ?? fallback);
}

function listOf<S extends z.ZodType>(item: S) {
  const words = `has more than ${MAX_LIST} entries, which is more than Spyglass takes`;
  return z
    .array(item)
    .max(MAX_LIST, words)
    .nullish()
    .transform((it) => it ?? []);
}

const labelKey = z.string().refine(isLabelKey, 'must be a label key such as app or example.com/app');
const labelValue = z
  .string()
  .refine(
    (it) => it === '' || NAME_PART.test(it),
    'must be a label value: at most 63 letters, digits, "-", "_" and ".", beginning and ending with a letter or digit',
  );

const requirement = z
  .strictObject({
    key: labelKey,
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: listOf(z.string()),
  })
  .superRefine(({ operator, values }, context) => {
    const takesValues = operator === 'In' || operator === 'NotIn';
    const fail = (message: string, ...path: (string | number)[]): void =>
      context.addIssue({ code: 'custom', path: ['values', ...path], message });
    if (takesValues && values.length === 0) fail(`must be given when operator is ${operator}`);
    if (!takesValues && values.length > 0) fail(`must not be given when operator is ${operator}`);
    for (const [i, value] of values.entries()) {
      if (takesValues && !labelValue.safeParse(value).success) fail('must be a label value', i);
    }
  });

const labelSelector = z.strictObject({
  matchLabels: orElse(z.record(labelKey, labelValue), {}),
  matchExpressions: listOf(requirement),
});

const block = z.string().superRefine((text, context) => {
  if (parseBlock(text) === null) {
    context.addIssue({ code: 'custom', message: 'must be an address range such as 10.0.0.0/8 or fd00::/64' });
  }
});

const ipBlock = z.strictObject({ cidr: block, except: listOf(block) }).superRefine(({ cidr, except }, context) => {
  const around = parseBlock(cidr);
  for (const [i, text] of except.entries()) {
    const part = parseBlock(text);
    if (around === null || part === null || isStrictPart(part, around)) continue;
    context.addIssue({ code: 'custom', path: ['except', i], message: `must lie within ${cidr} and be smaller` });
  }
});

const peer = z
  .strictObject({
    podSelector: orElse(labelSelector, null),
    namespaceSelector: orElse(labelSelector, null),
    ipBlock: orElse(ipBlock, null),
  })
  .superRefine((it, context) => {
    const selects = it.podSelector !== null || it.namespaceSelector !== null;
    if (it.ipBlock !== null && selects) {
      const message = 'must not stand beside podSelector or namespaceSelector';
      context.addIssue({ code: 'custom', path: ['ipBlock'], message });
    }
    if (it.ipBlock === null && !selects) {
      context.addIssue({ code: 'custom', message: 'must have a podSelector, a namespaceSelector or an ipBlock' });
    }
  });

const portNumber = z.number(PORT_WORDS).int(PORT_WORDS).min(1, PORT_WORDS).max(65_535, PORT_WORDS);

const port = z
  .strictObject({
    protocol: orElse(z.enum(PROTOCOLS), 'TCP' as const),
    port: orElse(z.union([portNumber, z.string().regex(PORT_NAME, PORT_WORDS)], PORT_WORDS), null),
    endPort: orElse(portNumber, null),
  })
  .superRefine(({ port: first, endPort }, context) => {
    if (endPort === null) return;
    const fail = (message: string): void => context.addIssue({ code: 'custom', path: ['endPort'], message });
    if (first === null) fail('must not be given without port');
    else if (typeof first === 'string') fail('must not be given when port is a name');
    else if (endPort < first) fail(`must not be below port ${first}`);
  });

const policySpec = z
  .strictObject({
    podSelector: orElse(labelSelector, { matchLabels: {}, matchExpressions: [] }),
    policyTypes: z
      .array(z.enum(['Ingress', 'Egress']))
      .max(2, 'must have at most two entries')
      .nullish(),
    ingress: listOf(z.strictObject({ from: listOf(peer), ports: listOf(port) })),
    egress: listOf(z.strictObject({ to: listOf(peer), ports: listOf(port) })),
  })
  .transform((it): NetworkPolicySpec => {
    const implied = it.egress.length > 0 ? (['Ingress', 'Egress'] as const) : (['Ingress'] as const);
    const given = [...new Set(it.policyTypes)];
    return { ...it, policyTypes: given.length > 0 ? given : [...implied] };
  });

const NO_ANNOTATIONS: Record<string, string> = {};
const annotations = z.record(z.string().max(317), z.string().max(262_144)).superRefine((it, context) => {
  const mode = it[MODE_ANNOTATION];
  if (mode === undefined || mode === AUDIT_MODE) return;
  const message = `must be "${AUDIT_MODE}", or be left out for a policy that is enforced`;
  context.addIssue({ code: 'custom', path: [MODE_ANNOTATION], message });
});

/** Annotations and spec of a NetworkPolicy; the rest of its metadata is checked as that of all objects. */
export const networkPolicySchema = z.object({
  metadata: z.object({
    name: z
      .string()
      .max(253)
      .regex(DNS_SUBDOMAIN, 'must be lower-case letters, digits, "-" and ".", such as allow-web'),
    annotations: orElse(annotations, NO_ANNOTATIONS),
  }),
  spec: orElse(policySpec, null).transform((it) => it ?? policySpec.parse({})),
});

function isLabelKey(text: string): boolean {
  const slash = text.indexOf('/');
  const prefix = slash < 0 ? null : text.slice(0, slash);
  return NAME_PART.test(text.slice(slash + 1)) && (prefix === null || isDnsSubdomain(prefix));
}

function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && DNS_SUBDOMAIN.test(text);
}

function isStrictPart(part: AddressBlock, whole: AddressBlock): boolean {
  return isInside(part, whole) && part.bits > whole.bits;
}
