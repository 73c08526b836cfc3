// The C files of the guest under the names the compiler sees (engine/x.c, glue/x.c, sdk/skep.h), and which headers
// each one pulls in. Knows nothing about compilers.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { BASE_GLUE } from './options.mjs';
import { fail } from './fail.mjs';

// The longest first, so that the others fit beside it.
const ENGINE_UNITS = ['engine/quickjs.c', 'engine/libregexp.c', 'engine/libunicode.c', 'engine/dtoa.c'];
export const INCLUDE_DIRS = ['engine', 'glue', 'sdk', 'zlib', 'brotli/include'];

export class Sources {
  constructor(folders, options) {
    this.files = new Map(); // name -> { path, bytes }
    for (const [name, folder] of Object.entries(folders)) this.#addDir(name, folder);
    this.#addDir('engine', options.engineExt);
    for (const file of BASE_GLUE) this.#add(`glue/${file}`, join(options.baseGlue, file));
    for (const dir of options.glue) {
      if (!existsSync(dir)) fail(`no glue folder at ${dir}`);
      this.#addDir('glue', dir);
    }
    if (existsSync(options.sdkInclude)) this.#addDir('sdk', options.sdkInclude);
  }

  #addDir(prefix, dir) {
    for (const file of readdirSync(dir, { recursive: true })) {
      if (/\.[ch]$/.test(file)) this.#add(`${prefix}/${file.replaceAll('\\', '/')}`, join(dir, file));
    }
  }

  #add(name, path) {
    this.files.set(name, { path, bytes: readFileSync(path) });
  }

  // The files to compile, in the order of linking. What nothing of the glue calls is not linked in, nor compiled.
  units() {
    const all = [...this.files.keys()].filter((name) => name.endsWith('.c')).sort();
    const glue = all.filter((name) => name.startsWith('glue/'));
    const wanted = glue.includes('glue/zlib.c') ? all.filter((name) => /^(zlib|brotli)\//.test(name)) : [];
    return [...ENGINE_UNITS, ...glue, ...wanted];
  }

  // The unit and every header of ours that it can reach, #if or not. A header missed here fails the compile, since
  // the compiler is given these files and no others.
  closure(unit) {
    const seen = new Set();
    const visit = (name) => {
      if (seen.has(name)) return;
      seen.add(name);
      const text = this.files.get(name).bytes.toString('utf8');
      const here = posix.dirname(name);
      for (const [, wanted] of text.matchAll(/^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">]/gm)) {
        const found = [here, ...INCLUDE_DIRS].map((dir) => posix.join(dir, wanted)).find((path) => this.files.has(path));
        if (found) visit(found);
      }
    };
    visit(unit);
    return [...seen].sort();
  }
}
