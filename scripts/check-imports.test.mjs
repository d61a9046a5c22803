import { describe, expect, it } from 'vitest';
import { checkImports, folderOf, importsOf } from './check-imports.mjs';

const check = (files) => checkImports(new Map(Object.entries(files)));

describe('importsOf', () => {
  it('finds every form of import with its line, and nothing in comments', () => {
    const text = [
      "import { a } from './a.ts';",
      "import type { B } from '../b.ts';",
      'import {',
      '  c,',
      "} from 'c';",
      "export * from './d.ts';",
      "import 'e';",
      "const f = await import('./f.ts');",
      "type G = import('./g.ts').G;",
      " * import { no } from 'comment';",
      "// import { no } from 'comment';",
    ].join('\n');
    expect(importsOf(text).map(({ specifier, line }) => `${line} ${specifier}`)).toEqual([
      '1 ./a.ts',
      '2 ../b.ts',
      '5 c',
      '6 ./d.ts',
      '7 e',
      '8 ./f.ts',
      '9 ./g.ts',
    ]);
  });
});

describe('folderOf', () => {
  it('names the second level in server, else the first', () => {
    expect(['server/hub/api/flows.ts', 'web/src/main.tsx', 'vitest.config.ts'].map(folderOf)).toEqual([
      'server/hub',
      'web',
      '',
    ]);
  });
});

describe('checkImports', () => {
  it.each([
    ['server/hub/a.ts', '../wire/agent.ts'],
    ['server/hub/api/a.ts', '../../flows/decode.ts'],
    ['server/hub/a.ts', './b.ts'],
    ['server/datapath/a.ts', '../kernel/layouts.gen.ts'],
    ['server/datapath/a.kernel.test.ts', '../kernel/load.ts'],
    ['server/kernel/a.kernel.test.ts', '../../e2e/kernel/world.ts'],
    ['server/kernel/a.ts', 'ffi-napi'],
    ['web/src/a.tsx', '../../server/wire/live.ts'],
    ['web/src/a.tsx', 'react'],
    ['web/vite.config.ts', 'node:path'],
    ['bench/datapath/a.ts', '../../server/kernel/load.ts'],
  ])('lets %s import %s', (path, specifier) => {
    expect(check({ [path]: `import { x } from '${specifier}';` })).toEqual([]);
  });

  it.each([
    ['server/base/a.ts', '../wire/agent.ts', 'base has tiny helpers'],
    ['server/wire/a.ts', '../flows/a.ts', 'wire is what travels'],
    ['server/wire/a.ts', 'node:fs', 'browsers load it'],
    ['server/hub/a.ts', '../kernel/load.ts', 'without privileges'],
    ['server/hub/a.ts', '../agent/a.ts', 'without privileges'],
    ['server/agent/a.ts', '../hub/a.ts', 'only over the wire'],
    ['server/flows/a.ts', '../cluster/model.ts', 'any version'],
    ['server/datapath/a.ts', '../kernel/load.ts', 'only the generated layouts'],
    ['server/cluster/a.ts', '../agent/a.ts', 'whatever runs on its nodes'],
    ['server/agent/a.ts', 'ref-napi', 'only server/kernel imports ref-napi'],
    ['server/hub/a.ts', '../../web/src/a.ts', 'does not import web'],
    ['server/cli/a.ts', '../../bench/a.ts', 'not its tests, benchmarks'],
    ['web/src/a.tsx', '../../server/base/a.ts', 'only over the wire'],
    ['web/src/a.tsx', 'fs', 'no such module'],
  ])('refuses %s importing %s', (path, specifier, why) => {
    const problems = check({ [path]: `\nimport type { X } from '${specifier}';` });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${path}:2: `);
    expect(problems[0]).toContain(why);
  });

  it('refuses a circle of folders and a folder without a rule', () => {
    expect(check({ 'bench/a.ts': "import '../e2e/b.ts';", 'e2e/b.ts': "import '../bench/a.ts';" }).join()).toContain(
      'bench -> e2e -> bench',
    );
    expect(check({ 'server/new/a.ts': '' }).join()).toContain('has no rule');
  });
});
