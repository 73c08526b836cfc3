// The process in which npm's clang runs, one command after another. Started by toolchain.mjs; knows only the
// compiler's API and the message { args, inputs, output } -> { bytes, stderr, error }.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const { runClang } = await import(pathToFileURL(process.argv[2]).href);
const TARGET = '--target=wasm32-wasip1';

// The compiler sees a file system of nothing but these files and its own sysroot.
function treeOf(inputs) {
  const root = {};
  for (const [name, file] of Object.entries(inputs)) {
    const path = name.split('/');
    const leaf = path.pop();
    let dir = root;
    for (const folder of path) dir = dir[folder] ??= {};
    dir[leaf] = new Uint8Array(readFileSync(file));
  }
  for (const dir of folders(root)) for (const inner of folders(dir)) standBeside(dir, inner);
  return root;
}

const isFolder = (entry) => !(entry instanceof Uint8Array);
const folders = (dir) => Object.values(dir).filter(isFolder);

// Its file system takes ".." for ".": what "../common/x.h" names has to be found in the folder itself.
function standBeside(dir, inner) {
  for (const [name, sibling] of Object.entries(dir)) {
    if (sibling === inner || !isFolder(sibling) || name in inner) continue;
    inner[name] = Object.fromEntries(Object.entries(sibling).filter(([, entry]) => !isFolder(entry)));
  }
}

process.on('disconnect', () => process.exit());
process.on('message', async ({ args, inputs, output }) => {
  let text = '';
  const decoder = new TextDecoder();
  const collect = (bytes) => { if (bytes) text += decoder.decode(bytes, { stream: true }); };
  const options = { stdout: collect, stderr: collect, fetchProgress: () => {} };
  try {
    const [program, ...rest] = args;
    const files = await runClang([program, TARGET, ...rest, '-o', output], treeOf(inputs), options);
    process.send({ bytes: files?.[output] ?? null, stderr: text, error: null });
  } catch (error) {
    process.send({ bytes: null, stderr: text, error: String(error) });
  }
});
