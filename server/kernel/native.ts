/**
 * The bindings: libbpf.so.1 and libc through ffi-napi. Nothing outside server/kernel sees a raw pointer.
 * One call costs about 3 µs, so whatever is per event or per map entry goes through shared memory or a
 * batch call instead.
 */
import ffi from 'ffi-napi';
import ref from 'ref-napi';
import { KernelError } from './errors.ts';

/** A C pointer as ffi-napi hands it out: a zero-length Buffer. */
export type Pointer = Buffer;

type Int = (...args: (number | string | Pointer | null)[]) => number;
type Ptr = (...args: (number | string | Pointer | null)[]) => Pointer;

interface Libbpf {
  libbpf_set_print: Ptr;
  bpf_object__open_file: Ptr;
  bpf_object__load: Int;
  bpf_object__close: Int;
  bpf_object__find_program_by_name: Ptr;
  bpf_object__find_map_by_name: Ptr;
  bpf_object__next_map: Ptr;
  bpf_object__next_program: Ptr;
  bpf_program__fd: Int;
  bpf_program__name: (program: Pointer) => string;
  bpf_program__set_log_buf: Int;
  bpf_program__set_autoload: Int;
  bpf_map__fd: Int;
  bpf_map__name: (map: Pointer) => string;
  bpf_map__initial_value: Ptr;
  bpf_map__pin_path: (map: Pointer) => string | null;
  bpf_map__set_pin_path: Int;
  bpf_map__set_max_entries: Int;
  bpf_map__key_size: Int;
  bpf_map__value_size: Int;
  bpf_map__max_entries: Int;
  bpf_map__type: Int;
  bpf_map_update_elem: Int;
  bpf_map_lookup_elem: Int;
  bpf_map_delete_elem: Int;
  bpf_map_update_batch: Int;
  bpf_map_lookup_batch: Int;
  bpf_map_delete_batch: Int;
  bpf_obj_get: Int;
  bpf_obj_pin: Int;
  bpf_obj_get_info_by_fd: Int;
  bpf_link_create: Int;
  bpf_link_update: Int;
  bpf_prog_test_run_opts: Int;
  bpf_tc_hook_create: Int;
  bpf_tc_attach: Int;
  bpf_tc_detach: Int;
  libbpf_num_possible_cpus: Int;
}

interface Libc {
  mmap: Ptr;
  munmap: Int;
  setns: Int;
  open: Int;
  close: Int;
  fcntl: Int;
  mount: Int;
  umount2: Int;
  socket: Int;
  getsockopt: Int;
}

const p = 'pointer';
const i = 'int';
const u = 'uint32';
const z = 'size_t';
const l = 'uint64';
const s = 'string';

let bound: { libbpf: Libbpf; libc: Libc } | undefined;

/** @returns the libraries, loaded on first use. @throws KernelError if libbpf.so.1 is not installed. */
export function native(): { libbpf: Libbpf; libc: Libc } {
  bound ??= bind();
  return bound;
}

function bind(): { libbpf: Libbpf; libc: Libc } {
  let libbpf: Libbpf;
  try {
    libbpf = ffi.Library('libbpf.so.1', {
      libbpf_set_print: [p, [p]],
      bpf_object__open_file: [p, [s, p]],
      bpf_object__load: [i, [p]],
      bpf_object__close: ['void', [p]],
      bpf_object__find_program_by_name: [p, [p, s]],
      bpf_object__find_map_by_name: [p, [p, s]],
      bpf_object__next_map: [p, [p, p]],
      bpf_object__next_program: [p, [p, p]],
      bpf_program__fd: [i, [p]],
      bpf_program__name: [s, [p]],
      bpf_program__set_log_buf: [i, [p, p, z]],
      bpf_program__set_autoload: [i, [p, 'bool']],
      bpf_map__fd: [i, [p]],
      bpf_map__name: [s, [p]],
      bpf_map__initial_value: [p, [p, p]],
      bpf_map__pin_path: [s, [p]],
      bpf_map__set_pin_path: [i, [p, s]],
      bpf_map__set_max_entries: [i, [p, u]],
      bpf_map__key_size: [u, [p]],
      bpf_map__value_size: [u, [p]],
      bpf_map__max_entries: [u, [p]],
      bpf_map__type: [i, [p]],
      bpf_map_update_elem: [i, [i, p, p, l]],
      bpf_map_lookup_elem: [i, [i, p, p]],
      bpf_map_delete_elem: [i, [i, p]],
      bpf_map_update_batch: [i, [i, p, p, p, p]],
      bpf_map_lookup_batch: [i, [i, p, p, p, p, p, p]],
      bpf_map_delete_batch: [i, [i, p, p, p]],
      bpf_obj_get: [i, [s]],
      bpf_obj_pin: [i, [i, s]],
      bpf_obj_get_info_by_fd: [i, [i, p, p]],
      bpf_link_create: [i, [i, i, i, p]],
      bpf_link_update: [i, [i, i, p]],
      bpf_prog_test_run_opts: [i, [i, p]],
      bpf_tc_hook_create: [i, [p]],
      bpf_tc_attach: [i, [p, p]],
      bpf_tc_detach: [i, [p, p]],
      libbpf_num_possible_cpus: [i, []],
    }) as unknown as Libbpf;
  } catch (cause) {
    throw new KernelError(
      `cannot load libbpf.so.1 (${cause instanceof Error ? cause.message : String(cause)})`,
      0,
      'Install the Debian package libbpf1',
    );
  }
  const libc = ffi.Library('libc.so.6', {
    mmap: [p, [p, z, i, i, i, l]],
    munmap: [i, [p, z]],
    setns: [i, [i, i]],
    open: [i, [s, i]],
    close: [i, [i]],
    fcntl: [i, [i, i, i]],
    mount: [i, [s, s, s, 'ulong', p]],
    umount2: [i, [s, i]],
    socket: [i, [i, i, i]],
    getsockopt: [i, [i, i, i, p, p]],
  }) as unknown as Libc;
  // libbpf prints to stderr by default; our errors say it better.
  libbpf.libbpf_set_print(ref.NULL);
  return { libbpf, libc };
}

/** errno of the libc call made just before. */
export function lastErrno(): number {
  return ffi.errno();
}

export const NULL: Pointer = ref.NULL as Pointer;

export function isNull(pointer: Pointer): boolean {
  return ref.isNull(pointer);
}

/** The `size` bytes at `pointer`, not copied: valid only as long as the native memory is. */
export function view(pointer: Pointer, size: number): Buffer {
  return ref.reinterpret(pointer, size, 0);
}

/** Throws KernelError with the current errno if a libc call returned -1; else its result. */
export function checkErrno(step: string, result: number, advice = ''): number {
  if (result < 0) throw new KernelError(step, lastErrno(), advice);
  return result;
}

/** The pointer, unless it is NULL: then KernelError with the current errno. */
export function checkPointer(step: string, pointer: Pointer, advice = ''): Pointer {
  if (isNull(pointer)) throw new KernelError(step, lastErrno(), advice);
  return pointer;
}
