// The C files of the guest under the names the compiler sees (engine/x.c, glue/x.c, sdk/skep.h), and which headers
// each one pulls in. Knows nothing about compilers.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BASE_GLUE } from './options.mjs';
import { fail } from './fail.mjs';

const ENGINE_UNITS = ['quickjs.c', 'libregexp.c', 'libunicode.c', 'dtoa.c'];
export const INCLUDE_DIRS = ['engine', 'glue', 'sdk'];

export class Sources {
  constructor(engineDir, options) {
    this.files = new Map(); // name -> { path, bytes }
    this.#addDir('engine', engineDir);
    this.#addDir('engine', options.engineExt);
    for (const file of BASE_GLUE) this.#add(`glue/${file}`, join(options.baseGlue, file));
    for (const dir of options.glue) {
      if (!existsSync(dir)) fail(`no glue folder at ${dir}`);
      this.#addDir('glue', dir);
    }
    if (existsSync(options.sdkInclude)) this.#addDir('sdk', options.sdkInclude);
  }

  #addDir(prefix, dir) {
    for (const file of readdirSync(dir)) {
      if (/\.[ch]$/.test(file)) this.#add(`${prefix}/${file}`, join(dir, file));
    }
  }

  #add(name, path) {
    this.files.set(name, { path, bytes: readFileSync(path) });
  }

  // The files to compile, the longest first so that the others fit beside it. The order is also the order of linking.
  units() {
    const engine = ENGINE_UNITS.map((file) => `engine/${file}`);
    const glue = [...this.files.keys()].filter((name) => /^glue\/.*\.c$/.test(name)).sort();
    return [...engine, ...glue];
  }

  // The unit and every header of ours that it can reach, #if or not. A header missed here fails the compile, since
  // the compiler is given these files and no others.
  closure(unit) {
    const seen = new Set();
    const visit = (name) => {
      if (seen.has(name)) return;
      seen.add(name);
      const text = this.files.get(name).bytes.toString('utf8');
      const here = name.slice(0, name.indexOf('/'));
      for (const [, wanted] of text.matchAll(/^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">]/gm)) {
        const found = [here, ...INCLUDE_DIRS].map((dir) => `${dir}/${wanted}`).find((path) => this.files.has(path));
        if (found) visit(found);
      }
    };
    visit(unit);
    return [...seen].sort();
  }
}
