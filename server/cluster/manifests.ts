/**
 * Manifests to a plan: which pods shall run and which services stand before them. Pure; reading the
 * folder is manifest-folder.ts. All problems of all files are collected, then thrown as one Failure with
 * one sentence a line, so nothing is half read. Only a NetworkPolicy is refused by itself: what it would
 * have replaced stays in force.
 */
import { z } from 'zod';
import { Failure, sentence } from '../base/failure.ts';
import { l7Mode } from './l7-annotation.ts';
import type { Namespace } from './model.ts';
import type { ManifestPlan, PodPlan } from './plan.ts';
import { SCHEMAS } from './manifest-schema.ts';
import { networkPolicySchema } from './network-policy.ts';
import { servicePlan } from './service-plan.ts';
import { stableUid } from './stable-uid.ts';
import { podPlan, workloadPods } from './workload-pods.ts';
import { parseYaml } from './yaml-documents.ts';
import type { ManifestDocument } from './yaml-documents.ts';

/** Texts of refused documents may be of any length; what is told of them is not. */
const MAX_MESSAGE = 1000;
const MAX_NAME = 253;

const ALWAYS_THERE = ['default', 'kube-system'];

const header = z.object({
  apiVersion: z.string('is missing').max(253),
  kind: z.string('is missing').max(253),
  metadata: z.object(
    {
      name: z.string('is missing'),
      namespace: z.string().optional(),
    },
    'is missing',
  ),
});

/** `files` are names (for messages) and texts. Throws a Failure that names file, line and field. */
export function planFrom(files: { name: string; text: string }[]): ManifestPlan {
  const plan: ManifestPlan = {
    namespaces: [],
    pods: [],
    services: [],
    networkPolicies: [],
    policyProblems: [],
    warnings: [],
  };
  const problems: string[] = [];
  const declared = new Map<string, string>();
  const used = new Map<string, string>();
  const namespaces = new Map(ALWAYS_THERE.map((name): [string, Namespace] => [name, namespace(name, {})]));
  for (const file of files) {
    const parsed = parseYaml(file.name, file.text);
    problems.push(...parsed.problems);
    for (const document of parsed.documents) {
      try {
        addDocument(document);
      } catch (error) {
        problems.push(sentence(error));
      }
    }
  }
  for (const [name, where] of used) {
    if (!namespaces.has(name)) {
      problems.push(`${where}: namespace ${name} does not exist; add a Namespace manifest for it`);
    }
  }
  if (problems.length > 0) throw new Failure(problems.join('\n'));
  plan.namespaces = [...namespaces.values()];
  return plan;

  function addDocument(document: ManifestDocument): void {
    const { apiVersion, kind, metadata } = validate(document, 'document', header);
    const place = `${document.file} line ${document.line([])}`;
    const space = kind === 'Namespace' ? '' : (metadata.namespace ?? 'default');
    const title = `${kind} ${space === '' ? '' : `${space}/`}${metadata.name}`;
    const before = declared.get(title);
    if (before !== undefined) throw new Error(`${place}: ${title} is declared twice, first at ${before}`);
    declared.set(title, place);
    if (space !== '' && !used.has(space)) used.set(space, place);
    const id = `${apiVersion}/${kind}`;
    switch (id) {
      case 'v1/Namespace': {
        const manifest = validate(document, title, SCHEMAS[id]);
        namespaces.set(manifest.metadata.name, namespace(manifest.metadata.name, manifest.metadata.labels));
        return;
      }
      case 'v1/Pod': {
        const { metadata: meta, spec } = validate(document, title, SCHEMAS[id]);
        const template = { namespace: space, labels: meta.labels, annotations: meta.annotations, spec };
        addPods(place, title, () => [podPlan(meta.name, template, { kind, name: meta.name })]);
        return;
      }
      case 'apps/v1/Deployment':
      case 'apps/v1/StatefulSet':
      case 'apps/v1/DaemonSet': {
        const manifest = validate(document, title, SCHEMAS[id]);
        addPods(place, title, () => workloadPods(kind, space, manifest));
        return;
      }
      case 'v1/Service': {
        plan.services.push(servicePlan(space, validate(document, title, SCHEMAS[id]), `${place} (${title})`));
        return;
      }
      case 'networking.k8s.io/v1/NetworkPolicy':
        addPolicy(document, title, space, metadata.name);
        return;
      default:
        // Ignoring it would lift the policy that was enforced under this name.
        if (kind === 'NetworkPolicy') {
          const message = `${place} (${title}): apiVersion must be networking.k8s.io/v1, not ${apiVersion}`;
          refusePolicy(space, metadata.name, message.slice(0, MAX_MESSAGE));
        } else plan.warnings.push(`${place}: ${title} (${apiVersion}) is ignored for now`);
    }
  }

  /** A policy that is refused leaves the rest of the folder as it is. */
  function addPolicy(document: ManifestDocument, title: string, space: string, name: string): void {
    try {
      const { metadata, spec } = validate(document, title, networkPolicySchema);
      const uid = stableUid('NetworkPolicy', space, name);
      plan.networkPolicies.push({ uid, namespace: space, name, annotations: metadata.annotations, spec });
    } catch (error) {
      refusePolicy(space, name, sentence(error).slice(0, MAX_MESSAGE));
    }
  }

  function refusePolicy(space: string, name: string, message: string): void {
    plan.policyProblems.push({ namespace: space, name: name.slice(0, MAX_NAME) || '(none)', message });
    plan.warnings.push(`${message}; this policy is refused`);
  }

  function addPods(place: string, title: string, make: () => PodPlan[]): void {
    try {
      const pods = make();
      plan.pods.push(...pods);
      // All of a workload have the annotations of its template.
      const problem = pods[0] === undefined ? null : l7Mode(pods[0].annotations).problem;
      if (problem !== null) plan.warnings.push(`${place} (${title}): ${problem}`);
    } catch (error) {
      throw new Error(`${place} (${title}): ${sentence(error)}`, { cause: error });
    }
  }
}

function namespace(name: string, labels: Record<string, string>): Namespace {
  return { name, labels: { ...labels, 'kubernetes.io/metadata.name': name } };
}

function validate<S extends z.ZodType>(document: ManifestDocument, title: string, schema: S): z.infer<S> {
  const result = schema.safeParse(document.value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path ?? [];
  const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  const place = `${document.file} line ${document.line(path)} (document ${document.number}, ${title})`;
  throw new Error(`${place}: ${field.slice(1) || 'it'} ${issue === undefined ? 'is wrong' : wordsOf(issue)}`);
}

function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_key') return wordsFor(issue.issues[0]?.message ?? 'is no valid key');
  return wordsFor(issue.message);
}

function wordsFor(message: string): string {
  return message
    .replace(/^Invalid input: expected (\w+), received undefined$/, 'is missing')
    .replace(/^Invalid input: expected (\w+), received (\w+)$/, 'must be of type $1, not $2')
    .replace(
      /^Invalid option: expected one of (.*)$/,
      (_, options: string) => `must be one of ${options.replaceAll('|', ', ')}`,
    )
    .replace(/^Unrecognized keys?: (.*)$/, 'has an unknown field: $1')
    .replace(/^(Invalid|Too) /, (start) => `is ${start.toLowerCase()}`);
}
