// What a test of test262 says of itself, in the comment between /*--- and ---*/: as much YAML as those comments use.
// Must not know how a test is run.

const LISTS = ['features', 'flags', 'includes'];

// Returns { features, flags, includes, negative: { phase, type } | null }.
export function readMeta(text) {
  const meta = { features: [], flags: [], includes: [], negative: null };
  const lines = commentOf(text).split(/\r\n|\n|\r/);
  for (let at = 0; at < lines.length; at++) {
    const match = /^(\w+):(.*)$/.exec(lines[at]);
    if (!match) continue;
    const [, key, rest] = match;
    const indented = [];
    while (at + 1 < lines.length && !/^\w/.test(lines[at + 1])) indented.push(lines[++at]);
    if (LISTS.includes(key)) meta[key] = readList(rest, indented);
    if (key === 'negative') meta.negative = readNegative(indented);
  }
  return meta;
}

function commentOf(text) {
  const start = text.indexOf('/*---');
  return start < 0 ? '' : text.slice(start + '/*---'.length, text.indexOf('---*/', start)).trim();
}

// `[a, b]`, on one line or more, or a line `- a` for each.
function readList(rest, indented) {
  const text = [rest, ...indented].map((line) => line.replace(/(^|\s)#.*/, '')).join('\n').trim();
  if (text.startsWith('[')) return words(text.slice(1, text.indexOf(']')), ',');
  return words(text, '\n').filter((line) => line.startsWith('- ')).map((line) => line.slice(2).trim());
}

function words(text, separator) {
  return text.split(separator).map((word) => word.trim()).filter((word) => word !== '');
}

function readNegative(indented) {
  const field = (name) => new RegExp(`^\\s+${name}:\\s*(\\w+)`, 'm').exec(indented.join('\n'))?.[1];
  return { phase: field('phase'), type: field('type') };
}
