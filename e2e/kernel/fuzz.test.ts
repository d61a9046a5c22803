/**
 * Random packets through the real programs for a bounded time. Whatever comes, the kernel stays calm, every packet is
 * accounted for, and the flow cache keeps its entries in pairs.
 *
 * SPYGLASS_FUZZ_SECONDS: how long (20). SPYGLASS_FUZZ_SEED: the seed of a run that failed, which repeats its packets.
 */
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Attachment } from '../../server/cluster/attachment.ts';
import { KernelError } from '../../server/kernel/errors.ts';
import { FLOW_ENTRY, FLOW_KEY } from '../../server/kernel/layouts.gen.ts';
import { packStruct, readStruct } from '../../server/wire/struct.ts';
import { readsAsIp, total } from './accounting.ts';
import { addressBytes, ETHERNET_BYTES, sums } from './packet-builder.ts';
import { PacketSource, type Wire } from './fuzz-packets.ts';
import { grown, TestBed, type Totals } from './test-bed.ts';

const SECONDS = Number(process.env['SPYGLASS_FUZZ_SECONDS'] ?? 20);
const SEED = Number(process.env['SPYGLASS_FUZZ_SEED'] ?? randomInt(2 ** 32));
/** Packets between two readings of the counters. */
const BATCH = 128;
/** Batches between two walks over the flow cache, which is emptied then: it must not become so full that it forgets. */
const BATCHES_A_WALK = 32;
/** Batches between two changes of a service's backends, in the middle of its connections. */
const BATCHES_A_CHANGE = 5;
const BACKENDS = [['one', 'two'], ['two'], ['one'], ['client', 'one']];

/** A service without backends: answers come from its addresses. */
const EMPTY = ['10.96.0.12', 'fd96::12'];

interface Sent {
  program: 'from_pod' | 'to_pod';
  pod: string;
  packet: Buffer;
  /** `answer`: dropped, and answered in its place. */
  verdict: string;
}

let bed: TestBed;
/** The counters after the last batch. */
let counted: Totals;
beforeAll(async () => {
  bed = await TestBed.create('f');
  setBackends(['one', 'two']);
  bed.addService('self', ['10.96.0.11', 'fd96::11'], 80, 8080, ['client']);
  bed.addService('none', EMPTY, 80, 8080, []);
  counted = bed.totals();
});
afterAll(() => bed[Symbol.dispose]());

test(
  'random packets for a while',
  () => {
    console.log(`seed ${SEED}, ${SECONDS} s`);
    const source = new PacketSource(SEED);
    const warnings = kernelWarnings();
    const until = performance.now() + SECONDS * 1000;
    const verdicts: Record<string, number> = {};
    for (let batch = 0; performance.now() < until || batch < BATCHES_A_WALK; batch++) {
      if (batch % BATCHES_A_CHANGE === 0) setBackends(BACKENDS[source.below(BACKENDS.length)] ?? []);
      const sent = sendBatch(source, batch);
      for (const { verdict } of sent) verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
      if (batch % BATCHES_A_WALK === BATCHES_A_WALK - 1) checkPairs(batch);
    }
    checkPairs(-1);
    console.log(`verdicts: ${JSON.stringify(verdicts)}`);
    // Each path was walked, or the packets were not worth sending.
    for (const verdict of ['ok', 'drop', 'redirect']) expect(verdicts[verdict], verdict).toBeGreaterThan(100);
    expect(verdicts['answer']).toBeGreaterThan(5);
    expect(kernelWarnings()).toEqual(warnings);
  },
  (SECONDS + 120) * 1000,
);

function setBackends(pods: string[]): void {
  bed.addService('web', ['10.96.0.10', 'fd96::10'], 80, 8080, pods);
}

/** Sends a batch and compares what the counters gained with the verdicts. */
function sendBatch(source: PacketSource, batch: number): Sent[] {
  const sent = bed.inside(() => Array.from({ length: BATCH }, () => sendOne(source)).filter((it) => it !== undefined));
  const [before, after] = [counted, bed.totals()];
  counted = after;
  const ends = grown(before.ends, after.ends);
  const isIp = (it: Sent): boolean => readsAsIp(it.packet);
  const dropped = sent.filter((it) => it.verdict === 'drop' || it.verdict === 'answer');
  // Of IP packets, those that parsing left to the stack have no edge; of others, none has.
  const leftAlone = (ends['PARSE.STACK'] ?? 0) - sent.filter((it) => !isIp(it) && it.verdict === 'ok').length;
  const found = {
    ends: total(ends),
    dropEnds: total(Object.fromEntries(Object.entries(ends).filter(([end]) => end.endsWith('.DROP')))),
    dropReasons: total(grown(before.drops, after.drops)),
    edges: after.packets - before.packets,
  };
  const wanted = {
    ends: sent.length,
    dropEnds: dropped.length,
    dropReasons: dropped.length,
    edges: sent.filter(isIp).length - leftAlone,
  };
  expect(found, `seed ${SEED}, batch ${batch}: ${JSON.stringify(ends)}\n${describe(sent)}`).toEqual(wanted);
  return sent;
}

/** @returns undefined if the kernel makes no socket buffer of the packet. */
function sendOne(source: PacketSource): Sent | undefined {
  const pod = bed.pods[source.below(bed.pods.length)];
  if (pod === undefined) return undefined;
  const program = source.below(5) === 0 ? 'to_pod' : 'from_pod';
  const packet = source.next(wireOf(pod, program));
  try {
    const { verdict, data } = bed.runInside(program, pod, packet);
    if (verdict === 'redirect' && isAnswer(data)) return { program, pod: pod.name, packet, verdict: 'answer' };
    if (data.length !== packet.length) throw new Error(`seed ${SEED}: the length of ${packet.toString('hex')} changed`);
    return { program, pod: pod.name, packet, verdict: String(verdict) };
  } catch (error) {
    if (error instanceof KernelError && packet.length < 14 + 40) return undefined;
    throw error;
  }
}

/** Whether the packet comes from a service without backends; then its checksums must be right. */
function isAnswer(data: Buffer): boolean {
  const packet = data.subarray(ETHERNET_BYTES);
  const source = (packet[0] ?? 0) >> 4 === 4 ? packet.subarray(12, 16) : packet.subarray(8, 24);
  if (!EMPTY.some((it) => addressBytes(it).equals(source))) return false;
  const { header = 0xffff, transport } = sums(packet);
  if (header !== 0xffff || transport !== 0xffff) {
    throw new Error(`seed ${SEED}: wrong checksum in the answer ${data.toString('hex')}`);
  }
  return true;
}

function wireOf(pod: Attachment, program: Sent['program']): Wire {
  const isOut = program === 'from_pod';
  const [v4 = '', v6 = ''] = pod.addresses;
  const peers = bed.pods.flatMap((it) => it.addresses);
  const own = { v4: isOut ? v4 : '10.42.0.1', v6: isOut ? v6 : 'fd42::1' };
  return {
    v4: [
      own.v4,
      ...peers.filter((it) => !it.includes(':')),
      '10.96.0.10',
      '10.96.0.11',
      EMPTY[0] ?? '',
      '169.254.42.1',
      '10.42.0.1',
    ],
    v6: [
      own.v6,
      ...peers.filter((it) => it.includes(':')),
      'fd96::10',
      'fd96::11',
      EMPTY[1] ?? '',
      'fd53:7079:676c::1',
      'fd42::1',
    ],
    macs: isOut ? { source: pod.podMac, destination: pod.hostMac } : { source: pod.hostMac, destination: pod.podMac },
  };
}

/** Every forward entry of a living connection has its reply entry, or a younger connection has taken that tuple. */
function checkPairs(batch: number): void {
  const { flow_cache } = bed.datapath.maps;
  const entries = new Map([...flow_cache.entries()].map(([key, value]) => [key.toString('hex'), value]));
  const broken: string[] = [];
  for (const [hex, value] of entries) {
    const entry = readStruct(FLOW_ENTRY, value);
    if (entry.is_reply === 1 || entry.closed === 1) continue;
    const peer = entries.get(
      packStruct(FLOW_KEY, {
        source: entry.new_destination,
        destination: entry.new_source,
        source_port_be: entry.new_destination_port_be,
        destination_port_be: entry.new_source_port_be,
        protocol: readStruct(FLOW_KEY, Buffer.from(hex, 'hex')).protocol,
      }).toString('hex'),
    );
    if (peer === undefined) broken.push(`${hex} has no reply entry`);
    else {
      const { connection_id, first_ns } = readStruct(FLOW_ENTRY, peer);
      if (connection_id !== entry.connection_id && first_ns < entry.first_ns)
        broken.push(`${hex} has an older connection's`);
    }
  }
  expect(broken, `seed ${SEED}, batch ${batch}`).toEqual([]);
  flow_cache.deleteMany(Buffer.concat([...entries.keys()].map((it) => Buffer.from(it, 'hex'))), entries.size);
}

function describe(sent: readonly Sent[]): string {
  return sent.map((it) => `${it.program} ${it.pod} ${it.verdict} ${it.packet.toString('hex')}`).join('\n');
}

/** What the kernel's log has of warnings and worse. */
function kernelWarnings(): string[] {
  const log = execFileSync('dmesg', { encoding: 'utf8', maxBuffer: 64 << 20 });
  return log.split('\n').filter((it) => /WARNING:|BUG:|Oops|general protection|RIP:|Call Trace/.test(it));
}
