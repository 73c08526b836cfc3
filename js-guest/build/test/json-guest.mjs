// A guest for json.test.mjs, with the means to tell everything about a value; and the thread in which its last test runs,
// with a stack for the deepest recursion that the engine allows.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const HOST_STACK_MB = 24;

// Defined alike here and in the guest: everything about a value that a program could tell, as text.
const SHOW = `
  var show = (v) => {
    if (Object.is(v, -0)) return '-0';
    if (typeof v === 'string') return '"' + Array.from({ length: v.length }, (_, i) => v.charCodeAt(i)) + '"';
    if (typeof v !== 'object' || v === null) return String(v);
    const proto = Object.getPrototypeOf(v);
    const head = Array.isArray(v) ? 'A' + v.length : proto === Object.prototype ? 'O' : '?';
    return head + '{' + Reflect.ownKeys(v).map((k) => {
      const d = Object.getOwnPropertyDescriptor(v, k);
      const flags = (d.writable ? 'w' : '') + (d.enumerable ? 'e' : '') + (d.configurable ? 'c' : '');
      return show(k) + flags + show(d.value);
    }).join() + '}';
  };
  var attempt = (run, words) => {
    try { return show(run()); } catch (e) { return e.name + (words ? ': ' + e.message : ''); }
  };
`;
export const here = new Function(`${SHOW}; return { show, attempt };`)();

export class Guest {
  constructor(module) {
    this.wasm = new WebAssembly.Instance(module, {}).exports;
    this.wasm._initialize();
    this.wasm.start(1n);
    this.eval(SHOW);
  }

  // A lone surrogate does not survive UTF-8: everything outside ASCII goes as an escape.
  eval(text) {
    const ascii = text.replace(/[^\n -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
    const bytes = Buffer.from(ascii);
    const at = this.wasm.buffer(bytes.length);
    Buffer.from(this.wasm.memory.buffer).set(bytes, at);
    const answer = this.wasm.eval(at, bytes.length);
    const memory = Buffer.from(this.wasm.memory.buffer);
    const shown = memory.toString('utf8', answer, memory.indexOf(0, answer));
    assert.ok(shown.startsWith('='), `${text.slice(0, 300)}\n${shown}`);
    return shown.slice(1);
  }
}

// What a guest of its own for each text answers.
export function inThread(module, texts) {
  const options = { workerData: { module, texts }, resourceLimits: { stackSizeMb: HOST_STACK_MB } };
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), options);
    worker.once('message', resolve).once('error', reject);
  });
}

if (!isMainThread) parentPort.postMessage(workerData.texts.map((text) => new Guest(workerData.module).eval(text)));
