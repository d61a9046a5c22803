/**
 * BPF_PROG_TEST_RUN: the kernel runs a loaded program on a packet that is handed in, without a device, and
 * returns what became of it. Source: Documentation/bpf/bpf_prog_run.rst and tools/lib/bpf/bpf.h of the kernel.
 *
 * A tc program is given the network namespace of the calling thread; inside it the packet appears on the
 * device `ifindex`, which must be there (0: the loopback device).
 */
import { check } from './errors.ts';
import { native } from './native.ts';

/** struct bpf_test_run_opts of libbpf 1.x. */
const OPTIONS = {
  size: 80,
  sz: 0,
  data_in: 8,
  data_out: 16,
  data_size_in: 24,
  data_size_out: 28,
  ctx_in: 32,
  ctx_size_in: 48,
  retval: 56,
  repeat: 60,
  duration: 64,
} as const;

/** struct __sk_buff of linux/bpf.h: what the kernel lets a caller set is at these offsets. */
const SK_BUFF = { size: 192, mark: 8, ifindex: 40, gso_segs: 164, gso_size: 176 } as const;

/** The longest packet that can be handed in. */
export const MAX_PACKET_BYTES = 4096;
/** Room behind the packet, for programs that make it longer. */
const TAILROOM = 256;

/** What the packet's metadata should be; the kernel refuses any other field. */
export interface SkBuff {
  /** Device on which the packet appears. 0: the loopback device. */
  readonly ifindex?: number;
  readonly mark?: number;
  /** Bytes of payload in each segment of a GSO packet; 0: the packet is what travels. */
  readonly gsoSize?: number;
  readonly gsoSegs?: number;
}

export interface TestRun {
  /** What the program returned; TC_ACT_* of a tc program. */
  readonly retval: number;
  /** The packet afterwards. */
  readonly data: Buffer;
  /** Mean of one run, nanoseconds. */
  readonly durationNs: number;
}

/**
 * Runs the program `times` times on `packet`, each run on what the former one left of it.
 * `skb`: null for an XDP program, which sees a packet without metadata, on the loopback device.
 * @throws KernelError: EINVAL if the packet is shorter than an Ethernet header (newer kernels: and the IP header
 *   it announces), which the kernel needs to make a socket buffer.
 */
export function testRun(programFd: number, packet: Buffer, skb: SkBuff | null = {}, times = 1): TestRun {
  if (packet.length > MAX_PACKET_BYTES) {
    throw new RangeError(`a packet of ${packet.length} bytes is more than the ${MAX_PACKET_BYTES} that testRun takes`);
  }
  memory ??= allocate();
  const { input, output, context, options } = memory;
  packet.copy(input);
  context.writeUInt32LE(skb?.mark ?? 0, SK_BUFF.mark);
  context.writeUInt32LE(skb?.ifindex ?? 0, SK_BUFF.ifindex);
  context.writeUInt32LE(skb?.gsoSegs ?? 0, SK_BUFF.gso_segs);
  context.writeUInt32LE(skb?.gsoSize ?? 0, SK_BUFF.gso_size);
  options.writeUInt32LE(packet.length, OPTIONS.data_size_in);
  options.writeUInt32LE(output.length, OPTIONS.data_size_out);
  options.writeInt32LE(times, OPTIONS.repeat);
  options.writeBigUInt64LE(skb === null ? 0n : addressOf(context), OPTIONS.ctx_in);
  options.writeUInt32LE(skb === null ? 0 : context.length, OPTIONS.ctx_size_in);
  const code = native().libbpf.bpf_prog_test_run_opts(programFd, options);
  check(`run a program on a packet of ${packet.length} bytes`, code);
  return {
    retval: options.readUInt32LE(OPTIONS.retval),
    data: Buffer.from(output.subarray(0, options.readUInt32LE(OPTIONS.data_size_out))),
    durationNs: options.readUInt32LE(OPTIONS.duration),
  };
}

interface Memory {
  input: Buffer;
  output: Buffer;
  context: Buffer;
  options: Buffer;
}

/** Kept for good: the options hold the addresses of the others, which the garbage collector does not see. */
let memory: Memory | undefined;

function allocate(): Memory {
  const made = {
    input: Buffer.allocUnsafeSlow(MAX_PACKET_BYTES),
    output: Buffer.allocUnsafeSlow(MAX_PACKET_BYTES + TAILROOM),
    context: Buffer.alloc(SK_BUFF.size),
    options: Buffer.alloc(OPTIONS.size),
  };
  made.options.writeBigUInt64LE(BigInt(OPTIONS.size), OPTIONS.sz);
  made.options.writeBigUInt64LE(addressOf(made.input), OPTIONS.data_in);
  made.options.writeBigUInt64LE(addressOf(made.output), OPTIONS.data_out);
  return made;
}

function addressOf(buffer: Buffer): bigint {
  return BigInt(`0x${(buffer as Buffer & { hexAddress(): string }).hexAddress().replace(/^0x/, '')}`);
}
