/** A node from its start to its end, in all the ways it can end: it leaves nothing behind. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CLIENTS, ECHO, sleeper } from './manifests.ts';
import {
  NODE,
  PINS,
  STATE,
  eventually,
  freePort,
  manifestFolder,
  pause,
  podLog,
  processTree,
  running,
  spyglass,
  stillRunning,
  traces,
} from './spyglass.ts';
import type { ClusterState } from '../../server/cluster/model.ts';

const state = (): ClusterState => JSON.parse(readFileSync(`${STATE}/cluster.json`, 'utf8')) as ClusterState;
/** Where the machine has not done it; the file system stays, as it would on a machine that has. */
const mountBpf = (): void => {
  if (!readFileSync('/proc/mounts', 'utf8').includes(' /sys/fs/bpf bpf '))
    execFileSync('mount', ['-t', 'bpf', 'bpf', '/sys/fs/bpf']);
};
const podNames = (): string[] =>
  state()
    .pods.filter((it) => it.namespace === 'default')
    .map((it) => it.name)
    .sort();

describe('the end', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s leaves no namespace, link, pin, process or file', async (signal) => {
    using folder = manifestFolder({ 'echo.yaml': ECHO, 'client.yaml': CLIENTS });
    await using up = await running(folder.path, await freePort());
    const tree = processTree(up.pid);
    expect(tree.length).toBeGreaterThan(5);
    const began = Date.now();
    const { code, output } = await up.kill(signal);
    expect(Date.now() - began).toBeLessThan(5000);
    expect(code).toBe(0);
    expect(output).toMatch(/stopped node e2e and removed .*4 network namespaces, \/run\/spyglass\/e2e/);
    expect(traces()).toEqual([]);
    expect(stillRunning(tree)).toEqual([]);
  });

  test('Ctrl-C in the middle of the start leaves nothing either', async () => {
    using folder = manifestFolder({ 'echo.yaml': ECHO });
    const up = running(folder.path, await freePort());
    up.catch(() => {});
    await eventually('the start', () => traces().includes(`spyglass-${NODE}`) || undefined);
    const pid = Number(readFileSync(`${STATE}.lock`, 'utf8'));
    const tree = processTree(pid);
    process.kill(pid, 'SIGINT');
    await eventually('its end', () => stillRunning(tree).length === 0 || undefined, 5000);
    expect(traces()).toEqual([]);
    await up.catch(() => undefined);
  });

  test('Ctrl-C in the last step of the start is heard', async () => {
    using folder = manifestFolder({ 'echo.yaml': ECHO });
    const up = running(folder.path, await freePort());
    up.catch(() => {});
    // The cluster's DNS is the first pod to be started, when all other steps are done.
    await eventually('the last step', () => {
      const logs = existsSync(`${STATE}/logs`) ? readdirSync(`${STATE}/logs`) : [];
      return logs.some((it) => it.startsWith('kube-system_kube-dns')) || undefined;
    });
    const pid = Number(readFileSync(`${STATE}.lock`, 'utf8'));
    const tree = processTree(pid);
    process.kill(pid, 'SIGINT');
    await eventually('its end', () => stillRunning(tree).length === 0 || undefined, 5000);
    expect(traces()).toEqual([]);
    await up.catch(() => undefined);
  });

  test('kill -9: processes end, and the next start removes the rest and works', async () => {
    using folder = manifestFolder({ 'echo.yaml': ECHO, 'client.yaml': CLIENTS });
    const port = await freePort();
    const killed = await running(folder.path, port);
    const tree = processTree(killed.pid);
    await killed.kill('SIGKILL');
    expect(traces()).toContain(STATE);
    // At once, on the same port, while some of its processes may still be ending.
    await using up = await running(folder.path, port);
    expect(up.output).toMatch(/removed what an earlier run left: .*4 network namespaces/);
    expect(stillRunning(tree)).toEqual([]);
    await eventually('an echo', () => podLog('default', 'client_main').includes('tick 3') || undefined);
    await up.kill('SIGINT');
    expect(traces()).toEqual([]);
  });

  test('namespaces and pins of another origin do not disturb the start', async () => {
    using folder = manifestFolder({ 'echo.yaml': ECHO });
    execFileSync('ip', ['netns', 'add', `spyglass-${NODE}`]);
    execFileSync('ip', ['netns', 'add', `spyglass-${NODE}-0badcafe`]);
    execFileSync('ip', ['netns', 'add', `spyglass-${NODE}-other-node`]);
    mountBpf();
    mkdirSync(`${PINS}/links`, { recursive: true });
    try {
      await using up = await running(folder.path, await freePort());
      expect(up.output).toContain('removed what an earlier run left: 2 network namespaces');
      await up.kill('SIGINT');
      // Another node's, by its name.
      expect(traces()).toEqual([`spyglass-${NODE}-other-node`]);
    } finally {
      execFileSync('ip', ['netns', 'delete', `spyglass-${NODE}-other-node`]);
    }
  });
});

describe('side by side', () => {
  test('a second up of the same node is refused and does not touch the first', async () => {
    using folder = manifestFolder({ 'echo.yaml': ECHO, 'client.yaml': CLIENTS });
    await using up = await running(folder.path, await freePort());
    const second = await spyglass('up', folder.path, '--node', NODE, '--port', String(await freePort()));
    expect(second.output).toBe(
      `spyglass: node ${NODE} is running already (process ${up.pid}): stop it, or choose another name with --node\n`,
    );
    expect(second.code).toBe(1);
    const ticks = podLog('default', 'client_main').length;
    await eventually('more echoes', () => podLog('default', 'client_main').length > ticks || undefined);
  });
});

describe('manifests that change', () => {
  test('are applied; broken ones are not, and say so', async () => {
    using folder = manifestFolder({ 'a.yaml': sleeper('one') });
    await using up = await running(folder.path, await freePort());
    const [before] = state().pods;
    folder.write(
      'b.yaml',
      `${sleeper('two')}---\n{apiVersion: v1, kind: Service, metadata: {name: nobody}, spec: {ports: [{port: 80}]}}`,
    );
    await up.says('manifests changed: 1 pods added, 0 removed');
    expect(podNames()).toEqual(['one', 'two']);
    expect(state().pods[0]?.uid).toBe(before?.uid);
    // A service without selector is a service nobody answers for.
    const service = state().services.find((it) => it.name === 'nobody');
    expect(service?.selector).toBeNull();
    expect(state().endpointSlices.filter((it) => it.serviceName === 'nobody')).toEqual([]);

    folder.write('b.yaml', 'kind: [');
    await up.says('b.yaml line 1: this is not YAML');
    await up.says('the manifests are not applied; what ran before goes on');
    await pause(300);
    expect(podNames()).toEqual(['one', 'two']);

    folder.write('b.yaml', sleeper('three'));
    await up.says('manifests changed: 1 pods added, 1 removed');
    expect(podNames()).toEqual(['one', 'three']);
  });
});

describe('pods', () => {
  test('run as nobody, in namespaces of their own, and are started again when they end', async () => {
    const program =
      'id -u; cat /proc/1/comm; hostname; cat /etc/resolv.conf; grep CapBnd /proc/self/status; grep NoNewPrivs /proc/self/status; ls /sys/class/net; sleep 1; exit 3';
    const pod = `{apiVersion: v1, kind: Pod, metadata: {name: curious}, spec: {containers: [{name: main, command: [sh, -c, "${program}"]}]}}`;
    using folder = manifestFolder({ 'a.yaml': pod });
    await using up = await running(folder.path, await freePort());
    await up.says('pod default/curious container main ended with code 3');
    expect(podLog('default', 'curious_main').split('\n').slice(0, 10)).toEqual([
      '65534',
      'sh',
      'curious',
      'search default.svc.cluster.local svc.cluster.local cluster.local',
      'nameserver 10.96.0.10',
      'options ndots:5',
      'CapBnd:\t0000000000000000',
      'NoNewPrivs:\t1',
      'eth0',
      'lo',
    ]);
    await up.says('it is started again in 10 s');
  });

  test('a command that does not exist is told in its own words', async () => {
    using folder = manifestFolder({
      'a.yaml':
        '{apiVersion: v1, kind: Pod, metadata: {name: lost}, spec: {containers: [{name: main, command: [no-such-program]}]}}',
    });
    await using up = await running(folder.path, await freePort());
    await up.says('pod default/lost container main ended with code 127: env:');
  });
});
