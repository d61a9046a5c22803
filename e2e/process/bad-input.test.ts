/** What `spyglass up` refuses, with which words, and that it has started nothing then. */
import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { sleeper } from './manifests.ts';
import { NODE, freePort, manifestFolder, spyglass, traces } from './spyglass.ts';

describe('manifests that cannot be run', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ['no YAML', { 'a.yaml': 'kind: [Pod\nmetadata:' }, /^spyglass: a\.yaml line 2: this is not YAML: /],
    [
      'a pod without command',
      {
        'a.yaml':
          'apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec:\n  containers:\n    - name: web\n      image: nginx\n',
      },
      /^spyglass: a\.yaml line 6 .*Pod default\/web\): spec\.containers\[0\]\.command is missing: the standalone node runs processes/,
    ],
    [
      'the same name twice',
      { 'a.yaml': sleeper('one'), 'b.yaml': sleeper('one') },
      /^spyglass: b\.yaml line 2: Pod default\/one is declared twice, first at a\.yaml line 2$/m,
    ],
    [
      'a port that cannot be',
      {
        'a.yaml': `${sleeper('one')}---\n{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 70000}]}}`,
      },
      /Service default\/s\): spec\.ports\[0\]\.port must be a port number from 1 to 65535/,
    ],
    [
      'a cluster IP twice',
      {
        'a.yaml': ['a', 'b']
          .map(
            (it) =>
              `{apiVersion: v1, kind: Service, metadata: {name: ${it}}, spec: {clusterIP: 10.96.0.77, ports: [{port: 1}]}}`,
          )
          .join('\n---\n'),
      },
      /Service default\/b\): cluster IP 10\.96\.0\.77 belongs to service default\/a already/,
    ],
    ['no manifests', {}, /^spyglass: there are no manifests in .*: put \.yaml files with pods and services there$/m],
  ])('%s', async (_name, files, words) => {
    using folder = manifestFolder(files);
    const { code, output } = await spyglass('up', folder.path, '--node', NODE, '--port', String(await freePort()));
    expect(output).toMatch(words);
    expect(code).toBe(1);
    expect(traces()).toEqual([]);
  });
});

describe('a command line that cannot be run', () => {
  test.each<[string[], RegExp]>([
    [['up'], /^spyglass: missing required argument 'folder'/],
    [['up', '/tmp', '--port', '0'], /^spyglass: option '--port <number>' argument '0' is invalid/],
    [['up', '/tmp', '--grpc-port', 'x'], /^spyglass: option '--grpc-port <number>' argument 'x' is invalid/],
    [
      ['hub', '--export-endpoint', 'http://me:secret@h/v1/logs'],
      /^spyglass: --export-endpoint: the URL of h must be without user and password\.$/m,
    ],
    [['hub', '--tls-cert', '/etc/hostname'], /^spyglass: TLS takes both --tls-cert and --tls-key/],
    [['hub', '--auth', 'token'], /^spyglass: --auth token takes --auth-token-file and --agent-token-file/],
    [['hub', '--auth-token-file', '/etc/hostname'], /^spyglass: --auth-token-file is for --auth token/],
    [['up', '/tmp', '--node', 'Not_a_name'], /^spyglass: "Not_a_name" cannot be a node name/],
    [['up', '/tmp', '--frobnicate'], /^spyglass: unknown option '--frobnicate'/],
    [['frobnicate'], /^spyglass: unknown command 'frobnicate'/],
  ])('spyglass %j is wrong usage', async (args, words) => {
    const { code, output } = await spyglass(...args);
    expect(output).toMatch(words);
    expect(code).toBe(2);
  });

  test('a folder that does not exist', async () => {
    const { code, output } = await spyglass('up', '/no/such/folder', '--node', NODE);
    expect(output).toBe('spyglass: there is no folder /no/such/folder: name one with Kubernetes manifests\n');
    expect(code).toBe(1);
  });
});

test('a port that is taken', async () => {
  using folder = manifestFolder({ 'a.yaml': sleeper('one') });
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as AddressInfo;
  const { code, output } = await spyglass('up', folder.path, '--node', NODE, '--port', String(port));
  taken.close();
  expect(output).toBe(
    `spyglass: cannot use port ${port} on 127.0.0.1: another program listens there; choose another with --port\n`,
  );
  expect(code).toBe(1);
  expect(traces()).toEqual([]);
});

test('a folder that pods could not read', async () => {
  using folder = manifestFolder({ 'a.yaml': sleeper('one') });
  chmodSync(folder.path, 0o700);
  const { code, output } = await spyglass('up', folder.path, '--node', NODE);
  expect(output).toBe(
    `spyglass: pods run as nobody and could not read ${folder.path}, their working directory: chmod a+rx ${folder.path}\n`,
  );
  expect(code).toBe(1);
});
