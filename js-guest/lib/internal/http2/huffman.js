// HPACK's Huffman code (RFC 7541, appendix B): bytes to bits and back. The code is canonical, so the lengths say it all;
// tables are made from them once, in the image. Knows no header.
'use strict';

// The code length of each octet, and of the end of string (256), as a digit of base 36.
const LENGTHS = 'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad67777777777777777777777878djde6f5656566657766' +
  '6567655677777fbedskmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmnqqkjmnmpqqqrrqopjlqrrqrollqqsrrrkok' +
  'lmllnmmppooqnqrqqrrrrrsrrrrrqu';
const EOS = 256;

const lengths = Uint8Array.from(LENGTHS, (digit) => Number.parseInt(digit, 36));
const codes = new Uint32Array(EOS + 1);
// tree[2 * node + bit]: the next node, or a symbol as its complement.
const tree = [0, 0];

function buildTree() {
  const symbols = [...lengths.keys()].sort((a, b) => lengths[a] - lengths[b] || a - b);
  let code = 0, length = lengths[symbols[0]];
  for (const symbol of symbols) {
    code *= 2 ** (lengths[symbol] - length);
    length = lengths[symbol];
    codes[symbol] = code;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const at = 2 * node + ((code >>> bit) & 1);
      if (tree[at] === 0) tree[at] = tree.push(0, 0) / 2 - 1;
      node = tree[at];
    }
    tree[2 * node + (code & 1)] = ~symbol;
    code++;
  }
}
buildTree();

// Decoding takes half an octet a step: steps[16 * node + half] is the next node, with what it completes above NODE_BITS
// (a symbol plus one: no code is so short that a step could complete two), or -1 where the end of string was spelled out.
const NODE_BITS = 8;
const NODE_MASK = 255;
const steps = new Int32Array(tree.length / 2 * 16);
// Nodes that a string may end in: fewer than 8 bits, all ones, from the root.
const mayEnd = new Uint8Array(tree.length / 2);

function buildSteps() {
  for (let at = 0; at < steps.length; at++) {
    let node = at >> 4, done = 0;
    for (let bit = 3; bit >= 0 && done !== -1; bit--) {
      const next = tree[2 * node + ((at >> bit) & 1)];
      node = next < 0 ? 0 : next;
      if (next < 0) done = ~next === EOS ? -1 : ~next + 1;
    }
    steps[at] = done === -1 ? -1 : node | done << NODE_BITS;
  }
  for (let node = 0, bits = 0; bits < 8; bits++, node = tree[2 * node + 1]) mayEnd[node] = 1;
}
buildSteps();

let scratch = Buffer.allocUnsafeSlow(256);

// The text that `bytes` from `start` to `end` spell, in latin1; or undefined when they are no Huffman string.
function decode(bytes, start, end) {
  const most = (end - start) * 8 / 5 | 0;
  if (scratch.length < most) scratch = Buffer.allocUnsafeSlow(2 * most);
  let node = 0, length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    let step = steps[node << 4 | byte >> 4];
    if (step < 0) return undefined;
    if (step > NODE_MASK) scratch[length++] = (step >> NODE_BITS) - 1;
    step = steps[(step & NODE_MASK) << 4 | byte & 15];
    if (step < 0) return undefined;
    if (step > NODE_MASK) scratch[length++] = (step >> NODE_BITS) - 1;
    node = step & NODE_MASK;
  }
  return mayEnd[node] ? scratch.latin1Slice(0, length) : undefined;
}

// How many octets the text will take.
function encodedLength(text) {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += lengths[text.charCodeAt(i) & 255];
  return (bits + 7) >> 3;
}

// Writes the text at `at`, and answers where it ends.
function encode(text, bytes, at) {
  let held = 0, count = 0; // fewer than 8 bits that wait
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 255;
    let left = lengths[symbol];
    const code = codes[symbol];
    while (left > 0) {
      const take = Math.min(8 - count, left);
      left -= take;
      held = held << take | (code >>> left) & ((1 << take) - 1);
      count += take;
      if (count === 8) {
        bytes[at++] = held;
        held = count = 0;
      }
    }
  }
  if (count > 0) bytes[at++] = held << (8 - count) | (1 << (8 - count)) - 1;
  return at;
}

module.exports = { decode, encode, encodedLength };
