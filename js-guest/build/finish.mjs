// The last step: from the linker's module to the file that ships. Checks the imports, drops what tells about the
// build (but a few functions' names), appends the JavaScript library. Knows nothing about compiling.
import { fail } from './fail.mjs';
import { pickNames, readSections, writeSections } from './wasm-file.mjs';

const HOST_MODULE = 'skep';
export const LIB_SECTION = 'skep.lib';

// Where memory comes from: the tests find these in the guest that ships, and have them fail (src/runtime/tests/famine.rs).
const NAMES_KEPT = ['malloc', 'realloc', 'arena_new', 'js_arena_malloc', 'arena_malloc_large', 'arena_calloc_large'];

export async function finish(linked, library, keepNames) {
  await checkImports(linked);
  const kept = readSections(linked).filter(({ name }) => name === null || name === 'name')
    .map((section) => (section.name === null || keepNames ? section : { ...section, body: pickNames(section.body, NAMES_KEPT) }));
  return writeSections([...kept, { id: 0, name: LIB_SECTION, body: packLibrary(library) }]);
}

// Whatever the guest can ask of the world stands in the host's own table: no second, wider door (WASI) beside it.
async function checkImports(linked) {
  const imports = WebAssembly.Module.imports(await WebAssembly.compile(linked));
  const strange = imports.filter(({ module, kind }) => module !== HOST_MODULE || kind !== 'function');
  if (strange.length === 0) return;
  fail(`the guest may import functions of "${HOST_MODULE}" only, but it imports:`,
    ...strange.map(({ module, name, kind }) => `${module}.${name} (${kind})`),
    'A "wasi_snapshot_preview1" name: the C library wants a call that glue/wasi_stubs.c does not answer yet.',
    'An "env" name: a C function is called but defined nowhere.');
}

// { u32 name length, name, u32 text length, text }, little endian, repeated, sorted by the bytes of the name.
function packLibrary(modules) {
  const parts = [];
  for (const [name, text] of [...modules].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
    for (const value of [Buffer.from(name), Buffer.from(text)]) {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(value.length);
      parts.push(length, value);
    }
  }
  return Buffer.concat(parts);
}
