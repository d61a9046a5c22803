/**
 * Keeps imports pointing one way: base <- wire <- everything else. Each folder says below what it may
 * import and why; `node scripts/check-imports.mjs` lists what breaks a rule and exits with 1.
 * Types-only imports count: a type from above is knowledge of what lies above.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Folder -> folders it may import (itself always), and the reason that is printed with a violation.
 * `generated` names folders of which only `*.gen.ts` files may be imported.
 *
 * @type {Record<string, { may: string[], generated?: string[], why: string }>}
 */
export const LAYERS = {
  'server/base': { may: [], why: 'base has tiny helpers without dependencies, so that everything can use them' },
  'server/wire': { may: ['server/base'], why: 'wire is what travels; the browser loads it, so it knows only base' },
  'server/kernel': {
    may: ['server/base', 'server/wire'],
    why: 'kernel is the door to native code and knows nothing of clusters or agents',
  },
  'server/cluster': {
    may: ['server/base', 'server/wire'],
    why: 'cluster is the model of the cluster, whatever runs on its nodes',
  },
  'server/datapath': {
    may: ['server/base', 'server/wire', 'server/cluster'],
    generated: ['server/kernel'],
    why: 'datapath computes map contents as pure functions; of the kernel it knows only the generated layouts',
  },
  'server/flows': {
    may: ['server/base', 'server/wire'],
    why: 'flows decodes records by the layout that came with them, for agents of any version',
  },
  'server/recording': {
    may: ['server/base', 'server/wire', 'server/flows'],
    why: 'a recording is what travels between agents and hubs, whoever they are',
  },
  'server/cni': {
    may: ['server/base', 'server/wire', 'server/kernel', 'server/cluster'],
    why: 'cni wires pods before, after and without an agent',
  },
  'server/agent': {
    may: [
      'server/base',
      'server/wire',
      'server/kernel',
      'server/cluster',
      'server/datapath',
      'server/flows',
      'server/cni',
    ],
    why: 'an agent runs on every node and meets the hub only over the wire',
  },
  'server/hub': {
    may: ['server/base', 'server/wire', 'server/flows', 'server/cluster'],
    why: 'a hub runs without privileges and on any machine; it meets agents only over the wire',
  },
  'server/standalone': {
    may: [
      'server/base',
      'server/wire',
      'server/kernel',
      'server/cluster',
      'server/datapath',
      'server/flows',
      'server/cni',
      'server/agent',
      'server/hub',
      'server/recording',
    ],
    why: 'standalone puts the parts together for `up`; only the command line lies above it',
  },
  'server/cli': {
    may: [
      'server/base',
      'server/wire',
      'server/kernel',
      'server/cluster',
      'server/datapath',
      'server/flows',
      'server/cni',
      'server/agent',
      'server/hub',
      'server/recording',
      'server/standalone',
    ],
    why: 'the command line uses the product, not its tests, benchmarks or pages',
  },
  web: { may: ['server/wire'], why: 'the page meets the server only over the wire' },
};

/** Packages that open native libraries, and the folder that may. */
const NATIVE = ['ffi-napi', 'ref-napi'];
const NATIVE_DOOR = 'server/kernel';
const NATIVE_WHY = 'one folder owns native memory, so that a crash has one place to look for';

/** Folders whose modules are loaded by browsers, where Node.js's own modules do not exist. */
const IN_BROWSER = ['server/wire', 'web'];

const ROOTS = ['server', 'web', 'bench', 'e2e', 'scripts'];
const SOURCE = /\.(ts|tsx|mts|mjs|js)$/;
const FROM = /^[ \t]*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm;
const BARE = /^[ \t]*import\s*['"]([^'"]+)['"]/gm;
const CALL = /\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/g;

/**
 * The folder of a file that rules speak of: `server/NAME` in server, else the top one; '' for a file at the root.
 *
 * @param {string} path relative to the repository, with `/`
 */
export function folderOf(path) {
  const parts = path.split('/');
  if (parts[0] === 'server' && parts.length > 2) return `server/${parts[1]}`;
  return parts.length > 1 ? parts[0] : '';
}

/**
 * Everything a source file imports, types included, with the line it stands on.
 *
 * @param {string} text
 * @returns {{ specifier: string, line: number }[]}
 */
export function importsOf(text) {
  const found = [];
  for (const pattern of [FROM, BARE, CALL]) {
    for (const match of text.matchAll(pattern)) {
      const before = text.slice(0, match.index + match[0].length);
      found.push({ specifier: match[1], line: before.split('\n').length });
    }
  }
  return found.toSorted((a, b) => a.line - b.line);
}

/** Tests and tool settings run in Node.js, wherever they stand. */
const runsInNode = (path) => /\.(test|config)\.[a-z]+$/.test(path);

const isNodeModule = (specifier) => specifier.startsWith('node:') || builtinModules.includes(specifier);

/** What one import breaks, as a sentence, or null. */
function violation(path, specifier) {
  const folder = folderOf(path);
  if (!specifier.startsWith('.')) {
    const name = specifier.split('/')[0];
    if (NATIVE.includes(name) && folder !== NATIVE_DOOR) return `only ${NATIVE_DOOR} imports ${name}: ${NATIVE_WHY}`;
    if (IN_BROWSER.includes(folder) && isNodeModule(specifier) && !runsInNode(path))
      return `${folder} does not import ${specifier}: browsers load it and have no such module`;
    return null;
  }
  const target = posix.normalize(posix.join(posix.dirname(path), specifier));
  const other = folderOf(target);
  const rule = LAYERS[folder];
  if (other === folder || !rule || rule.may.includes(other)) return null;
  if (rule.generated?.includes(other) && target.endsWith('.gen.ts')) return null;
  // A test that needs the real kernel is about the folder it stands in, but has to go through the door, and
  // may use the namespaces that e2e builds for such tests.
  if (path.endsWith('.kernel.test.ts') && (other === NATIVE_DOOR || other === 'e2e')) return null;
  return `${folder} does not import ${other || target}: ${rule.why}`;
}

/** The first cycle among folders as a list that ends where it starts, or null. */
function findCycle(edges) {
  const done = new Set();
  const walk = (folder, trail) => {
    const seen = trail.indexOf(folder);
    if (seen >= 0) return [...trail.slice(seen), folder];
    if (done.has(folder)) return null;
    for (const next of edges.get(folder) ?? []) {
      const cycle = walk(next, [...trail, folder]);
      if (cycle) return cycle;
    }
    done.add(folder);
    return null;
  };
  for (const folder of edges.keys()) {
    const cycle = walk(folder, []);
    if (cycle) return cycle;
  }
  return null;
}

/**
 * Checks a set of sources. Returns one sentence per broken rule, in the order of the files.
 *
 * @param {Map<string, string>} sources path relative to the repository -> text
 * @returns {string[]}
 */
export function checkImports(sources) {
  const problems = [];
  const edges = new Map();
  for (const [path, text] of sources) {
    const folder = folderOf(path);
    if (folder.startsWith('server/') && !LAYERS[folder])
      problems.push(`${path}: folder ${folder} has no rule; add it to LAYERS in scripts/check-imports.mjs`);
    for (const { specifier, line } of importsOf(text)) {
      const broken = violation(path, specifier);
      if (broken) problems.push(`${path}:${line}: ${broken}`);
      const other = specifier.startsWith('.') ? folderOf(posix.join(posix.dirname(path), specifier)) : '';
      // Generated files import nothing but wire, and tests are imported by nobody: neither closes a cycle.
      if (!other || other === folder || specifier.endsWith('.gen.ts') || runsInNode(path)) continue;
      edges.set(folder, (edges.get(folder) ?? new Set()).add(other));
    }
  }
  const cycle = findCycle(edges);
  if (cycle)
    problems.push(`folders import each other in a circle (${cycle.join(' -> ')}): none of them can be read alone`);
  return problems;
}

/** @returns {Map<string, string>} all source files under ROOTS, sorted by path */
function readSources(root) {
  const sources = new Map();
  for (const top of ROOTS.filter((name) => existsSync(join(root, name)))) {
    const files = readdirSync(join(root, top), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && SOURCE.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !/\/(node_modules|dist)\//.test(file));
    for (const file of files.toSorted()) {
      sources.set(relative(root, file), readFileSync(file, 'utf8'));
    }
  }
  return sources;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sources = readSources(dirname(dirname(fileURLToPath(import.meta.url))));
  const problems = checkImports(sources);
  for (const problem of problems) console.error(problem);
  console.error(
    problems.length > 0
      ? `${problems.length} imports point the wrong way.`
      : `Imports of ${sources.size} files point the right way.`,
  );
  process.exitCode = problems.length > 0 ? 1 : 0;
}
