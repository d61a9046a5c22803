/** NetworkPolicies of a running node: bad ones change nothing, and an agent that is away opens nothing. */
import { expect, test } from 'vitest';
import type { PolicyList } from '../../server/wire/policies.ts';
import { CLIENTS, ECHO } from './manifests.ts';
import { childOf, eventually, freePort, manifestFolder, pause, podLog, running } from './spyglass.ts';

const policy = (spec: string): string =>
  `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: echo}, spec: ${spec}}\n`;
const DENY = policy('{podSelector: {matchLabels: {app: echo}}, policyTypes: [Ingress]}');
const ALLOW = policy('{podSelector: {matchLabels: {app: echo}}, ingress: [{from: [{podSelector: {}}]}]}');
/** Would allow everybody if the mistyped field were left out, as the API server does. */
const MISTYPED = policy('{podSelector: {matchLabels: {app: echo}}, ingress: [{form: [{podSelector: {}}]}]}');

const ticks = (): number => podLog('default', 'client_main').split('tick').length;

/** Ten echoes a second come back while the connection is open. */
const stopped = (): Promise<true> =>
  eventually('no more echoes', async () => {
    const before = ticks();
    await pause(1000);
    return ticks() === before || undefined;
  });
const flowing = async (): Promise<void> => {
  const before = ticks();
  await eventually('echoes', () => ticks() > before + 5 || undefined);
};

test('a deny cuts, survives a bad version and kill -9, and is lifted', async () => {
  using folder = manifestFolder({ 'echo.yaml': ECHO, 'client.yaml': CLIENTS });
  const port = await freePort();
  await using up = await running(folder.path, port);
  const policies = async (): Promise<PolicyList> =>
    (await (await fetch(`http://127.0.0.1:${port}/api/v1/policies`)).json()) as PolicyList;
  const killAgent = async (meanwhile?: () => void): Promise<void> => {
    const agent = await eventually('the agent', () => childOf(up, 'agent'));
    process.kill(agent, 'SIGKILL');
    meanwhile?.();
    await eventually('another agent', () => {
      const next = childOf(up, 'agent');
      return next === agent ? undefined : next;
    });
  };
  await flowing();
  folder.write('policy.yaml', DENY);
  await stopped();

  folder.write('policy.yaml', MISTYPED);
  const { problems } = await eventually('the problem', async () => {
    const list = await policies();
    return list.problems.length > 0 ? list : undefined;
  });
  expect(problems).toMatchObject([
    {
      namespace: 'default',
      name: 'echo',
      message: expect.stringMatching(/unknown field: "form".*former version stays/),
    },
  ]);

  folder.write('broken.yaml', 'a: [1');
  const told = await eventually('the refused folder', async () => {
    const all = (await policies()).problems;
    return all.length > 1 ? all : undefined;
  });
  expect(told).toContainEqual({
    namespace: '',
    name: 'manifests',
    message: expect.stringMatching(
      /^The manifests are not applied, what was in force before stays: broken\.yaml line 1/,
    ),
  });
  folder.remove('broken.yaml');
  await eventually('the folder applied again', async () => (await policies()).problems.length === 1 || undefined);

  const closed = ticks();
  await killAgent();
  await eventually('the policy of the new agent', async () => (await policies()).policies.length === 1 || undefined);
  await pause(1000);
  expect(ticks()).toBe(closed);

  await killAgent(() => folder.write('policy.yaml', ALLOW));
  await flowing();
  await killAgent(() => folder.write('policy.yaml', DENY));
  await stopped();
});
