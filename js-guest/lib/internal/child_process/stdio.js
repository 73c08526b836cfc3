// The option `stdio` in all its forms, as a list of entries for the host, and the streams that the parent gets for pipes.
// Must not know what runs at the other end.
'use strict';

const { codes: {
  ERR_INVALID_ARG_VALUE, ERR_INVALID_SYNC_FORK_INPUT, ERR_IPC_ONE_PIPE, ERR_IPC_SYNC_FORK,
} } = require('internal/errors');
const { inspect } = require('internal/util/inspect');
const { handleOf } = require('internal/fs/request');
const { Handle, Pipe } = require('internal/net/handle');
const { Socket, letSleep } = require('internal/net/socket');

// As the host numbers them.
const kind = { IGNORE: 0, INHERIT: 1, PIPE: 2, STREAM: 3, FILE: 4, CHANNEL: 5 };
const STANDARD = 3; // descriptors below this are the process's own

function spread(stdio, channel) {
  switch (stdio) {
    case 'ignore': case 'overlapped': case 'pipe': return [stdio, stdio, stdio, ...channel];
    case 'inherit': return [0, 1, 2, ...channel];
    default: throw new ERR_INVALID_ARG_VALUE('stdio', stdio);
  }
}

const isBytes = (value) => ArrayBuffer.isView(value);

// A stream's descriptor or handle; undefined when it is none.
function ofStream(value) {
  if (typeof value.fd === 'number' && value.fd >= 0 && !(value instanceof Socket)) return ofNumber(value.fd);
  const object = value instanceof Handle ? value : value.handle instanceof Handle ? value.handle : value._handle;
  if (object instanceof Handle) return { kind: kind.STREAM, number: 0, handle: object.id };
  return undefined;
}

function ofNumber(fd) {
  return fd < STANDARD ? { kind: kind.INHERIT, number: fd, handle: 0 } : { kind: kind.FILE, number: 0, handle: handleOf(fd) };
}

function toEntry(value, index, sync) {
  if (value === undefined || value === null) value = index < STANDARD ? 'pipe' : 'ignore';
  if (value === 'ignore') return { kind: kind.IGNORE, number: 0, handle: 0 };
  if (value === 'pipe' || value === 'overlapped' || (typeof value === 'number' && value < 0)) return { kind: kind.PIPE, number: 0, handle: 0 };
  if (value === 'inherit') return ofNumber(index);
  if (typeof value === 'number') return ofNumber(value);
  if (typeof value === 'object') {
    const entry = ofStream(value);
    if (entry !== undefined) return entry;
  }
  if (isBytes(value) || typeof value === 'string') {
    if (!sync) throw new ERR_INVALID_SYNC_FORK_INPUT(inspect(value));
    return { kind: kind.PIPE, number: 0, handle: 0, input: value };
  }
  throw new ERR_INVALID_ARG_VALUE('stdio', value);
}

// { entries, channel }: channel is the index of 'ipc', or -1.
function toEntries(stdio, sync) {
  if (typeof stdio === 'string') stdio = spread(stdio, []);
  else if (!Array.isArray(stdio)) throw new ERR_INVALID_ARG_VALUE('stdio', inspect(stdio));
  stdio = [...stdio];
  while (stdio.length < STANDARD) stdio.push(undefined);
  let channel = -1;
  const entries = stdio.map((value, index) => {
    if (value !== 'ipc') return toEntry(value, index, sync);
    if (sync) throw new ERR_IPC_SYNC_FORK();
    if (channel !== -1) throw new ERR_IPC_ONE_PIPE();
    channel = index;
    return { kind: kind.CHANNEL, number: 0, handle: 0 };
  });
  return { entries, channel };
}

// The parent's end. One that is only written to keeps nothing alive: its process does.
function toStream(handle, index) {
  const stream = new Socket({ handle: new Pipe(handle, null, true), readable: index !== 0 });
  if (index === 0 && handle > 0) letSleep(stream);
  return stream;
}

module.exports = { kind, spread, toEntries, toStream };
