// A strict reader of unified diffs. Every hunk must fit in exactly one place, byte for byte, or the build stops:
// a patch that slips is worse than one that fails. Knows nothing about what is patched.
import { fail } from './fail.mjs';

// Returns [{ file, hunks: [{ line, before: [text], after: [text] }] }]. Lines ahead of the first '---' are the reason.
export function parsePatch(text, name) {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const files = [];
  let at = lines.findIndex((line) => line.startsWith('--- '));
  if (at < 0) fail(`${name}: no "--- " line`);
  if (lines.slice(0, at).join('').trim() === '') fail(`${name}: a patch opens with its reason`);
  while (at < lines.length) {
    const target = /^\+\+\+ (?:b\/)?(\S+)/.exec(lines[at + 1] ?? '');
    if (!lines[at].startsWith('--- ') || !target) fail(`${name}:${at + 1}: expected "--- " and "+++ "`);
    at += 2;
    const hunks = [];
    while (at < lines.length && lines[at].startsWith('@@')) {
      const [hunk, next] = parseHunk(lines, at, name);
      hunks.push(hunk);
      at = next;
    }
    if (hunks.length === 0) fail(`${name}:${at + 1}: no hunk for ${target[1]}`);
    files.push({ file: target[1], hunks });
  }
  return files;
}

function parseHunk(lines, start, name) {
  const header = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(lines[start]);
  if (!header) fail(`${name}:${start + 1}: malformed hunk header`);
  const [wantBefore, wantAfter] = [Number(header[2] ?? 1), Number(header[3] ?? 1)];
  const [before, after] = [[], []];
  let at = start + 1;
  while (before.length < wantBefore || after.length < wantAfter) {
    const line = lines[at];
    const sign = line === undefined ? '' : line === '' ? ' ' : line[0];
    const body = line?.slice(1) ?? '';
    if (sign === ' ' || sign === '-') before.push(body);
    if (sign === ' ' || sign === '+') after.push(body);
    if (!' +-'.includes(sign) || sign === '') fail(`${name}:${at + 1}: hunk shorter than its header says`);
    at += 1;
  }
  if (before.length !== wantBefore || after.length !== wantAfter) {
    fail(`${name}:${start + 1}: hunk does not match its header's line counts`);
  }
  return [{ line: Number(header[1]), before, after }, at];
}

// Applies the hunks of one file in order. Line numbers are only a hint (an earlier patch may have moved the text),
// but the context must occur exactly once behind the previous hunk.
export function applyHunks(source, hunks, name) {
  const lines = source.split('\n');
  let from = 0;
  for (const hunk of hunks) {
    const places = [];
    for (let at = from; at + hunk.before.length <= lines.length; at++) {
      if (hunk.before.every((line, k) => lines[at + k] === line)) places.push(at);
    }
    if (places.length !== 1) {
      fail(`${name}: the hunk for line ${hunk.line} fits in ${places.length} places, not in one`,
        'Was the version of what it changes changed? Then the patch has to be made again for the new sources.',
        'More lines of context make an ambiguous hunk fit once.');
    }
    lines.splice(places[0], hunk.before.length, ...hunk.after);
    from = places[0] + hunk.after.length;
  }
  return lines.join('\n');
}
