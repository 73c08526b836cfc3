// exec and execFile: a program's output as two strings or buffers, with limits in time and size. Must not know how a process
// is started.
'use strict';

const { spawn } = require('internal/child_process/spawn');
const { normalizeExec, normalizeExecFile, toKillSignal, validateMaxBuffer, validateTimeout, copyOf } = require('internal/child_process/options');
const { genericNodeError, codes: { ERR_CHILD_PROCESS_STDIO_MAXBUFFER } } = require('internal/errors');
const { promisify } = require('internal/util');
const { getSystemErrorName } = require('util');

const MAX_BUFFER = 1024 * 1024;

// One of the two outputs: as text when the encoding is one, else as bytes.
class Output {
  constructor(encoding, max, full) {
    this.encoding = encoding;
    this.max = max;
    this.full = full;
    this.pieces = [];
    this.length = 0;
  }

  collect(stream) {
    if (stream === null || stream === undefined) return;
    if (this.encoding !== null) stream.setEncoding(this.encoding);
    stream.on('data', (chunk) => this.#take(chunk, stream.readableEncoding));
  }

  #take(chunk, encoding) {
    const size = encoding ? Buffer.byteLength(chunk, encoding) : chunk.length;
    if (this.length + size <= this.max) {
      this.length += size;
      this.pieces.push(chunk);
      return;
    }
    const room = this.max - this.length;
    if (this.length <= this.max) this.pieces.push(encoding ? chunk.slice(0, room) : chunk.subarray(0, room));
    this.length = this.max;
    this.full();
  }

  get value() {
    if (this.encoding !== null) return this.pieces.join('');
    return Buffer.concat(this.pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)));
  }
}

class Execution {
  constructor(child, options, callback, command) {
    this.child = child;
    this.options = options;
    this.callback = callback;
    this.command = command;
    this.error = null;
    this.killed = false;
    this.over = false;
    this.timer = undefined;
    const encoding = options.encoding && options.encoding !== 'buffer' && Buffer.isEncoding(options.encoding) ? options.encoding : null;
    this.outputs = ['stdout', 'stderr'].map((name) => {
      const output = new Output(encoding, options.maxBuffer, () => {
        this.error ??= new ERR_CHILD_PROCESS_STDIO_MAXBUFFER(name);
        this.kill();
      });
      output.collect(child[name]);
      return output;
    });
    if (options.timeout > 0) {
      this.timer = setTimeout(() => {
        this.kill();
        this.timer = undefined;
      }, options.timeout);
    }
    child.on('close', (code, signal) => this.finish(code, signal));
    child.on('error', (error) => this.fail(error));
  }

  kill() {
    const { child } = this;
    child.stdout?.destroy();
    child.stderr?.destroy();
    this.killed = true;
    try {
      child.kill(this.options.killSignal);
    } catch (error) {
      this.error ??= error;
      this.finish();
    }
  }

  fail(error) {
    this.error = error;
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
    this.finish();
  }

  finish(code, signal) {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.timer);
    if (this.callback === undefined || this.callback === null) return;
    const [stdout, stderr] = this.outputs.map((output) => output.value);
    let { error } = this;
    if (error === null && code === 0 && signal === null) {
      this.callback(null, stdout, stderr);
      return;
    }
    error ??= genericNodeError(`Command failed: ${this.command}\n${stderr}`, {
      code: code < 0 ? getSystemErrorName(code) : code, killed: this.child.killed || this.killed, signal,
    });
    error.cmd = this.command;
    this.callback(error, stdout, stderr);
  }
}

function execFile(file, args, options, callback) {
  ({ file, args, options, callback } = normalizeExecFile(file, args, options, callback));
  options = {
    __proto__: null, encoding: 'utf8', timeout: 0, maxBuffer: MAX_BUFFER, killSignal: 'SIGTERM', cwd: null, env: null, shell: false, ...options,
  };
  validateTimeout(options.timeout);
  validateMaxBuffer(options.maxBuffer);
  options.killSignal = toKillSignal(options.killSignal);
  const { timeout, ...rest } = options;
  const child = spawn(file, args, copyOf(rest));
  const command = [file, ...args].join(' ');
  new Execution(child, options, callback, command); // eslint-disable-line no-new
  return child;
}

function exec(command, options, callback) {
  const normal = normalizeExec(command, options, callback);
  return execFile(normal.file, normal.options, normal.callback);
}

// The promise has the process as `child`, and its error the outputs.
function promised(run) {
  return (...args) => {
    let child;
    const promise = new Promise((resolve, reject) => {
      child = run(...args, (error, stdout, stderr) => {
        if (error === null) resolve({ stdout, stderr });
        else reject(Object.assign(error, { stdout, stderr }));
      });
    });
    promise.child = child;
    return promise;
  };
}
for (const run of [exec, execFile]) {
  Object.defineProperty(run, promisify.custom, { enumerable: false, value: promised(run) });
}

module.exports = { exec, execFile, MAX_BUFFER };
