import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { checkCapabilities, checkKernel, checkPort } from './preflight.ts';

test.each(['6.1.0-18-amd64', '6.18.44', '7.0.0-rc1'])('kernel %s will do', (version) => {
  expect(() => checkKernel(version)).not.toThrow();
});

test.each(['5.15.0-91-generic', '6.0.19', '4.19.0'])('kernel %s will not', (version) => {
  expect(() => checkKernel(version)).toThrow(`kernel ${version} is too old for the datapath: it needs 6.1 or newer`);
});

test('a port that is taken is named; a free one is still free afterwards', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await expect(checkPort(port, '--port')).rejects.toThrow(
    `cannot use port ${port} on 127.0.0.1: another program listens there`,
  );
  await new Promise((resolve) => server.close(resolve));
  await checkPort(port, '--port');
  await checkPort(port, '--port');
});

test('root without its powers is told which are missing', () => {
  expect(() => checkCapabilities('Name:\tnode\nCapEff:\t000001ffffffffff\n')).not.toThrow();
  // What Docker gives a container by default.
  expect(() => checkCapabilities('CapEff:\t00000000a80425fb\n')).toThrow(
    'this root lacks CAP_NET_ADMIN, CAP_SYS_ADMIN, which',
  );
});
