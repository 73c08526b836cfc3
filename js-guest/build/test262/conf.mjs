// Upstream's own two files: test262.conf (which features it has, which tests it leaves out) and test262_errors.txt (its
// known failures). Must not know how a test is run.
import { readFileSync } from 'node:fs';

// Returns { features: Map name -> skipped?, excluded(path) -> boolean }.
export function readConf(file) {
  const features = new Map();
  const excluded = [];
  const included = [];
  let section = '';
  for (const line of readFileSync(file, 'utf8').split('\n').map((text) => text.replace(/#.*/, '').trim())) {
    if (line.startsWith('[')) section = line;
    else if (line === '') continue;
    // NAME=skip; other conditions (NAME=!tcc) are on compilers that are not ours.
    else if (section === '[features]') features.set(line.split('=')[0].trim(), /=\s*skip$/.test(line));
    else if (section === '[exclude]') (line.startsWith('!') ? included : excluded).push(line.replace('!', ''));
  }
  const longest = (list, path) => Math.max(0, ...list
    .filter((name) => (name.endsWith('/') ? path.startsWith(name) : path === name)).map((name) => name.length));
  return { features, excluded: (path) => longest(excluded, path) > longest(included, path) };
}

// Returns a Map from runName to upstream's words.
export function readErrors(file) {
  const errors = new Map();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const match = /^(\S+\.js):\d+: (strict mode: )?(.*)$/.exec(line);
    if (match) errors.set(runName(match[1], Boolean(match[2])), match[3].trim());
  }
  return errors;
}

export function runName(path, strict) {
  return strict ? `${path} (strict)` : path;
}
