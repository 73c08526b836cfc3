// fs.ReadStream and fs.WriteStream: streams over a descriptor, by the open, read, write and close of fs, of a script's own
// `fs`, or of a FileHandle. Must not know the host.
'use strict';

const { Readable, Writable, finished } = require('stream');
const fs = require('fs');
const { toFd, toPath, getOptions } = require('internal/fs/validate');
const { deprecate } = require('internal/util');
const { validateBoolean, validateFunction, validateInteger } = require('internal/validators');
const {
  codes: { ERR_INVALID_ARG_TYPE, ERR_METHOD_NOT_IMPLEMENTED, ERR_OUT_OF_RANGE, ERR_STREAM_DESTROYED, ERR_SYSTEM_ERROR },
} = require('internal/errors');

const kFs = Symbol('kFs');
const kHandle = Symbol('kHandle');
const kBusy = Symbol('kIsPerformingIO');
const kIoDone = Symbol('kIoDone');
const MOST_RETRIES = 5;

const afterPromise = (promise, callback, pick) => promise.then((answer) => callback(null, ...pick(answer)), callback);
const nothing = () => [];

// A FileHandle in the clothes of fs.
const handleOperations = (handle) => ({
  open: (path, flags, mode, callback) => { throw new ERR_METHOD_NOT_IMPLEMENTED('open()'); },
  close: (fd, callback) => {
    handle[require('internal/fs/file_handle').kUnref]();
    afterPromise(handle.close(), callback, nothing);
  },
  fsync: (fd, callback) => afterPromise(handle.sync(), callback, nothing),
  read: (fd, buffer, offset, length, position, callback) =>
    afterPromise(handle.read(buffer, offset, length, position), callback, ({ bytesRead }) => [bytesRead, buffer]),
  write: (fd, buffer, offset, length, position, callback) =>
    afterPromise(handle.write(buffer, offset, length, position), callback, ({ bytesWritten }) => [bytesWritten, buffer]),
  writev: (fd, buffers, position, callback) =>
    afterPromise(handle.writev(buffers, position), callback, ({ bytesWritten }) => [bytesWritten, buffers]),
});

function importFd(stream, options) {
  if (typeof options.fd === 'number') {
    stream[kFs] = options.fs || fs;
    return options.fd;
  }
  const { FileHandle, kRef } = require('internal/fs/file_handle');
  if (typeof options.fd === 'object' && options.fd instanceof FileHandle) {
    if (options.fs) throw new ERR_METHOD_NOT_IMPLEMENTED('FileHandle with fs');
    stream[kHandle] = options.fd;
    stream[kFs] = handleOperations(options.fd);
    options.fd[kRef]();
    options.fd.on('close', stream.close.bind(stream));
    return options.fd.fd;
  }
  throw new ERR_INVALID_ARG_TYPE('options.fd', ['number', 'FileHandle'], options.fd);
}

function construct(callback) {
  if (typeof this.fd === 'number') {
    callback();
    return;
  }
  if (this.open !== openRead && this.open !== openWrite) return constructByOpen(this, callback);
  this[kFs].open(this.path, this.flags, this.mode, (error, fd) => {
    if (error) {
      callback(error);
      return;
    }
    this.fd = fd;
    callback();
    this.emit('open', this.fd);
    this.emit('ready');
  });
}

// A script has put its own open() in place, as graceful-fs does: what it emits tells that the stream is made.
function constructByOpen(stream, callback) {
  const { emit } = stream;
  stream.emit = function(...args) {
    if (args[0] === 'open') {
      this.emit = emit;
      callback();
      Reflect.apply(emit, this, args);
    } else if (args[0] === 'error') {
      this.emit = emit;
      callback(args[1]);
    } else {
      Reflect.apply(emit, this, args);
    }
  };
  stream.open();
}

function close(stream, error, callback) {
  if (!stream.fd) {
    callback(error);
    return;
  }
  const finish = (flushError) => {
    stream[kFs].close(stream.fd, (closeError) => callback(closeError || error || flushError));
    stream.fd = null;
  };
  if (stream.flush) stream[kFs].fsync(stream.fd, finish);
  else finish();
}

function destroy(error, callback) {
  // What is under way ends first: the descriptor could be given to somebody else meanwhile.
  if (this[kBusy]) this.once(kIoDone, (ioError) => close(this, error || ioError, callback));
  else close(this, error, callback);
}

// What both kinds of stream have in common before the base class is called.
function prepare(stream, path, options, flags, method) {
  if (options.fd == null) {
    stream.fd = null;
    stream[kFs] = options.fs || fs;
    validateFunction(stream[kFs].open, 'options.fs.open');
    stream.path = toPath(path);
    stream.flags = options.flags ?? flags;
    stream.mode = options.mode ?? 0o666;
  } else {
    stream.fd = toFd(importFd(stream, options));
  }
  options.autoDestroy = options.autoClose === undefined ? true : options.autoClose;
  if (method === 'read') validateFunction(stream[kFs].read, 'options.fs.read');
  if (options.autoDestroy) validateFunction(stream[kFs].close, 'options.fs.close');
  stream.start = options.start;
  stream.pos = undefined;
  stream[kBusy] = false;
}

// What an options object inherits counts too.
function copyOptions(options) {
  const copy = {};
  for (const key in options) copy[key] = options[key];
  return copy;
}

function ReadStream(path, options) {
  if (!(this instanceof ReadStream)) return new ReadStream(path, options);
  options = copyOptions(getOptions(options));
  options.highWaterMark ??= 64 << 10;
  prepare(this, path, options, 'r', 'read');
  this.end = options.end ?? Infinity;
  this.bytesRead = 0;
  if (this.start !== undefined) {
    validateInteger(this.start, 'start', 0);
    this.pos = this.start;
  }
  if (this.end !== Infinity) {
    validateInteger(this.end, 'end', 0);
    if (this.start !== undefined && this.start > this.end) {
      throw new ERR_OUT_OF_RANGE('start', `<= "end" (here: ${this.end})`, this.start);
    }
  }
  Readable.call(this, options);
  if (options.encoding) this.setEncoding(options.encoding);
  return undefined;
}
Object.setPrototypeOf(ReadStream.prototype, Readable.prototype);
Object.setPrototypeOf(ReadStream, Readable);

const autoClose = {
  enumerable: false,
  configurable: true,
  get() { return (this._readableState ?? this._writableState).autoDestroy; },
  set(value) { (this._readableState ?? this._writableState).autoDestroy = value; },
};
Object.defineProperty(ReadStream.prototype, 'autoClose', autoClose);

const openRead = deprecate(function() {}, 'ReadStream.prototype.open() is deprecated', 'DEP0135');
ReadStream.prototype.open = openRead;
ReadStream.prototype._construct = construct;
ReadStream.prototype._destroy = destroy;

// Without autoClose the stream stays as it is, but for the error.
function readFailed(stream, error) {
  const state = stream._readableState;
  if (state.autoDestroy) {
    stream.destroy(error);
    return;
  }
  state.errored ??= error;
  if (!state.errorEmitted) {
    state.errorEmitted = true;
    stream.emit('error', error);
  }
}

ReadStream.prototype._read = function(n) {
  n = Math.min(this.end - (this.pos ?? this.bytesRead) + 1, n);
  if (n <= 0) {
    this.push(null);
    return;
  }
  const place = Buffer.allocUnsafeSlow(n);
  this[kBusy] = true;
  this[kFs].read(this.fd, place, 0, n, this.pos, (error, bytesRead, buffer) => {
    this[kBusy] = false;
    if (this.destroyed) {
      this.emit(kIoDone, error);
      return;
    }
    if (error) {
      readFailed(this, error);
    } else if (bytesRead > 0) {
      if (this.pos !== undefined) this.pos += bytesRead;
      this.bytesRead += bytesRead;
      // A short read does not pin the whole place.
      this.push(bytesRead === buffer.length ? buffer : Buffer.from(buffer.subarray(0, bytesRead)));
    } else {
      this.push(null);
    }
  });
};

ReadStream.prototype.close = function(callback) {
  if (typeof callback === 'function') finished(this, callback);
  this.destroy();
};

const pending = { configurable: true, get() { return this.fd === null; } };
Object.defineProperty(ReadStream.prototype, 'pending', pending);

function WriteStream(path, options) {
  if (!(this instanceof WriteStream)) return new WriteStream(path, options);
  options = copyOptions(getOptions(options));
  options.decodeStrings = true;
  prepare(this, path, options, 'w', 'write');
  this.flush = options.flush;
  if (this.flush == null) this.flush = false;
  else validateBoolean(this.flush, 'options.flush');
  if (this.flush) validateFunction(this[kFs].fsync, 'options.fs.fsync');
  if (!this[kFs].write && !this[kFs].writev) throw new ERR_INVALID_ARG_TYPE('options.fs.write', 'function', this[kFs].write);
  if (this[kFs].write) validateFunction(this[kFs].write, 'options.fs.write');
  if (this[kFs].writev) validateFunction(this[kFs].writev, 'options.fs.writev');
  // One of the two will do.
  if (!this[kFs].write) this._write = null;
  if (!this[kFs].writev) this._writev = null;
  this.bytesWritten = 0;
  if (this.start !== undefined) {
    validateInteger(this.start, 'start', 0);
    this.pos = this.start;
  }
  Writable.call(this, options);
  if (options.encoding) this.setDefaultEncoding(options.encoding);
  return undefined;
}
Object.setPrototypeOf(WriteStream.prototype, Writable.prototype);
Object.setPrototypeOf(WriteStream, Writable);
Object.defineProperty(WriteStream.prototype, 'autoClose', autoClose);
Object.defineProperty(WriteStream.prototype, 'pending', pending);

const openWrite = deprecate(function() {}, 'WriteStream.prototype.open() is deprecated', 'DEP0135');
WriteStream.prototype.open = openWrite;
WriteStream.prototype._construct = construct;
WriteStream.prototype._destroy = destroy;

// The same for one buffer and for several: `rest` cuts off what was written.
function writeAll(stream, send, data, size, pos, rest, callback, retries = 0) {
  send(data, size, pos, (error, written) => {
    if (error?.code === 'EAGAIN') [error, written] = [null, 0];
    if (stream.destroyed || error) {
      callback(error || new ERR_STREAM_DESTROYED('write'));
      return;
    }
    stream.bytesWritten += written;
    retries = written ? 0 : retries + 1;
    size -= written;
    if (retries > MOST_RETRIES) {
      callback(new ERR_SYSTEM_ERROR({ code: 'EAGAIN', message: 'write failed', syscall: 'write' }));
    } else if (size) {
      writeAll(stream, send, rest(data, written), size, pos === undefined ? pos : pos + written, rest, callback, retries);
    } else {
      callback();
    }
  });
}

function transfer(stream, send, data, size, rest, callback) {
  stream[kBusy] = true;
  writeAll(stream, send, data, size, stream.pos, rest, (error) => {
    stream[kBusy] = false;
    callback(error);
    if (stream.destroyed) stream.emit(kIoDone, error);
  });
  if (stream.pos !== undefined) stream.pos += size;
}

WriteStream.prototype._write = function(data, encoding, callback) {
  const send = (bytes, size, pos, done) => this[kFs].write(this.fd, bytes, 0, size, pos, done);
  transfer(this, send, data, data.length, (bytes, written) => bytes.slice(written), callback);
};

WriteStream.prototype._writev = function(chunks, callback) {
  const buffers = chunks.map(({ chunk }) => chunk);
  const size = buffers.reduce((sum, chunk) => sum + chunk.length, 0);
  const send = (list, _, pos, done) => this[kFs].writev(this.fd, list, pos ?? null, done);
  const rest = (list, written) => [Buffer.concat(list).subarray(written)];
  transfer(this, send, buffers, size, rest, callback);
};

WriteStream.prototype.close = function(callback) {
  if (callback) {
    if (this.closed) {
      process.nextTick(callback);
      return;
    }
    this.on('close', callback);
  }
  // Without autoClose it is closed when it has been written.
  if (!this.autoClose) this.on('finish', this.destroy);
  this.end();
};

WriteStream.prototype.destroySoon = WriteStream.prototype.end;

module.exports = { ReadStream, WriteStream };
