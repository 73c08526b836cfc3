// One file operation, in its three ways: at once, with a callback, as a promise; and sequences of them, written once as
// generators that yield requests. Descriptors (small numbers) stand for handles of the host here. Must not know which
// operations there are.
'use strict';

const native = internalBinding('fs');
const { UVException, codes: { ERR_ACCESS_DENIED } } = require('internal/errors');

const { ops } = native;
const EACCES = -13;
const EAGAIN = -11;
const ENOTDIR = -20;
const FIRST_FD = 3;
const FOLDER = 2;

// ---- Descriptors ----

const handles = []; // by descriptor, from FIRST_FD on; 0 is free
const given = new Set(); // the handles of those that the process was given
const TAKEN = -1; // a number that stands for something else

function addDescriptor(handle) {
  let at = handles.indexOf(0);
  if (at === -1) at = handles.length;
  handles[at] = handle;
  return at + FIRST_FD;
}

// 0 when there is no such descriptor: the host answers EBADF.
const handleOf = (fd) => handles[fd - FIRST_FD] ?? 0;

const isGiven = (fd) => given.has(handleOf(fd));

function takeDescriptor(fd) {
  const handle = handleOf(fd);
  if (handle !== 0) handles[fd - FIRST_FD] = 0;
  if (given.delete(handle)) require('internal/fs/given').forget(handle);
  return handle;
}

function put(fd, handle) {
  while (handles.length < fd - FIRST_FD) handles.push(0);
  handles[fd - FIRST_FD] = handle;
}

// What the process has from its start: [descriptor, handle], and where its channel stands.
function begin(list, channel) {
  for (const [fd, handle] of list) {
    put(fd, handle);
    given.add(handle);
  }
  if (channel >= FIRST_FD) put(channel, TAKEN);
}

// The handle of a socket that the process was given under this number; undefined when there is none.
function givenHandle(fd) {
  const handle = handleOf(fd);
  return given.has(handle) ? require('internal/fs/given').openHandle(fd, handle) : undefined;
}

// ---- Paths ----

// What the host takes: absolute, otherwise as it is.
function absolute(path) {
  if (typeof path === 'string') {
    if (path[0] === '/' || path === '') return path;
    const cwd = process.cwd();
    return cwd === '/' ? `/${path}` : `${cwd}/${path}`;
  }
  if (path === undefined || path.length === 0 || path[0] === 0x2f) return path;
  return Buffer.concat([Buffer.from(`${process.cwd()}/`), path]);
}

const shown = (path) => (path === undefined || typeof path === 'string' ? path : Buffer.from(path).toString());

// The real path of a folder to work in. The working folder is the guest's own notion: the host has another.
function enterFolder(directory) {
  const path = absolute(directory);
  const real = native.realpath(path);
  const kind = typeof real === 'string' ? native.kind(real) : real;
  if (kind === FOLDER) return real;
  throw makeError({ syscall: 'chdir', path: process.cwd(), dest: directory }, kind < 0 ? kind : ENOTDIR, kind === EACCES ? native.why() : '');
}

// ---- Errors ----

function makeError(request, errno, why) {
  const path = shown(request.shownPath ?? request.path);
  const dest = shown(request.dest);
  if (errno === EACCES && why) {
    const error = new ERR_ACCESS_DENIED(why);
    error.permission = why.startsWith('writing') ? 'FileSystemWrite' : 'FileSystemRead';
    return Object.assign(error, { resource: path, syscall: request.syscall, path });
  }
  if (request.op === ops.READ_FILE && errno === -21) return new UVException({ errno, syscall: 'read' });
  return new UVException({ errno, syscall: request.syscall, path, dest });
}

// ---- At once ----

// How an answer of each kind is got, and what becomes of it: `kind` of a request.
const KINDS = {
  __proto__: null,
  number: { call: (r, file, path, other) => native.call(r.op, file, path, other, r.flags, r.mode, r.a, r.b) },
  text: {
    call: (r, file, path, other) => native.text(r.op, true, file, path, other, r.flags, r.mode, r.a),
    decode: (payload) => payload ?? Buffer.alloc(0),
  },
  words: {
    call: (r, file, path, other) => native.stat(r.op, r.bigint === true, file, path, other, r.flags, r.mode, r.a),
    decode: (payload, r) => native.words(payload, r.bigint === true),
  },
  bytes: {
    call: (r, file, path, other) => native.bytes(r.op, false, file, path, other, r.flags, r.mode, r.a),
    decode: (payload) => payload ?? Buffer.alloc(0),
  },
  // READ and WRITE: `data` is where, or what.
  move: { call: (r, file) => native.move(r.op, file, r.data, r.offset, r.length, r.a) },
};

function doSync(request) {
  const kind = KINDS[request.kind ?? 'number'];
  const file = request.fd === undefined ? request.handle : handleOf(request.fd);
  const answer = kind.call(request, file, absolute(request.path), request.raw ? request.other : absolute(request.other));
  if (typeof answer === 'number' && answer < 0) {
    if (request.lenient?.includes(answer)) return undefined;
    throw makeError(request, answer, answer === EACCES ? native.why() : '');
  }
  return request.finish === undefined ? answer : request.finish(answer, request);
}

// ---- Off the loop ----

// What the host had no room for, until an operation ends.
const waiting = [];
let first = 0;

function settle(request, callback, result, payload) {
  if (waiting.length > 0) retry();
  if (result < 0) {
    if (request.lenient?.includes(result)) return callback(null, undefined);
    return callback(makeError(request, result, payload));
  }
  const { decode } = KINDS[request.kind ?? 'number'];
  let answer = decode === undefined ? result : decode(payload, request);
  if (request.finish !== undefined) answer = request.finish(answer, request);
  callback(null, answer);
}

function send(request, done) {
  const file = request.fd === undefined ? request.handle : request.sent ??= handleOf(request.fd);
  const { op, data, offset, length } = request;
  if (given.has(file) && (op === ops.READ || op === ops.WRITE)) {
    const answer = require('internal/fs/given').queue(request, file, done);
    if (answer !== undefined) return answer;
  }
  const reads = op === ops.READ || op === ops.READ_INPUT;
  const target = reads ? new Uint8Array(data.buffer, data.byteOffset + offset, length) : undefined;
  const operation = native.queue(op, done, target, file, absolute(request.path), request.raw ? request.other : absolute(request.other),
                                 request.flags, request.mode, request.a, reads ? length : request.b,
                                 reads ? undefined : data, offset, length);
  if (operation > 0) request.started?.(operation);
  return operation;
}

function retry() {
  while (first < waiting.length) {
    const { request, done } = waiting[first];
    const result = send(request, done);
    if (result === EAGAIN) return;
    waiting[first++] = undefined;
    if (result < 0) setImmediate(done, result);
  }
  waiting.length = first = 0;
}

// callback(error) or callback(null, answer), never before this returns.
function queue(request, callback) {
  const done = (result, payload) => settle(request, callback, result, payload);
  const result = waiting.length > 0 ? EAGAIN : send(request, done);
  if (result === EAGAIN) waiting.push({ request, done });
  else if (result < 0) setImmediate(done, result, result === EACCES ? native.why() : undefined);
}

const promise = (request) => new Promise((resolve, reject) => {
  queue(request, (error, answer) => (error === null ? resolve(answer) : reject(error)));
});

// ---- Sequences: generators that yield requests (or, off the loop only, promises) ----

const isRequest = (step) => step !== null && typeof step === 'object' && step.op !== undefined;

function runSync(steps) {
  let state = steps.next();
  while (!state.done) {
    let answer;
    try {
      answer = doSync(state.value);
    } catch (error) {
      state = steps.throw(error);
      continue;
    }
    state = steps.next(answer);
  }
  return state.value;
}

// A sequence with a callback, without promises: what the callback throws is uncaught, as it must be. What is wrong with the
// arguments shows before the first request, and is thrown.
function run(steps, callback) {
  function go(method, value) {
    let state;
    try {
      state = steps[method](value);
    } catch (error) {
      callback(error);
      return;
    }
    if (state.done) callback(null, state.value);
    else step(state.value);
  }
  function step(value) {
    if (isRequest(value)) queue(value, (error, answer) => (error ? go('throw', error) : go('next', answer)));
    else Promise.resolve(value).then((answer) => go('next', answer), (error) => go('throw', error));
  }
  let first;
  try {
    first = steps.next();
  } catch (error) {
    if (error.name !== 'AbortError') throw error;
    process.nextTick(callback, error);
    return;
  }
  if (first.done) process.nextTick(callback, null, first.value);
  else step(first.value);
}

const runPromise = (steps) => new Promise((resolve, reject) => {
  run(steps, (error, answer) => (error ? reject(error) : resolve(answer)));
});

module.exports = {
  absolute, addDescriptor, begin, doSync, enterFolder, givenHandle, handleOf, isGiven, makeError, ops, promise, queue, run, runPromise, runSync, takeDescriptor,
};
