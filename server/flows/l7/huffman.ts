/**
 * The Huffman code of HPACK (RFC 7541, 5.2 and Appendix B). The code is canonical, so the length of each symbol's code says
 * all: codes count upwards by length, then by symbol. Decoding takes four bits a step through a table made of it.
 */

/** Length of the code of symbols 0 to 256 (EOS), as a digit of base 36. */
const LENGTHS =
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad67777777777777777777777878djde6f56565666577666567655677777fb' +
  'edskmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmnqqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrqu';

const EOS = 256;
const NONE = 0x1ff;
const DEAD = 0x7f_ffff;

/** By node * 16 + four bits: the node they lead to in the upper bits, the symbol they complete (or NONE) in the lower nine. */
const STEPS = makeSteps();
/** 1 for nodes at which a string may end: all ones so far, less than a byte (5.2). */
const MAY_END = makeEnds();

/** Decodes bytes `from` to `to` into `out`, which must hold 8/5 of them. @returns the length, -1 if they are no such code. */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  let node = 0;
  let length = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    let step = STEPS[(node << 4) | (byte >> 4)] as number;
    if ((step & NONE) !== NONE) out[length++] = step & NONE;
    node = step >>> 9;
    if (node === DEAD) return -1;
    step = STEPS[(node << 4) | (byte & 15)] as number;
    if ((step & NONE) !== NONE) out[length++] = step & NONE;
    node = step >>> 9;
    if (node === DEAD) return -1;
  }
  return MAY_END[node] === 1 ? length : -1;
}

/** The tree of the code: children[2 * node + bit] is a node, or ~symbol of a leaf. */
function makeTree(): number[] {
  const lengths = Array.from(LENGTHS, (digit) => Number.parseInt(digit, 36));
  const symbols = lengths.map((_, symbol) => symbol).toSorted((a, b) => lengths[a]! - lengths[b]! || a - b);
  const children = [0, 0];
  let code = 0;
  let last = lengths[symbols[0]!]!;
  for (const symbol of symbols) {
    const length = lengths[symbol]!;
    code *= 2 ** (length - last);
    last = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const child = 2 * node + ((code >>> bit) & 1);
      if (children[child] === 0) {
        children[child] = children.length / 2;
        children.push(0, 0);
      }
      node = children[child]!;
    }
    children[2 * node + (code & 1)] = ~symbol;
    code++;
  }
  return children;
}

function makeSteps(): Uint32Array {
  const tree = makeTree();
  const steps = new Uint32Array(tree.length * 8);
  for (let step = 0; step < steps.length; step++) {
    let node = step >>> 4;
    let symbol = NONE;
    for (let bit = 3; bit >= 0 && node !== DEAD; bit--) {
      const child = tree[2 * node + ((step >> bit) & 1)]!;
      if (child >= 0) {
        node = child;
      } else {
        // EOS in a string is an error (5.2). Codes have five bits at least, so four complete one symbol at most.
        node = ~child === EOS ? DEAD : 0;
        symbol = ~child === EOS ? NONE : ~child;
      }
    }
    steps[step] = (node << 9) | symbol;
  }
  return steps;
}

function makeEnds(): Uint8Array {
  const tree = makeTree();
  const ends = new Uint8Array(tree.length / 2);
  let node = 0;
  for (let bits = 0; bits < 8; bits++) {
    ends[node] = 1;
    node = tree[2 * node + 1]!;
  }
  return ends;
}
