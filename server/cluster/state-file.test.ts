import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ClusterState } from './model.ts';
import { clusterFile, openStateFile, writeClusterState } from './state-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spyglass-state-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const state = (...namespaces: string[]): ClusterState => ({
  nodes: [],
  namespaces: namespaces.map((name) => ({ name, labels: {} })),
  pods: [],
  services: [],
  endpointSlices: [],
  networkPolicies: [],
  policyProblems: [],
});

test('a reader sees the state at once and every change after', async () => {
  const path = clusterFile(folder);
  writeClusterState(path, state('a'));
  await using source = openStateFile(path, () => {});
  expect(source.current).toEqual(state('a'));
  const seen: ClusterState[] = [];
  source.onChange((it) => seen.push(it));
  writeClusterState(path, state('a', 'b'));
  await vi.waitFor(() => expect(seen).toEqual([state('a', 'b')]));
  expect(source.current).toEqual(state('a', 'b'));
});

test('a broken file keeps the former state and says so', async () => {
  const path = clusterFile(folder);
  writeClusterState(path, state('a'));
  const problems: string[] = [];
  await using source = openStateFile(path, (it) => problems.push(it));
  writeFileSync(path, '{');
  await vi.waitFor(() => expect(problems[0]).toContain('cannot read the cluster state'));
  expect(source.current).toEqual(state('a'));
});

test('no file is a clear failure', () => {
  expect(() => openStateFile(clusterFile(folder), () => {})).toThrow('is spyglass up running?');
});
