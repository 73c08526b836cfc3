// The JavaScript library as a map from module id to the text of its function. Files keep their text untouched, so
// that stack traces show true lines. Knows nothing about Wasm or C.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { keyOf } from './cache.mjs';
import { fail, progress } from './fail.mjs';
import { applyHunks, parsePatch } from './patch.mjs';

// On the first line, so that line numbers stay; the newline ends a trailing comment.
const HEAD = '(function (exports, require, module, process, internalBinding) { ';
const TAIL = '\n})';

// What a bundled package may ask of the table, whether lib has it yet or not. Written out: the list of the Node that
// happens to run this build would make its version show in the output.
const CORE = ('assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns '
  + 'domain events fs http https module net os path perf_hooks process punycode querystring readline stream '
  + 'stream/promises string_decoder timers timers/promises tls tty url util util/types v8 vm worker_threads zlib').split(' ');

// Packages that stand in for a core module elsewhere: a bundled package gets ours in their place.
const STAND_INS = {
  'buffer/': 'buffer', 'events/': 'events', 'process/': 'process', 'string_decoder/': 'string_decoder',
  'abort-controller': 'internal/abort_controller',
};

export async function readLibrary(cache, options, installModules) {
  const files = new Map();
  for (const dir of options.lib) {
    for (const [id, path] of modulesIn(dir)) files.set(id, path);
  }
  const modules = new Map();
  if (files.size === 0) return modules; // the engine alone: nothing asks for a package, and what packages ask for is not there
  for (const [id, path] of files) modules.set(id, wrap(id, readFileSync(path, 'utf8')));
  for (const [id, text] of await bundlePackages(cache, options.guestRoot, [...files.keys()], installModules)) {
    if (modules.has(id)) fail(`lib/${id}.js and skepLib in package.json both define the module ${id}`);
    modules.set(id, text);
  }
  return modules;
}

function modulesIn(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true })
    .filter((file) => file.endsWith('.js'))
    .map((file) => [file.replaceAll('\\', '/').slice(0, -'.js'.length), join(dir, file)]);
}

// Compiled once here (and thrown away), since a syntax error is better told now than at the guest's first start.
function wrap(id, text) {
  const wrapped = HEAD + text + TAIL;
  try {
    new Script(wrapped, { filename: `lib/${id}.js` });
  } catch (error) {
    fail(`lib/${id}.js: ${error.message}`, ...(error.stack ?? '').split('\n').slice(0, 3));
  }
  return wrapped;
}

async function bundlePackages(cache, guestRoot, ownIds, installModules) {
  const manifest = readFileSync(join(guestRoot, 'package.json'), 'utf8');
  const wanted = JSON.parse(manifest).skepLib ?? {};
  if (Object.keys(wanted).length === 0) return [];
  const core = [...new Set([...CORE, ...Object.values(STAND_INS), ...ownIds])].sort();
  const lock = readFileSync(join(guestRoot, 'package-lock.json'));
  const own = readFileSync(join(guestRoot, 'build', 'library.mjs'));
  const overlay = readOverlay(join(guestRoot, 'overlay'));
  const parts = [own, lock, JSON.stringify(wanted), JSON.stringify(core), JSON.stringify([...overlay])];
  const key = `${keyOf(...parts)}.json`;
  const known = cache.get('bundle', key);
  if (known) return JSON.parse(known);
  const nodeModules = await installModules();
  const esbuild = (await import(pathToFileURL(join(nodeModules, 'esbuild', 'lib', 'main.js')).href)).default;
  const bundles = [];
  for (const [id, entry] of Object.entries(wanted).sort()) {
    bundles.push([id, await bundleOne(esbuild, nodeModules, id, entry, { core, overlay, guestRoot })]);
  }
  await esbuild.stop();
  progress(`bundled ${bundles.length} packages`);
  cache.put('bundle', key, JSON.stringify(bundles));
  return bundles;
}

// Files of ours that stand in for a package's own, by their path in node_modules: overlay/PACKAGE/FILE; and changes to
// one that is large, as a patch beside it: overlay/PACKAGE/FILE.patch.
function readOverlay(dir) {
  const files = new Map();
  if (!existsSync(dir)) return files;
  for (const file of readdirSync(dir, { recursive: true }).sort()) {
    if (/\.m?js(\.patch)?$/.test(file)) files.set(file.replaceAll('\\', '/'), readFileSync(join(dir, file), 'utf8'));
  }
  return files;
}

function patched(path, patch, name) {
  if (patch === undefined) return undefined;
  const [{ hunks }] = parsePatch(patch, `${name}.patch`);
  return applyHunks(readFileSync(path, 'utf8'), hunks, `${name}.patch`);
}

// An entry is a file of a package; or { file, inject } with a file of ours whose exports stand in for globals in it; or
// names by the file that exports them: those of several files come into one module, with nothing that none of them
// needs, and as few bytes as may be, since such a module's text waits in the image.
function sourceOf(nodeModules, entry, guestRoot) {
  if (typeof entry === 'string') return { entryPoints: [join(nodeModules, entry)] };
  if (entry.file !== undefined) {
    const keepNames = entry.keepNames ?? false; // of classes that scripts see, which esbuild may rename
    return { entryPoints: [join(nodeModules, entry.file)], inject: [join(guestRoot, entry.inject)], keepNames };
  }
  const contents = Object.entries(entry).map(([file, names]) => `export { ${names} } from '${file}';\n`).join('');
  return { stdin: { contents, resolveDir: join(nodeModules, '..') }, minify: true };
}

async function bundleOne(esbuild, nodeModules, id, entry, { core, overlay, guestRoot }) {
  const source = sourceOf(nodeModules, entry, guestRoot);
  const external = new Set(core);
  const toTable = {
    name: 'core-modules',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        const name = STAND_INS[path] ?? path.replace(/^node:/, '');
        const ours = external.has(name) || name.startsWith('internal/'); // also when --lib names another folder
        return kind !== 'entry-point' && ours ? { path: name, external: true } : undefined;
      });
      // A file that is only in the overlay.
      build.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const file = `${join(resolveDir, path)}.js`;
        return overlay.has(relative(nodeModules, file).replaceAll('\\', '/')) ? { path: file } : undefined;
      });
      build.onLoad({ filter: /\.js$/ }, ({ path }) => {
        const name = relative(nodeModules, path).replaceAll('\\', '/');
        const contents = overlay.get(name) ?? patched(path, overlay.get(`${name}.patch`), name);
        return contents === undefined ? undefined : { contents, loader: 'js', resolveDir: dirname(path) };
      });
    },
  };
  const result = await esbuild.build({
    absWorkingDir: join(nodeModules, '..'),
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'neutral',
    mainFields: ['main'],
    target: 'esnext',
    legalComments: 'none',
    charset: 'utf8',
    ...source,
    plugins: [toTable],
    logLevel: 'silent',
  }).catch((error) => fail(`skepLib "${id}": esbuild could not bundle ${JSON.stringify(entry)}`, error.message));
  return wrap(id, result.outputFiles[0].text);
}

