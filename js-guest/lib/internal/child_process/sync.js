// spawnSync, execFileSync and execSync: the guest is held until the process has ended, and gets all of its output at once.
// Must not know the loop.
'use strict';

const native = internalBinding('child');
const streams = internalBinding('stream');
const { ErrnoException, genericNodeError, codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');
const { EACCES, denied } = require('internal/net/denied');
const { describe, flatten, flag } = require('internal/child_process/child');
const { kind, toEntries } = require('internal/child_process/stdio');
const {
  normalizeExec, normalizeExecFile, normalizeSpawn, signalName, toKillSignal, validateMaxBuffer, validateTimeout,
} = require('internal/child_process/options');

const MAX_BUFFER = 1024 * 1024;
const FOREVER = -1;
const LAST_WORDS = 1000; // for a killed process to be gone, milliseconds
const PIECE = 65536;
const PATIENCE = 5; // between tries to write what does not fit yet, milliseconds
const EAGAIN = -11, EMFILE = -24, ENOBUFS = -105, ETIMEDOUT = -110;
const state = { RUNNING: 1, ENDED: 2, FAILED: 3 };

// ---- One process, from start to end ----

function toBytes(input, name) {
  if (typeof input === 'string') return Buffer.from(input);
  if (ArrayBuffer.isView(input)) return Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  throw new ERR_INVALID_ARG_TYPE(name, ['string', 'Buffer', 'TypedArray', 'DataView'], input);
}

// What its standard input gets is all written before it is waited for; then it is told the end. Answers the streams.
function feed(child, entries) {
  return entries.flatMap((entry, index) => {
    if (entry.kind !== kind.PIPE) return [];
    const stream = native.stdio(child, index);
    if (stream <= 0) return [];
    const bytes = entry.input;
    for (let at = 0; bytes !== undefined && at < bytes.length;) {
      const answer = streams.write(stream, bytes.subarray(at, at + PIECE));
      if (answer >= 0) at += PIECE;
      else if (answer !== EAGAIN || native.status(child)[0] > state.RUNNING) break;
      else native.wait(child, PATIENCE);
    }
    streams.shutdown(stream);
    return [stream];
  });
}

// Answers the error number that ended the waiting, or 0.
function wait(child, timeout, killSignal) {
  native.wait(child, timeout > 0 ? timeout : FOREVER);
  let [at, , , , , overflow] = native.status(child);
  if (at >= state.ENDED && !overflow) return 0;
  const why = overflow ? ENOBUFS : ETIMEDOUT;
  if (at === state.RUNNING) {
    native.kill(child, killSignal ?? 15);
    native.wait(child, LAST_WORDS);
    [at] = native.status(child);
    if (at < state.ENDED) native.wait(child, FOREVER);
  }
  return why;
}

// As many pieces as there is room for one at a time.
function outputOf(child, index) {
  const pieces = [];
  for (;;) {
    const blob = native.output(child, index);
    if (blob === EAGAIN || blob === EMFILE) throw new ErrnoException(blob, 'read');
    if (blob < 0) return null;
    const piece = native.blob(blob);
    if (piece.length === 0) return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    pieces.push(piece);
  }
}

const outputsOf = (child, entries) =>
  entries.map((entry, index) => (entry.kind !== kind.PIPE || index === 0 ? null : outputOf(child, index)));

const failed = (error) => ({ error, status: null, signal: null, output: null, pid: 0, stdout: null, stderr: null });

function run(options) {
  const { entries } = toEntries(options.stdio ?? 'pipe', true);
  for (const entry of entries) if (entry.input !== undefined) entry.input = toBytes(entry.input, 'stdio');
  if (options.input) Object.assign(entries[0], { kind: kind.PIPE, input: toBytes(options.input, 'options.input') });
  const most = Math.min(options.maxBuffer ?? MAX_BUFFER, 0xffffffff);
  const { head, texts } = describe({ __proto__: null, ...options, maxBuffer: most }, -1, flag.SYNC);
  const syscall = `spawnSync ${options.file}`;
  const child = native.start(head, flatten(entries), texts);
  if (child < 0) return failed(child === EACCES ? denied(syscall) : new ErrnoException(child, syscall));
  const fed = feed(child, entries);
  const error = wait(child, options.timeout, options.killSignal);
  const [at, pid, code, signal] = native.status(child);
  const output = outputsOf(child, entries);
  for (const handle of [...fed, child]) streams.close(handle);
  if (at === state.FAILED) return failed(new ErrnoException(-code, syscall));
  return {
    error: error === 0 ? undefined : new ErrnoException(error, syscall), status: signal === 0 ? code : null,
    signal: signal === 0 ? null : signalName(signal), output, pid, stdout: output[1], stderr: output[2],
  };
}

// ---- The functions ----

function spawnSync(file, args, options) {
  const settings = { __proto__: null, maxBuffer: MAX_BUFFER, ...normalizeSpawn(file, args, options) };
  validateTimeout(settings.timeout);
  validateMaxBuffer(settings.maxBuffer);
  settings.killSignal = toKillSignal(settings.killSignal);
  const { error, ...result } = run(settings);
  const { encoding } = settings;
  if (result.output !== null && encoding && encoding !== 'buffer') {
    result.output = result.output.map((bytes) => (bytes === null ? null : bytes.toString(encoding)));
    [, result.stdout, result.stderr] = result.output;
  }
  if (error !== undefined) result.error = Object.assign(error, { path: settings.file, spawnargs: settings.args.slice(1) });
  return result;
}

function checkResult(result, command, args) {
  if (result.error !== undefined) return Object.assign(result.error, result);
  if (result.status === 0) return undefined;
  let message = `Command failed: ${command ?? args.join(' ')}`;
  if (result.stderr && result.stderr.length > 0) message += `\n${result.stderr.toString()}`;
  return genericNodeError(message, result);
}

function finish(result, showErrors, command, args) {
  if (showErrors && result.stderr) process.stderr.write(result.stderr);
  const error = checkResult(result, command, args);
  if (error !== undefined) throw error;
  return result.stdout;
}

function execFileSync(file, args, options) {
  ({ file, args, options } = normalizeExecFile(file, args, options));
  const showErrors = !options.stdio;
  const result = spawnSync(file, args, options);
  return finish(result, showErrors, undefined, [options.argv0 ?? file, ...args]);
}

function execSync(command, options) {
  const normal = normalizeExec(command, options, null);
  const showErrors = !normal.options.stdio;
  return finish(spawnSync(normal.file, normal.options), showErrors, command);
}

module.exports = { execFileSync, execSync, spawnSync };
