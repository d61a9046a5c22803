/** The plan of a folder of manifests, with the built-in DNS unless the folder brings its own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readManifestFolder } from '../cluster/manifest-folder.ts';
import { planFrom } from '../cluster/manifests.ts';
import type { ManifestPlan } from '../cluster/plan.ts';
import { DNS_SERVICE } from './local-cluster.ts';
import { packageRoot } from './package-root.ts';

/** Throws a Failure that lists every problem. */
export function readPlan(folder: string): ManifestPlan {
  const files = readManifestFolder(folder);
  const plan = planFrom(files);
  const { namespace, name } = DNS_SERVICE;
  if (plan.services.some((it) => it.namespace === namespace && it.name === name)) return plan;
  const text = readFileSync(join(packageRoot(), 'server/standalone/dns/kube-dns.yaml'), 'utf8');
  return planFrom([...files, { name: 'kube-dns (built in)', text }]);
}
