// A Wasm file as a list of sections: just enough to check what it imports, drop sections and names and add one.
// Knows the binary format's frame and import section, nothing about who made the file.
import { fail } from './fail.mjs';

const HEADER = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
const CUSTOM = 0;

// Returns [{ id, name, body }]; `name` is null for all but custom sections, whose body excludes it.
export function readSections(bytes) {
  const file = Buffer.from(bytes);
  if (!file.subarray(0, 8).equals(HEADER)) fail('not a Wasm module');
  const sections = [];
  let at = 8;
  while (at < file.length) {
    const id = file[at];
    const [size, start] = readU32(file, at + 1);
    at = start + size;
    if (id !== CUSTOM) {
      sections.push({ id, name: null, body: file.subarray(start, at) });
      continue;
    }
    const [length, text] = readU32(file, start);
    sections.push({ id, name: file.toString('utf8', text, text + length), body: file.subarray(text + length, at) });
  }
  return sections;
}

const FUNCTION_NAMES = 1;

// The content of a `name` section with the names of these functions alone.
export function pickNames(body, wanted) {
  const picked = [];
  for (let at = 0; at < body.length;) {
    const [size, start] = readU32(body, at + 1);
    if (body[at] === FUNCTION_NAMES) {
      let [count, next] = readU32(body, start);
      for (; count > 0; count--) {
        const [index, length] = readU32(body, next);
        const [bytes, text] = readU32(body, length);
        next = text + bytes;
        if (wanted.includes(body.toString('utf8', text, next))) picked.push(writeU32(index), body.subarray(length, next));
      }
    }
    at = start + size;
  }
  const names = Buffer.concat([writeU32(picked.length / 2), ...picked]);
  return Buffer.concat([Buffer.from([FUNCTION_NAMES]), writeU32(names.length), names]);
}

export function writeSections(sections) {
  const parts = [HEADER];
  for (const { id, name, body } of sections) {
    const label = name === null ? Buffer.alloc(0) : Buffer.concat([writeU32(Buffer.byteLength(name)), Buffer.from(name)]);
    parts.push(Buffer.from([id]), writeU32(label.length + body.length), label, body);
  }
  return Buffer.concat(parts);
}

function readU32(bytes, start) {
  let value = 0;
  let at = start;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

function writeU32(value) {
  const out = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    out.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return Buffer.from(out);
}
