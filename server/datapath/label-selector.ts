/**
 * Label selectors (Kubernetes, "Labels and Selectors"): all requirements must hold; NotIn and DoesNotExist
 * hold for an object that lacks the key.
 */
import type { LabelSelector, LabelSelectorRequirement } from '../cluster/model.ts';

type Labels = Readonly<Record<string, string>>;

/** A test for one selector, faster than the selector itself when there are many objects to ask about. */
export function selectorTest({ matchLabels, matchExpressions }: LabelSelector): (labels: Labels) => boolean {
  const exact = Object.entries(matchLabels);
  const tests = matchExpressions.map(requirementTest);
  return (labels) => exact.every(([key, value]) => own(labels, key) === value) && tests.every((test) => test(labels));
}

/** All keys that a selector asks about. */
export function selectorKeys({ matchLabels, matchExpressions }: LabelSelector): string[] {
  return [...Object.keys(matchLabels), ...matchExpressions.map((it) => it.key)];
}

function requirementTest({ key, operator, values }: LabelSelectorRequirement): (labels: Labels) => boolean {
  const set = new Set<string | undefined>(values);
  switch (operator) {
    case 'In':
      return (labels) => set.has(own(labels, key));
    case 'NotIn':
      return (labels) => !set.has(own(labels, key));
    case 'Exists':
      return (labels) => own(labels, key) !== undefined;
    case 'DoesNotExist':
      return (labels) => own(labels, key) === undefined;
  }
}

/** Labels come from outside: `constructor` is a label like any other. */
function own(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
