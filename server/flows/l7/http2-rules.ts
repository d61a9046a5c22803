/** What RFC 9113 says of frames, and how one is recognised. */

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  promise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const HEAD = 9;
/** SETTINGS_MAX_FRAME_SIZE when nothing is said; a head that was found by its looks has no more. */
const USUAL_FRAME = 16_384;
/** What a client sends first (3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Whether the payload of a frame of this type is looked at. */
export function isRead(type: number): boolean {
  return (
    type === TYPE.headers ||
    type === TYPE.continuation ||
    type === TYPE.promise ||
    type === TYPE.reset ||
    type === TYPE.goAway
  );
}

/** What section 6 says of each type: on which streams it may be, and how long. Other types may be anything. */
export function isValidFrame(type: number, length: number, id: number): boolean {
  switch (type) {
    case TYPE.data:
    case TYPE.headers:
    case TYPE.continuation:
      return id !== 0;
    case TYPE.promise:
      return id !== 0 && length >= 4;
    case TYPE.priority:
      return id !== 0 && length === 5;
    case TYPE.reset:
      return id !== 0 && length === 4;
    case TYPE.settings:
      return id === 0 && length % 6 === 0;
    case TYPE.ping:
      return id === 0 && length === 8;
    case TYPE.goAway:
      return id === 0 && length >= 8;
    case TYPE.windowUpdate:
      return length === 4;
    default:
      return true;
  }
}

/** Whether bytes begin like a frame: for a reader that has lost its place. */
export function looksLikeFrame(bytes: Buffer): boolean {
  if (bytes.length < HEAD) return false;
  const id = bytes.readUInt32BE(5);
  const type = bytes[3] as number;
  const length = bytes.readUIntBE(0, 3);
  return type <= TYPE.continuation && id < 0x8000_0000 && length <= USUAL_FRAME && isValidFrame(type, length, id);
}

export function startsWith(bytes: Buffer, prefix: Buffer): boolean {
  return bytes.length >= prefix.length && prefix.compare(bytes, 0, prefix.length) === 0;
}
