// What a connection tells its session: heads, data and ends to streams, settings, pings and farewells to the session's script.
// Events come on a tick of their own, so that no listener runs in the middle of a frame; but for a stream's 'data', which comes
// last in its frame. Knows no bytes.
'use strict';

const { USUAL, ClientHttp2Stream, kState } = require('internal/http2/stream');
const { ServerHttp2Stream } = require('internal/http2/server_stream');
const { toObject } = require('internal/http2/headers');
const { code: rst, fault, ConnectionFault, NghttpError } = require('internal/http2/errors');
const { codes: { ERR_HTTP2_SESSION_ERROR } } = require('internal/errors');

const FLAGS = { END_STREAM: 1, END_HEADERS: 4 };
const flagsOf = (ends) => (ends ? FLAGS.END_STREAM | FLAGS.END_HEADERS : FLAGS.END_HEADERS);

function emit(target, ...args) {
  if (!target.destroyed) target.emit(...args);
}

class SessionHooks {
  constructor(session) {
    this.session = session;
  }

  wantsToSend() { this.session._schedule(); }

  // ---- Streams ----

  request(record, list, ends) {
    const { session } = this;
    const headers = toObject(list.fields, list.never);
    const stream = new ServerHttp2Stream(session, record, streamOptions(session), headers);
    if (ends) stream[kState].endAfterHeaders = true;
    if (list.check.pseudo[':method'] === 'HEAD') {
      stream.headRequest = true;
      stream.end();
    }
    stream[kState].ticks++;
    process.nextTick(() => {
      stream[kState].ticks--;
      if (!session.destroyed) session.emit('stream', stream, headers, flagsOf(ends), list.fields);
    });
  }

  push(parent, record, list) {
    const { session } = this;
    const headers = toObject(list.fields, list.never);
    const stream = new ClientHttp2Stream(session, record, streamOptions(session));
    stream[kState].isPush = true;
    stream.end();
    stream[kState].ticks++;
    process.nextTick(() => {
      stream[kState].ticks--;
      if (session.destroyed) return;
      if (session.listenerCount('stream') === 0) stream.close(rst.REFUSED_STREAM);
      else session.emit('stream', stream, headers, flagsOf(false), list.fields);
    });
  }

  headers(record, list, kind, ends) {
    const headers = toObject(list.fields, list.never), stream = record.owner, flags = flagsOf(ends);
    let event = kind;
    if (kind === 'informational') event = 'headers';
    else if (kind === 'response' && stream[kState].isPush) event = 'push';
    if (ends && kind === 'response') stream[kState].endAfterHeaders = true;
    if (headers[':status'] === 100) stream._head('continue', headers, flags, list.fields);
    stream._head(event, headers, flags, list.fields);
  }

  data(record, bytes) { record.owner._data(bytes); }
  ended(record) { record.owner._ended(); }
  closed(record, code) { record.owner._closed(code); }
  priority(id, { parent, weight, exclusive }) {
    process.nextTick(emit, this.session._streams.get(id) ?? this.session, 'priority', id, parent, weight, exclusive);
  }

  // What we were to send cannot be. As in Node the session ends with that stream.
  frameError(record, type, code) {
    const stream = record.owner, { session } = this;
    process.nextTick(emit, stream, 'frameError', type, code, record.id);
    setImmediate(() => {
      stream.close(code);
      session.close();
    });
  }

  // ---- The session ----

  remoteSettings() {
    const { session } = this;
    session._seen.remote = null;
    process.nextTick(emit, session, 'remoteSettings', session.remoteSettings);
  }

  settingsAcknowledged({ done }) {
    const { session } = this;
    session._pendingSettings--;
    session._seen.local = null;
    if (done.callback) process.nextTick(done.callback, null, session.localSettings, performance.now() - done.at);
    process.nextTick(emit, session, 'localSettings', session.localSettings);
  }

  ping(payload, isAck) {
    const { session } = this;
    if (!isAck) {
      process.nextTick(emit, session, 'ping', payload);
      return;
    }
    const ping = session._pings.shift();
    if (ping === undefined) throw new ConnectionFault(rst.PROTOCOL_ERROR, 'an answer to no ping');
    process.nextTick(ping.callback, null, performance.now() - ping.at, payload);
    if (session.closed) setImmediate(() => session._maybeDestroy());
  }

  goaway(code, lastId, opaque) {
    const { session } = this;
    session._goawayCode = code;
    if (session.destroyed) return;
    // What the peer has not looked at and will not is refused.
    for (const stream of [...session._streams.values()]) {
      if (stream.id > lastId && stream.id % 2 === session._connection.nextId % 2) {
        const record = session._connection.streams.get(stream.id);
        if (record === undefined) continue;
        session._connection.forget(record);
        stream._closed(rst.REFUSED_STREAM);
      }
    }
    process.nextTick(() => {
      if (session.destroyed) return;
      session.emit('goaway', code, lastId, opaque);
      if (code === rst.NO_ERROR) session.close();
      else session.destroy(new ERR_HTTP2_SESSION_ERROR(code), rst.NO_ERROR);
    });
  }

  altsvc(id, origin, value) { process.nextTick(emit, this.session, 'altsvc', value, origin, id); }

  origin(names) {
    const { session } = this;
    if (!session.encrypted || session.destroyed) return;
    session._originSet ??= new Set();
    for (const name of names) session._originSet.add(name);
    process.nextTick(emit, session, 'origin', names);
  }

  // The peer broke the protocol.
  fault(error) {
    const { session } = this;
    const shown = new NghttpError(error.custom ? fault.CALLBACK_FAILURE : error.errno, error.custom);
    session._destroyCode = error.code;
    process.nextTick(() => session.destroy(shown, error.code));
  }
}

function streamOptions(session) {
  return session._options.highWaterMark === undefined ? USUAL : { highWaterMark: session._options.highWaterMark };
}

module.exports = { SessionHooks };
