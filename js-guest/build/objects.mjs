// From sources to one linked module: compiles what changed, as many at a time as there are cores, and links.
// Knows caches and toolchains by their interfaces only.
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { keyOf } from './cache.mjs';
import { progress } from './fail.mjs';
import { BULK_FLAGS, ENGINE_FLAGS, GLUE_FLAGS, LINK_FLAGS } from './flags.mjs';
import { INCLUDE_DIRS } from './sources.mjs';

// quickjs.c takes a minute, everything else seconds.
const HEAVY = 'engine/quickjs.c';
const MOST_LANES = 4;

// Returns the linked module's bytes, from the cache when nothing changed.
export async function buildModule(cache, toolchain, sources) {
  const id = await toolchain.id();
  const jobs = sources.units().map((unit) => jobFor(unit, id, sources));
  const linkKey = keyOf(id, LINK_FLAGS.join(' '), ...jobs.map((job) => job.key));
  const linked = cache.get('linked', linkKey);
  if (linked) return linked;
  const lanes = [];
  try {
    await compileAll(cache, toolchain, jobs.filter((job) => cache.get('obj', job.key) === null), lanes);
    const bytes = await link(cache, toolchain, jobs, lanes);
    cache.put('linked', linkKey, bytes);
    return bytes;
  } finally {
    for (const lane of lanes) lane.close();
  }
}

function jobFor(unit, id, sources) {
  const closure = sources.closure(unit);
  const flags = unit === 'glue/bulk_memory.c' ? BULK_FLAGS : unit.startsWith('glue/') ? GLUE_FLAGS : ENGINE_FLAGS;
  const args = ['clang', ...flags, ...INCLUDE_DIRS.map((dir) => `-I${dir}`), '-c', unit];
  const contents = closure.flatMap((name) => [name, sources.files.get(name).bytes]);
  const inputs = Object.fromEntries(closure.map((name) => [name, sources.files.get(name).path]));
  return { unit, args, inputs, key: `${keyOf(id, args.join(' '), ...contents)}.o` };
}

// Each lane takes the next job when it is done with one. The lane that gets the heavy file is started for it.
async function compileAll(cache, toolchain, jobs, lanes) {
  const queue = [...jobs].sort((a, b) => (b.unit === HEAVY) - (a.unit === HEAVY));
  const width = Math.min(queue.length, availableParallelism(), MOST_LANES);
  const work = async (first) => {
    const lane = await toolchain.lane(first.unit === HEAVY);
    lanes.push(lane);
    for (let job = first; job; job = queue.shift()) {
      const started = Date.now();
      cache.put('obj', job.key, await lane.clang(job.args, job.inputs, 'out.o'));
      progress(`compiled ${basename(job.unit)} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
    }
  };
  if (queue.some((job) => job.unit === HEAVY)) progress('compiling the engine: quickjs.c takes one to two minutes');
  await Promise.all(queue.splice(0, width).map(work));
}

async function link(cache, toolchain, jobs, lanes) {
  const inputs = Object.fromEntries(jobs.map((job) => [objectName(job.unit), cache.path('obj', job.key)]));
  const lane = lanes.at(-1) ?? await toolchain.lane(false);
  if (!lanes.includes(lane)) lanes.push(lane);
  const bytes = await lane.clang(['clang', ...LINK_FLAGS, ...Object.keys(inputs)], inputs, 'out.wasm');
  progress('linked');
  return bytes;
}

function objectName(unit) {
  return `${unit.replaceAll('/', '-').replace(/\.c$/, '')}.o`;
}
