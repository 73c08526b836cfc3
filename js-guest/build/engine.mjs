// Where the C sources that are not ours come from: cargo's unpacked copies of pinned registry crates, checked file by file
// against engine/*.sha256; the engine's are then patched. Knows nothing about compilers.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { keyOf, sha256 } from './cache.mjs';
import { fail, progress } from './fail.mjs';
import { applyHunks, parsePatch } from './patch.mjs';

// By the name that the compiler sees the folder under: the crate, the folder in it, the list of its files.
const ORIGINS = {
  engine: { crate: 'rquickjs-sys', folder: 'quickjs', list: 'sources.sha256' },
  zlib: { crate: 'libz-sys', folder: 'src/zlib', list: 'zlib.sha256' },
  brotli: { crate: 'brotlic-sys', folder: 'brotli/c', list: 'brotli.sha256' },
};

// { engine, zlib, ... }: a folder each, made anew when the pinned hashes or a patch change.
export async function pinnedSources(cache, guestRoot) {
  const folders = {};
  for (const [name, origin] of Object.entries(ORIGINS)) {
    const patches = name === 'engine' ? readPatches(join(guestRoot, 'patches')) : [];
    folders[name] = await sourcesOf(cache, guestRoot, name, origin, patches);
  }
  return folders;
}

function sourcesOf(cache, guestRoot, name, origin, patches) {
  const pins = readPins(join(guestRoot, 'engine', origin.list));
  const applier = readFileSync(join(guestRoot, 'build', 'patch.mjs'));
  const key = keyOf(applier, JSON.stringify(pins), JSON.stringify(patches));
  return cache.folder(name, key, (dir) => {
    const from = join(locateCrate(join(guestRoot, 'engine'), origin.crate), origin.folder);
    progress(`${name}: ${pins.length} files, ${patches.length} patches`);
    const files = new Map(pins.map((pin) => [pin.file, readChecked(from, pin, origin.list)]));
    for (const { name, text } of patches) {
      for (const { file, hunks } of parsePatch(text, name)) {
        if (!files.has(file)) fail(`${name}: ${file} is not an engine file`);
        files.set(file, applyHunks(files.get(file), hunks, `${name} on ${file}`));
      }
    }
    for (const [file, text] of files) {
      mkdirSync(dirname(join(dir, file)), { recursive: true });
      writeFileSync(join(dir, file), text);
    }
  });
}

function readPins(path) {
  return readFileSync(path, 'utf8').split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = /^([0-9a-f]{64}) {2}([\w./-]+)$/.exec(line);
      if (!match) fail(`${path}: malformed line: ${line}`);
      return { hash: match[1], file: match[2] };
    });
}

function readPatches(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir).filter((name) => name.endsWith('.patch')).sort()
    .map((name) => ({ name, text: readFileSync(join(dir, name), 'utf8') }));
}

function readChecked(from, { file, hash }, list) {
  const bytes = readFileSync(join(from, file));
  if (sha256(bytes) !== hash) {
    fail(`${file} is not the file that engine/${list} pins`,
      'If the unpacked crate was edited, delete it from cargo\'s registry cache; cargo will unpack it again.');
  }
  return bytes.toString('utf8');
}

// cargo does the download, so its settings (mirrors, vendored sources, offline mode, proxies) hold here too.
// `metadata` takes no lock on a target folder: this may run inside a build script. Offline first: the usual case.
function locateCrate(manifestDir, crate) {
  const cargo = process.env.CARGO || 'cargo';
  const args = ['metadata', '--locked', '--format-version', '1'];
  const options = { cwd: manifestDir, encoding: 'utf8', maxBuffer: 1 << 26 };
  let run = spawnSync(cargo, [...args, '--offline'], options);
  if (run.status !== 0) {
    progress('cargo fetches the source crates');
    run = spawnSync(cargo, args, options);
  }
  if (run.error) fail(`cannot run ${cargo}: ${run.error.message}`, 'Install cargo, or set CARGO to its path.');
  if (run.status !== 0) {
    fail('cargo could not fetch the crates of the C sources:', ...run.stderr.trim().split('\n'),
      'Fetch it once while online: cargo fetch --locked --manifest-path js-guest/engine/Cargo.toml');
  }
  const found = JSON.parse(run.stdout).packages.find((entry) => entry.name === crate);
  return dirname(found.manifest_path);
}
