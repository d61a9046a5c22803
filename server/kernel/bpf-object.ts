/**
 * An eBPF object file: opened (a blueprint, the same on every machine), configured, then loaded (what
 * this kernel accepted). Pinned maps of an earlier process are adopted by libbpf if their shape fits.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Field } from '../wire/layout.ts';
import { check, ERRNO, KernelError, errnoOf, tellingLine } from './errors.ts';
import { kernelRelease } from './kernel-release.ts';
import { CONFIG } from './layouts.gen.ts';
import { BpfMap, type MapShape, possibleCpus } from './maps.ts';
import { checkPointer, isNull, native, NULL, type Pointer, view } from './native.ts';
import { dupFd } from './fd.ts';

const LOG_BYTES = 1 << 20;
const PERCPU_TYPES = new Set([5, 6, 10]); // PERCPU_HASH, PERCPU_ARRAY, LRU_PERCPU_HASH of enum bpf_map_type
const MINIMUM_KERNEL = '6.1';

/** Settings of the programs, by their C names; see `config_*` in bpf/lib. */
export type Config = Partial<Record<keyof typeof CONFIG.fields, number | bigint>>;

/** A loaded object. Owns the native object, its programs and maps; maps handed out own themselves. */
export class BpfObject implements Disposable {
  readonly path: string;
  #object: Pointer | undefined;
  /** libbpf writes verifier logs here while loading, so it lives as long as the object. */
  readonly #log = Buffer.alloc(LOG_BYTES);

  /**
   * Opens and loads `path`. `pinDirectory`: where maps declared as pinned are adopted from or pinned to;
   * undefined keeps them private. `maxEntries` overrides map sizes by name.
   * @throws KernelError naming the step, with the telling line of the verifier log.
   */
  constructor(
    path: string,
    options: { config?: Config; pinDirectory?: string; maxEntries?: Record<string, number> } = {},
  ) {
    this.path = path;
    if (!existsSync(path)) throw new KernelError(`open ${path}`, ERRNO.ENOENT, 'Build it with npm run build');
    const { libbpf } = native();
    this.#object = checkPointer(`open ${path}`, libbpf.bpf_object__open_file(path, NULL));
    try {
      this.#configure(options.config ?? {});
      this.#place(options.pinDirectory);
      for (const [name, size] of Object.entries(options.maxEntries ?? {})) {
        check(`size map ${name}`, libbpf.bpf_map__set_max_entries(this.#findMap(name), size));
      }
      this.#load();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  get #handle(): Pointer {
    if (this.#object === undefined) throw new KernelError(`use ${this.path}`, 0, 'It has been closed');
    return this.#object;
  }

  /** Descriptor of a program; owned by the object. */
  programFd(name: string): number {
    const { libbpf } = native();
    const program = libbpf.bpf_object__find_program_by_name(this.#handle, name);
    return check(`find program ${name}`, libbpf.bpf_program__fd(checkPointer(`find program ${name}`, program)));
  }

  /** A map of the object, with a descriptor of its own that outlives the object. */
  map(name: string): BpfMap {
    const { libbpf } = native();
    const map = this.#findMap(name);
    const shape: MapShape = {
      name,
      keySize: libbpf.bpf_map__key_size(map),
      valueSize: libbpf.bpf_map__value_size(map),
      maxEntries: libbpf.bpf_map__max_entries(map),
      copies: PERCPU_TYPES.has(libbpf.bpf_map__type(map)) ? possibleCpus() : 1,
    };
    return new BpfMap(dupFd(check(`find map ${name}`, libbpf.bpf_map__fd(map))), shape);
  }

  [Symbol.dispose](): void {
    if (this.#object === undefined) return;
    native().libbpf.bpf_object__close(this.#object);
    this.#object = undefined;
  }

  #findMap(name: string): Pointer {
    return checkPointer(`find map ${name}`, native().libbpf.bpf_object__find_map_by_name(this.#handle, name));
  }

  #configure(config: Config): void {
    if (Object.keys(config).length === 0) return;
    const size = Buffer.alloc(8);
    const pointer = native().libbpf.bpf_map__initial_value(this.#findMap('.rodata'), size);
    const rodata = view(checkPointer('find the settings', pointer), Number(size.readBigUInt64LE(0)));
    for (const [name, value] of Object.entries(config)) {
      const field: Field | undefined = (CONFIG.fields as Record<string, Field>)[name];
      if (field === undefined) throw new KernelError(`set ${name}`, 0, 'The programs have no such setting');
      if (field.type === 'u64') rodata.writeBigUInt64LE(BigInt(value), field.offset);
      else rodata.writeUIntLE(Number(value), field.offset, field.size);
    }
  }

  #place(pinDirectory: string | undefined): void {
    const { libbpf } = native();
    if (pinDirectory !== undefined) makePinDirectory(pinDirectory);
    let map = libbpf.bpf_object__next_map(this.#handle, NULL);
    while (!isNull(map)) {
      const name = libbpf.bpf_map__name(map);
      // Declared as pinned in the C source; libbpf would put it right under /sys/fs/bpf, the place is ours to say.
      const isPinned = libbpf.bpf_map__pin_path(map) !== null;
      const path = isPinned && pinDirectory !== undefined ? join(pinDirectory, name) : undefined;
      const code = path === undefined ? unpin(map) : libbpf.bpf_map__set_pin_path(map, path);
      check(`place map ${name}`, code);
      map = libbpf.bpf_object__next_map(this.#handle, map);
    }
  }

  #load(): void {
    const { libbpf } = native();
    let program = libbpf.bpf_object__next_program(this.#handle, NULL);
    while (!isNull(program)) {
      check('give libbpf a log buffer', libbpf.bpf_program__set_log_buf(program, this.#log, LOG_BYTES));
      program = libbpf.bpf_object__next_program(this.#handle, program);
    }
    const code = libbpf.bpf_object__load(this.#handle);
    if (code >= 0) return;
    const end = this.#log.indexOf(0);
    const line = tellingLine(this.#log.toString('latin1', 0, end < 0 ? LOG_BYTES : end));
    throw new KernelError(`load ${this.path} into Linux ${kernelRelease()}`, -code, loadAdvice(-code, line));
  }
}

function makePinDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new KernelError(`make the folder ${path} for pins`, errnoOf(error), 'Run as root, with /sys/fs/bpf mounted');
  }
}

/** A NULL path takes a map's pinning away. */
function unpin(map: Pointer): number {
  return native().libbpf.bpf_map__set_pin_path(map, null);
}

function loadAdvice(errno: number, line: string): string {
  if (line !== '') return `The verifier says: ${line}`;
  if (errno === ERRNO.EINVAL) {
    return `A pinned map has another shape (stop the node with its former version first), or the kernel is older than ${MINIMUM_KERNEL}`;
  }
  return '';
}
