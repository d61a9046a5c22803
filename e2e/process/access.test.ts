/** A hub that asks who somebody is, as processes: TLS, tokens of readers and agents, and that no secret leaves it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { Hubs } from '../../server/agent/hubs.ts';
import { Outbox } from '../../server/agent/outbox.ts';
import { TestCertificate } from '../../server/hub/testing/certificate.ts';
import { writeRecord } from '../../server/flows/record-writer.ts';
import { nowNs } from '../../server/flows/timestamp.ts';
import { RECORD_LAYOUT } from '../../server/wire/record-layout.gen.ts';
import { DICTIONARY, flow, HELLO } from '../../server/hub/testing/hub-bed.ts';
import { eventually, spyglass, Up } from './spyglass.ts';

const certificate = new TestCertificate();
afterAll(() => certificate[Symbol.dispose]());
const file = (name: string): string => join(certificate.folder, name);

/** Makes a token; gives it, and leaves it in a file of this name. */
async function token(name: string, list: string, ...more: string[]): Promise<string> {
  const { code, output } = await spyglass('token', name, '--file', file(list), ...more);
  expect(code).toBe(0);
  writeFileSync(file(name), output);
  return output.trim();
}

interface Answer {
  status: number;
  cookie: string;
  body: string;
}

function ask(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string },
): Promise<Answer> {
  const { body = '', ...rest } = options;
  return new Promise((resolve, reject) => {
    const asked = request(url, { ...rest, ca: certificate.cert }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, cookie: String(answer.headers['set-cookie']), body: text });
      });
    });
    asked.on('error', reject).end(body);
  });
}

test('what is behind TLS and tokens is reached with them, and nothing tells a secret', async () => {
  const secrets = [
    await token('ada', 'readers'),
    await token('sam', 'readers', '--only', 'shop'),
    await token('node', 'agents', '--only', HELLO.node),
  ];
  const [ada = ''] = secrets;
  const files = ['--auth-token-file', file('readers'), '--agent-token-file', file('agents')];
  const tls = ['--tls-cert', certificate.certFile, '--tls-key', certificate.keyFile];
  const places = ['--listen', '127.0.0.1:0', '--grpc-listen', '127.0.0.1:0', '--store', 'memory'];
  const hub = new Up(['hub', ...places, '--auth', 'token', ...files, ...tls]);
  await hub.says('Spyglass hub on ');
  const [url = ''] = /https:\/\/[\d.:]+/.exec(hub.output) ?? [];

  // Agents.
  const reasons: string[] = [];
  const outbox = new Outbox(1024 * 1024);
  const connect = (tokenFile: string, own = new Outbox(1024)): Hubs =>
    new Hubs({
      urls: [url.replace('https', 'wss')],
      security: { tokenFile, caFile: certificate.certFile },
      hello: HELLO,
      outbox: own,
      snapshot: () => DICTIONARY,
      events: { connected: () => undefined, disconnected: (_where, reason) => reasons.push(reason) },
    });
  using agent = connect(file('node'), outbox);
  await eventually('the agent', () => agent.connected === 1 || undefined);
  using stranger = connect(file('ada'));
  using nobody = connect(file('no-such-file'));
  await eventually('two refusals', () => (reasons.length === 2 ? true : undefined));
  expect(reasons.toSorted()).toEqual([
    expect.stringMatching(/^The token in .*no-such-file cannot be read: ENOENT/),
    'the hub does not take the token of this agent; see --agent-token-file',
  ]);
  expect([stranger.connected, nobody.connected]).toEqual([0, 0]);

  // Readers.
  const outputs: string[] = [];
  const run = async (...args: string[]): Promise<{ code: number | null; output: string }> => {
    const ended = await spyglass(...args);
    outputs.push(ended.output);
    return ended;
  };
  const reach = ['--server', url, '--ca', certificate.certFile];
  expect((await run('status', ...reach, '--token-file', file('ada'))).output).toMatch(/1 of 1 connected/);
  expect((await run('status', ...reach, '--token-file', file('sam'))).output).toMatch(/totals are for readers of all/);
  expect((await run('observe', ...reach, '--token-file', file('sam'), '--last', '1')).code).toBe(0);
  expect(await run('status', ...reach)).toMatchObject({
    code: 1,
    output: expect.stringMatching(/answered 401.*--token-file/),
  });
  expect(await run('status', ...reach, '--token-file', file('node'))).toMatchObject({
    code: 1,
    output: expect.stringMatching(/answered 401/),
  });
  expect((await run('status', '--server', url, '--token-file', file('ada'))).output).toMatch(
    /No hub answers.*certificate/,
  );
  expect((await run('status', ...reach, '--token-file', file('readers'))).output).toMatch(/does not hold one token/);

  // Logins, good and bad, and requests that go wrong with a token in them.
  const json = { 'Content-Type': 'application/json' };
  const login = await ask(`${url}/api/v1/login`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ token: ada }),
  });
  expect(login.cookie).toMatch(/; Secure$/);
  const session = /spyglass_session=([^;]+)/.exec(login.cookie)?.[1] ?? '';
  secrets.push(session);
  const answers = [
    await ask(`${url}/api/v1/login`, { method: 'POST', headers: json, body: `{"token": ${ada}}` }),
    await ask(`${url}/api/v1/login`, { method: 'POST', headers: json, body: JSON.stringify({ token: [ada] }) }),
    await ask(`${url}/api/v1/flows?token=${ada}`, { headers: { Authorization: `Bearer ${ada}` } }),
    await ask(`${url}/api/v1/flows`, { headers: { Authorization: `Baerer ${ada}` } }),
    await ask(`${url}/api/v1/whoami`, { headers: { Cookie: `spyglass_session=${session}` } }),
    await ask(`${url}/metrics`, { headers: { Authorization: `Bearer ${secrets[1] ?? ''}` } }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 401, 200, 403]);

  // A certificate that is renewed counts without a restart.
  certificate.renew();
  await eventually('the new certificate', async () =>
    (await run('status', ...reach, '--token-file', file('ada'))).code === 0 ? true : undefined,
  );

  // A token that is taken away ends what is open with it.
  const follower = new Up(['observe', ...reach, '--token-file', file('sam'), '--follow']);
  await eventually('a follower', () => {
    outbox.add(writeRecord(RECORD_LAYOUT, flow()), 1, nowNs(), 0);
    agent.sendBatches();
    return follower.output.includes('shop/web-1') || undefined;
  });
  const readers = readFileSync(file('readers'), 'utf8').split('\n');
  writeFileSync(file('readers'), readers.filter((line) => !line.startsWith('sam:')).join('\n'));
  const { code, output: followed } = await follower.ended;
  outputs.push(followed);
  expect(followed).toMatch(/^spyglass: The hub broke off the answer: /m);
  expect(code).toBe(1);

  const seen = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${hub.pid}/${name}`, 'utf8'));
  const { output } = await hub.kill('SIGTERM');
  expect(output).toMatch(/the certificate was read again/);
  const everything = [output, ...outputs, ...reasons, ...seen, ...answers.map(({ body }) => body)].join('\n');
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(40);
    expect(everything).not.toContain(secret);
  }
});

test('a hub listens to other machines only if it asks who they are', async () => {
  const places = ['--listen', '0.0.0.0:0', '--grpc-listen', 'off', '--store', 'memory'];
  const refused = await spyglass('hub', ...places);
  expect(refused).toEqual({
    code: 1,
    output:
      'spyglass: The hub does not listen on 0.0.0.0: without authentication it serves only this machine; use 127.0.0.1, [::1] or localhost, or --auth token or kubernetes.\n',
  });
  await token('eve', 'readers');
  await token('other', 'agents');
  const files = ['--auth-token-file', file('readers'), '--agent-token-file', file('agents')];
  await using hub = new Up(['hub', ...places, '--auth', 'token', ...files]);
  await hub.says('Spyglass hub on http://0.0.0.0:');
  await hub.says('tokens travel in clear text');
});

test('a hub sends tokens to no API server that anybody could be', async () => {
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:8080' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: '' } }],
  };
  writeFileSync(file('kubeconfig'), JSON.stringify({ ...config, 'current-context': 'x', users: [] }));
  vi.stubEnv('KUBECONFIG', file('kubeconfig'));
  const { code, output } = await spyglass(
    'hub',
    '--listen',
    '127.0.0.1:0',
    '--grpc-listen',
    'off',
    '--auth',
    'kubernetes',
  );
  vi.unstubAllEnvs();
  expect(output).toBe(
    'spyglass: There is no Kubernetes API server to ask (tokens are not sent to "http://127.0.0.1:8080", which is not https); run in a pod, or set KUBECONFIG.\n',
  );
  expect(code).toBe(1);
});

test.each<[string[], RegExp]>([
  [['--auth', 'kubernetes', '--agent-token-file', '/etc/hostname'], /leave out --agent-token-file/],
  [
    ['--agent-token-file', '/etc/passwd'],
    /^spyglass: The tokens in \/etc\/passwd cannot be used: line 1, 2, 3, 4, 5 is not NAME/,
  ],
  [['--agent-token-file', '/no/such'], /^spyglass: The tokens in \/no\/such cannot be used: ENOENT/],
  [
    ['--tls-cert', '/etc/hostname', '--tls-key', '/etc/hostname'],
    /^spyglass: The certificate \/etc\/hostname and the key/,
  ],
  [['--allowed-host', 'http://x'], /must be a name such as spyglass\.example\.com/],
])('spyglass hub %j is refused in one sentence', async (args, words) => {
  const { code, output } = await spyglass('hub', '--listen', '127.0.0.1:0', '--grpc-listen', 'off', ...args);
  expect(output).toMatch(words);
  expect(output.trim().split('\n')).toHaveLength(1);
  expect(code).toBeGreaterThan(0);
});
