// FileHandle, the open file of fs.promises: counts who uses it, closes when the last is done. Must not know the host.
'use strict';

const EventEmitter = require('events');
const content = require('internal/fs/content');
const { operations } = require('internal/fs/operations');
const { addDescriptor, promise, runPromise } = require('internal/fs/request');
const sequences = require('internal/fs/sequences');
const { checkBuffers, checkData, getOptions } = require('internal/fs/validate');
const { kValidateObjectAllowNullable, validateObject, validateOneOf } = require('internal/validators');
const { codes: { ERR_INVALID_STATE } } = require('internal/errors');

const kRef = Symbol('kRef');
const kUnref = Symbol('kUnref');
const kLocked = Symbol('kLocked');
const DEFAULT_BYTES = 16384;

function closedError(syscall) {
  const error = new Error('file closed');
  error.code = 'EBADF';
  error.syscall = syscall;
  return error;
}

class FileHandle extends EventEmitter {
  #fd;
  #users = 1;
  #closing;
  #resolve;
  #reject;

  constructor(fd = -1) {
    super();
    this.#fd = fd;
  }

  getAsyncId() { return 0; }
  get fd() { return this.#fd; }

  [kRef]() { this.#users++; }

  [kUnref]() {
    this.#users--;
    if (this.#users === 0) {
      const fd = this.#fd;
      this.#fd = -1;
      promise(sequences.closeRequest(fd)).then(this.#resolve, this.#reject);
    }
  }

  // A user of the descriptor while `work` runs.
  async #use(name, work) {
    if (this.#fd === -1) throw closedError(name);
    this[kRef]();
    try {
      return await work(this.#fd);
    } finally {
      this[kUnref]();
    }
  }

  close() {
    if (this.#fd === -1) return Promise.resolve();
    if (this.#closing) return this.#closing;
    const closed = new Promise((resolve, reject) => [this.#resolve, this.#reject] = [resolve, reject]);
    this.#closing = closed.finally(() => { this.#closing = undefined; });
    this[kUnref]();
    this.emit('close');
    return this.#closing;
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    return this.close();
  }

  read(...args) {
    return this.#use('read', (fd) => readInto(fd, ...args));
  }

  readv(buffers, position) {
    return this.#use('readv', async (fd) => {
      checkBuffers(buffers);
      if (typeof position !== 'number') position = null;
      const bytesRead = buffers.length === 0 ? 0 : await runPromise(content.readvSteps(fd, buffers, position));
      return { bytesRead, buffers };
    });
  }

  write(...args) {
    return this.#use('write', (fd) => writeFrom(fd, ...args));
  }

  writev(buffers, position) {
    return this.#use('writev', async (fd) => {
      checkBuffers(buffers);
      if (typeof position !== 'number') position = null;
      const bytesWritten = buffers.length === 0 ? 0 : await runPromise(content.writevSteps(fd, buffers, position));
      return { bytesWritten, buffers };
    });
  }

  readFile(options) {
    return this.#use('readFile', (fd) => runPromise(sequences.readFileSteps(fd, options)));
  }

  writeFile(data, options) {
    return this.#use('writeFile', (fd) => writeData(fd, data, options));
  }

  appendFile(data, options) {
    return this.#use('appendFile', (fd) => writeData(fd, data, options));
  }

  truncate(length) {
    return this.#use('ftruncate', (fd) => promise(operations.ftruncate(fd, length)).then(nothing));
  }

  // Web streams come from stream/web; the handle is locked to the first.
  readableWebStream(options = {}) {
    if (this.#fd === -1) throw new ERR_INVALID_STATE('The FileHandle is closed');
    if (this.#closing) throw new ERR_INVALID_STATE('The FileHandle is closing');
    if (this[kLocked]) throw new ERR_INVALID_STATE('The FileHandle is locked');
    validateObject(options, 'options');
    const { type } = options;
    if (type !== undefined) validateOneOf(type, 'options.type', ['bytes']);
    this[kLocked] = true;
    this[kRef]();
    return webStream(this, type);
  }

  readLines(options) {
    return require('readline').createInterface({ input: this.createReadStream(options), crlfDelay: Infinity });
  }

  createReadStream(options) {
    return new (require('internal/fs/streams').ReadStream)(undefined, { ...options, fd: this });
  }

  createWriteStream(options) {
    return new (require('internal/fs/streams').WriteStream)(undefined, { ...options, fd: this });
  }
}

const nothing = () => undefined;

// Those that are one operation on the descriptor.
for (const [name, operation, answers] of [
  ['chmod', 'fchmod'], ['chown', 'fchown'], ['datasync', 'fdatasync'], ['sync', 'fsync'], ['stat', 'fstat', true], ['utimes', 'futimes'],
]) {
  const method = {
    async [name](...args) {
      if (this.fd === -1) throw closedError(operation);
      this[kRef]();
      try {
        const answer = await promise(operations[operation](this.fd, ...args));
        return answers ? answer : undefined;
      } finally {
        this[kUnref]();
      }
    },
  }[name];
  Object.defineProperty(FileHandle.prototype, name, { value: method, writable: true, configurable: true });
}

async function readInto(fd, buffer, offset, length, position) {
  if (!ArrayBuffer.isView(buffer)) {
    // read(options)
    validateObject(buffer ?? {}, 'options', kValidateObjectAllowNullable);
    const params = buffer;
    ({ buffer = Buffer.alloc(DEFAULT_BYTES) } = params ?? {});
    [offset, length, position] = content.readWhere(params, buffer);
  } else if (offset !== null && typeof offset === 'object') {
    [offset, length, position] = content.readWhere(offset, buffer);
  }
  offset ??= 0;
  length ??= buffer.byteLength - offset;
  const request = content.readRequest(fd, buffer, offset, length, position);
  return { __proto__: null, bytesRead: request === undefined ? 0 : await promise(request), buffer };
}

async function writeFrom(fd, buffer, offset, length, position) {
  if (buffer?.byteLength === 0) return { __proto__: null, bytesWritten: 0, buffer };
  if (ArrayBuffer.isView(buffer)) {
    if (typeof offset === 'object' && offset !== null) validateObject(offset, 'options', kValidateObjectAllowNullable);
    if (typeof position !== 'number') position = null;
    return { __proto__: null, bytesWritten: await runPromise(content.viewSteps(fd, buffer, offset, length, position)), buffer };
  }
  checkData(buffer, 'buffer');
  const bytesWritten = await runPromise(content.textSteps(fd, buffer, offset, typeof length === 'string' ? length : 'utf8'));
  return { __proto__: null, bytesWritten, buffer };
}

const isIterable = (data) => data !== null && typeof data === 'object' && !ArrayBuffer.isView(data) &&
  (typeof data[Symbol.asyncIterator] === 'function' || typeof data[Symbol.iterator] === 'function');

// Strings and bytes, or a stream or other iterable of them.
async function writeData(fd, data, options) {
  options = getOptions(options, { encoding: 'utf8' });
  const { encoding, signal, flush } = options;
  if (!isIterable(data)) {
    await runPromise(sequences.writeFileSteps(fd, data, options));
    return;
  }
  sequences.checkAborted(signal);
  for await (const chunk of data) {
    sequences.checkAborted(signal);
    checkData(chunk);
    await runPromise(sequences.writeAll(fd, chunk, encoding, signal));
    sequences.checkAborted(signal);
  }
  if (flush) await promise(operations.fsync(fd));
}

function webStream(handle, type) {
  const { ReadableStream } = require('stream/web');
  const size = 64 << 10;
  let over = false;
  const release = () => {
    if (!over) handle[kUnref]();
    over = true;
  };
  const done = () => {
    release();
    return handle.close();
  };
  return new ReadableStream({
    type,
    ...(type === 'bytes' && { autoAllocateChunkSize: size }),
    start(controller) {
      // Closing the handle ends the stream, whoever reads it.
      handle.once('close', () => {
        if (!over) controller.close();
        release();
      });
    },
    async pull(controller) {
      const view = controller.byobRequest?.view ?? new Uint8Array(size);
      const { bytesRead } = await handle.read(view, 0, view.byteLength);
      if (over) return;
      if (bytesRead === 0) {
        controller.close();
        controller.byobRequest?.respond(0);
        await done();
      } else if (controller.byobRequest) {
        controller.byobRequest.respond(bytesRead);
      } else {
        controller.enqueue(type === 'bytes' ? view.subarray(0, bytesRead) : view.buffer.slice(0, bytesRead));
      }
    },
    cancel: done,
  });
}

const open = async (path, flags, mode) => new FileHandle(addDescriptor(await promise(operations.open(path, flags, mode))));

module.exports = { FileHandle, isIterable, kRef, kUnref, open, writeData };
