// Where the engine's C source comes from: cargo's unpacked copy of a pinned registry crate, checked file by file
// against engine/sources.sha256, then patched. Knows nothing about compilers.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { keyOf, sha256 } from './cache.mjs';
import { fail, progress } from './fail.mjs';
import { applyHunks, parsePatch } from './patch.mjs';

const CRATE = 'rquickjs-sys';

// The folder of patched sources, made anew when the pinned hashes or a patch change.
export async function engineSources(cache, guestRoot) {
  const pins = readPins(join(guestRoot, 'engine', 'sources.sha256'));
  const patches = readPatches(join(guestRoot, 'patches'));
  const applier = readFileSync(join(guestRoot, 'build', 'patch.mjs'));
  const key = keyOf(applier, JSON.stringify(pins), JSON.stringify(patches));
  return cache.folder('engine', key, (dir) => {
    const from = join(locateCrate(join(guestRoot, 'engine')), 'quickjs');
    progress(`engine: ${pins.length} files, ${patches.length} patches`);
    const files = new Map(pins.map((pin) => [pin.file, readChecked(from, pin)]));
    for (const { name, text } of patches) {
      for (const { file, hunks } of parsePatch(text, name)) {
        if (!files.has(file)) fail(`${name}: ${file} is not an engine file`);
        files.set(file, applyHunks(files.get(file), hunks, `${name} on ${file}`));
      }
    }
    for (const [file, text] of files) writeFileSync(join(dir, file), text);
  });
}

function readPins(path) {
  return readFileSync(path, 'utf8').split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = /^([0-9a-f]{64}) {2}([\w.-]+)$/.exec(line);
      if (!match) fail(`${path}: malformed line: ${line}`);
      return { hash: match[1], file: match[2] };
    });
}

function readPatches(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir).filter((name) => name.endsWith('.patch')).sort()
    .map((name) => ({ name, text: readFileSync(join(dir, name), 'utf8') }));
}

function readChecked(from, { file, hash }) {
  const bytes = readFileSync(join(from, file));
  if (sha256(bytes) !== hash) {
    fail(`engine file ${file} is not the one that engine/sources.sha256 pins`,
      'If the unpacked crate was edited, delete it from cargo\'s registry cache; cargo will unpack it again.');
  }
  return bytes.toString('utf8');
}

// cargo does the download, so its settings (mirrors, vendored sources, offline mode, proxies) hold here too.
// `metadata` takes no lock on a target folder: this may run inside a build script. Offline first: the usual case.
function locateCrate(manifestDir) {
  const cargo = process.env.CARGO || 'cargo';
  const args = ['metadata', '--locked', '--format-version', '1'];
  const options = { cwd: manifestDir, encoding: 'utf8', maxBuffer: 1 << 26 };
  let run = spawnSync(cargo, [...args, '--offline'], options);
  if (run.status !== 0) {
    progress('engine: cargo fetches the source crate');
    run = spawnSync(cargo, args, options);
  }
  if (run.error) fail(`cannot run ${cargo}: ${run.error.message}`, 'Install cargo, or set CARGO to its path.');
  if (run.status !== 0) {
    fail('cargo could not fetch the engine\'s source crate:', ...run.stderr.trim().split('\n'),
      'Fetch it once while online: cargo fetch --locked --manifest-path js-guest/engine/Cargo.toml');
  }
  const found = JSON.parse(run.stdout).packages.find((entry) => entry.name === CRATE);
  return dirname(found.manifest_path);
}
