// Reading from and writing to descriptors: Node's many ways to say where and how much, made into requests. Standard output
// and error are written to here too. Must not know files by their paths.
'use strict';

const { doSync, isGiven, ops, queue, run, runSync } = require('internal/fs/request');
const {
  checkBuffers, checkPosition, checkReadRange, checkWriteRange, toFd,
} = require('internal/fs/validate');
const {
  kValidateObjectAllowNullable, validateBuffer, validateEncoding, validateFunction, validateInteger, validateObject,
} = require('internal/validators');
const { codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE } } = require('internal/errors');
const { customPromisifyArgs } = require('internal/util');

const DEFAULT_BYTES = 16384;
const WRITE_STEP = 8 << 20;
// What a call that is put aside while a thread does it moves at most.
const APART_STEP = 1 << 20;

function checkCallback(callback) {
  validateFunction(callback, 'cb');
  return callback;
}

// ---- read ----

// One request, or none when nothing is to be read.
function readRequest(fd, buffer, offset, length, position) {
  validateBuffer(buffer);
  if (offset == null) offset = 0;
  else validateInteger(offset, 'offset', 0);
  length |= 0;
  if (length === 0) return undefined;
  if (buffer.byteLength === 0) throw new ERR_INVALID_ARG_VALUE('buffer', buffer, 'is empty and cannot be written');
  checkReadRange(offset, length, buffer.byteLength);
  const a = position == null ? -1 : checkPosition(position, 'position', length);
  return { op: fd === 0 ? ops.READ_INPUT : ops.READ, syscall: 'read', kind: 'move', fd, data: buffer, offset, length, a };
}

const readWhere = (params, buffer) => {
  const { offset = 0, length = buffer?.byteLength - offset, position = null } = params ?? {};
  return [offset, length, position];
};

function read(fd, buffer, offset, length, position, callback) {
  fd = toFd(fd);
  if (arguments.length <= 4) {
    let params = null;
    if (arguments.length === 4) {
      validateObject(offset, 'options', kValidateObjectAllowNullable);
      [callback, params] = [length, offset];
    } else if (arguments.length === 3) {
      if (!ArrayBuffer.isView(buffer)) {
        params = buffer;
        ({ buffer = Buffer.alloc(DEFAULT_BYTES) } = params ?? {});
      }
      callback = offset;
    } else {
      callback = buffer;
      buffer = Buffer.alloc(DEFAULT_BYTES);
    }
    if (params !== undefined) validateObject(params, 'options', kValidateObjectAllowNullable);
    [offset, length, position] = readWhere(params, buffer);
  }
  validateBuffer(buffer);
  checkCallback(callback);
  const request = readRequest(fd, buffer, offset, length, position);
  if (request === undefined) process.nextTick(callback, null, 0, buffer);
  else queue(request, (error, count) => callback(error, count ?? 0, buffer));
}
Object.defineProperty(read, customPromisifyArgs, { value: ['bytesRead', 'buffer'], enumerable: false });

function readSync(fd, buffer, offset, length, position) {
  fd = toFd(fd);
  validateBuffer(buffer);
  if (arguments.length <= 3 || (offset !== null && typeof offset === 'object')) {
    if (offset !== undefined) validateObject(offset, 'options', kValidateObjectAllowNullable);
    [offset, length, position] = readWhere(offset, buffer);
  }
  if (offset === undefined) offset = 0;
  const request = readRequest(fd, buffer, offset, length, position);
  return request === undefined ? 0 : runSync(readSteps(request));
}

// All of it, as of a regular file: a call of ours may move less than it was asked for. What was given, a pipe maybe, says itself how
// much it has.
function* readSteps(request) {
  if (request.op !== ops.READ || isGiven(request.fd)) return yield request;
  let total = 0;
  for (;;) {
    let count;
    try {
      count = yield request;
    } catch (error) {
      if (total > 0) return total;
      throw error;
    }
    total += count;
    if (count === 0 || count >= request.length) return total;
    const { a } = request;
    request = {
      ...request, offset: request.offset + count, length: request.length - count,
      a: a < 0 ? a : typeof a === 'bigint' ? a + BigInt(count) : a + count,
    };
  }
}

// ---- write ----

const isStandard = (fd) => fd === 1 || fd === 2;

function* standardSteps(fd, bytes) {
  internalBinding('process').log(fd, bytes);
  return bytes.byteLength;
}

// As much as one operation takes at a time, until all of it is written.
function* writeSteps(fd, data, offset, length, a) {
  if (isStandard(fd)) return yield* standardSteps(fd, Buffer.from(data.buffer, data.byteOffset + offset, length));
  let sent = 0;
  do {
    const step = Math.min(length - sent, WRITE_STEP);
    let count;
    try {
      count = yield {
        op: ops.WRITE, syscall: 'write', kind: 'move', fd, data, offset: offset + sent, length: step, a: a < 0 ? -1 : a + sent,
      };
    } catch (error) {
      // What is there is told; the next write says what is wrong.
      if (sent > 0) return sent;
      throw error;
    }
    sent += count;
    if (count < step && count !== APART_STEP) break;
  } while (sent < length);
  return sent;
}

function viewSteps(fd, buffer, offset, length, position) {
  if (offset !== null && typeof offset === 'object') {
    ({ offset = 0, length = buffer.byteLength - offset, position = null } = offset);
  }
  if (offset == null || typeof offset === 'function') offset = 0;
  else validateInteger(offset, 'offset', 0);
  if (typeof length !== 'number') length = buffer.byteLength - offset;
  checkWriteRange(offset, length, buffer.byteLength);
  return writeSteps(fd, buffer, offset, length, typeof position === 'number' && position >= 0 ? position : -1);
}

function textSteps(fd, text, position, encoding = 'utf8') {
  validateEncoding(text, encoding);
  const bytes = Buffer.from(text, encoding ?? 'utf8');
  return writeSteps(fd, bytes, 0, bytes.byteLength, typeof position === 'number' && position >= 0 ? position : -1);
}

function checkText(value) {
  if (typeof value !== 'string') {
    throw new ERR_INVALID_ARG_TYPE('buffer', ['string', 'Buffer', 'TypedArray', 'DataView'], value);
  }
}

function write(fd, buffer, offset, length, position, callback) {
  fd = toFd(fd);
  if (ArrayBuffer.isView(buffer)) {
    callback = checkCallback(callback || position || length || offset);
    if (typeof offset === 'object' && offset !== null) validateObject(offset, 'options', kValidateObjectAllowNullable);
    if (typeof position !== 'number') position = null;
    const steps = viewSteps(fd, buffer, offset, length, position);
    return run(steps, (error, count) => callback(error, count ?? 0, buffer));
  }
  checkText(buffer);
  if (typeof position !== 'function') {
    if (typeof offset === 'function') [position, offset] = [offset, null];
    else position = length;
    length = 'utf8';
  }
  callback = checkCallback(position);
  return run(textSteps(fd, buffer, offset, length), (error, count) => callback(error, count ?? 0, buffer));
}
Object.defineProperty(write, customPromisifyArgs, { value: ['bytesWritten', 'buffer'], enumerable: false });

function writeSync(fd, buffer, offset, length, position) {
  fd = toFd(fd);
  if (ArrayBuffer.isView(buffer)) {
    if (position === undefined) position = null;
    if (offset !== null && typeof offset === 'object') validateObject(offset, 'options', kValidateObjectAllowNullable);
    return runSync(viewSteps(fd, buffer, offset, length, position));
  }
  checkText(buffer);
  if (offset === undefined) offset = null;
  return runSync(textSteps(fd, buffer, offset, length));
}

// ---- readv, writev ----

// One read for all of them, shared out afterwards.
function* readvSteps(fd, buffers, position) {
  const length = buffers.reduce((sum, view) => sum + view.byteLength, 0);
  const data = Buffer.allocUnsafeSlow(length);
  const count = yield* readSteps({ op: ops.READ, syscall: 'read', kind: 'move', fd, data, offset: 0, length, a: position ?? -1 });
  let at = 0;
  for (const view of buffers) {
    if (at >= count) break;
    at += data.copy(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), 0, at, count);
  }
  return count;
}

function* writevSteps(fd, buffers, position) {
  const all = buffers.length === 1 ? buffers[0] :
    Buffer.concat(buffers.map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)));
  return yield* writeSteps(fd, all, 0, all.byteLength, position ?? -1);
}

function vectored(name, steps, names) {
  function call(fd, buffers, position, callback) {
    fd = toFd(fd);
    checkBuffers(buffers);
    callback = checkCallback(callback || position);
    if (typeof position !== 'number') position = null;
    if (buffers.length === 0) return process.nextTick(callback, null, 0, buffers);
    return run(steps(fd, buffers, position), (error, count) => callback(error, count ?? 0, buffers));
  }
  Object.defineProperty(call, 'name', { value: name });
  Object.defineProperty(call, customPromisifyArgs, { value: names, enumerable: false });
  function sync(fd, buffers, position) {
    fd = toFd(fd);
    checkBuffers(buffers);
    if (typeof position !== 'number') position = null;
    return buffers.length === 0 ? 0 : runSync(steps(fd, buffers, position));
  }
  Object.defineProperty(sync, 'name', { value: `${name}Sync` });
  return { [name]: call, [`${name}Sync`]: sync };
}

module.exports = {
  checkCallback, read, readRequest, readSync, readWhere, readvSteps, textSteps, viewSteps, write, writeSync, writevSteps,
  ...vectored('readv', readvSteps, ['bytesRead', 'buffers']),
  ...vectored('writev', writevSteps, ['bytesWritten', 'buffers']),
};
