// respondWithFile and respondWithFD: a file as a response's body. Knows no frame.
'use strict';

const fs = require('fs');
const { kState } = require('internal/http2/stream');
const { NO_PAYLOAD, needObject, prepare, sendHead } = require('internal/http2/server_stream');
const { responsePseudo, toFields } = require('internal/http2/headers');
const { code: rst } = require('internal/http2/errors');
const { codes: {
  ERR_HTTP2_HEADERS_SENT, ERR_HTTP2_INVALID_STREAM, ERR_HTTP2_PAYLOAD_FORBIDDEN, ERR_HTTP2_SEND_FILE, ERR_HTTP2_SEND_FILE_NOSEEK,
  ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE,
} } = require('internal/errors');
const { validateNumber } = require('internal/validators');

function checked(stream, given) {
  if (stream.destroyed || stream.closed) throw new ERR_HTTP2_INVALID_STREAM();
  if (stream.headersSent) throw new ERR_HTTP2_HEADERS_SENT();
  needObject(given, 'options');
  const options = { ...given };
  if (options.offset !== undefined && typeof options.offset !== 'number') throw new ERR_INVALID_ARG_VALUE('options.offset', options.offset);
  if (options.length !== undefined && typeof options.length !== 'number') throw new ERR_INVALID_ARG_VALUE('options.length', options.length);
  if (options.statCheck !== undefined && typeof options.statCheck !== 'function') {
    throw new ERR_INVALID_ARG_VALUE('options.statCheck', options.statCheck);
  }
  return options;
}

function headersFor(stream, given, options) {
  const headers = prepare(stream, given, options);
  if (NO_PAYLOAD.has(headers[':status']) || stream.headRequest) throw new ERR_HTTP2_PAYLOAD_FORBIDDEN(headers[':status']);
  return headers;
}

function respondWithFD(stream, fd, given, options) {
  options = checked(stream, options);
  if (fd !== null && typeof fd === 'object' && typeof fd.fd === 'number') fd = fd.fd;
  if (typeof fd !== 'number') throw new ERR_INVALID_ARG_TYPE('fd', ['number', 'FileHandle'], fd);
  const headers = headersFor(stream, given, options);
  // Nothing else may respond from here on.
  stream[kState].headersSent = true;
  if (options.statCheck === undefined) {
    send(stream, fd, headers, options, options.offset ?? 0, options.length ?? -1, false);
    return;
  }
  fs.fstat(fd, (error, stat) => afterStat(stream, fd, headers, options, error, stat, false));
}

function respondWithFile(stream, path, given, options) {
  options = checked(stream, options);
  const headers = headersFor(stream, given, options);
  stream[kState].headersSent = true;
  fs.open(path, 'r', (error, fd) => {
    if (error) {
      failed(stream, options, error);
      return;
    }
    fs.fstat(fd, (statError, stat) => afterStat(stream, fd, headers, options, statError, stat, true));
  });
}

// A script that listens may answer in another way.
function failed(stream, options, error) {
  stream[kState].headersSent = false;
  if (stream.destroyed) return;
  if (options.onError) options.onError(error);
  else stream.destroy(error);
}

function afterStat(stream, fd, headers, options, error, stat, owns) {
  const close = () => { if (owns) fs.close(fd, () => {}); };
  if (error) {
    close();
    failed(stream, options, error);
    return;
  }
  if (stream.destroyed || stream.closed) {
    close();
    stream.destroy();
    return;
  }
  if (owns && !stat.isFile()) {
    const seeks = options.offset !== undefined && options.offset !== 0 || options.length !== undefined && options.length >= 0;
    if (stat.isDirectory() || seeks) {
      close();
      failed(stream, options, stat.isDirectory() ? new ERR_HTTP2_SEND_FILE() : new ERR_HTTP2_SEND_FILE_NOSEEK());
      return;
    }
  }
  const range = { offset: options.offset ?? 0, length: options.length ?? -1 };
  stream[kState].headersSent = false;
  if (options.statCheck !== undefined && options.statCheck.call(stream, stat, headers, range) === false) {
    close();
    // The script has answered itself, or there is nothing to say.
    if (!stream.headersSent && !stream.destroyed) stream.end();
    return;
  }
  if (stream.headersSent) {
    close();
    return;
  }
  if (stat.isFile()) {
    const left = Math.max(0, stat.size - range.offset);
    range.length = range.length < 0 ? left : Math.min(range.length, left);
    if (owns) headers['content-length'] = range.length;
  }
  send(stream, fd, headers, options, range.offset, range.length, owns);
}

function send(stream, fd, headers, options, offset, length, owns) {
  validateNumber(offset, 'options.offset');
  sendHead(stream, headers, toFields(headers, responsePseudo), false, Boolean(options.waitForTrailers));
  if (length === 0) {
    if (owns) fs.close(fd, () => {});
    stream.end();
    return;
  }
  const file = fs.createReadStream(null, {
    fd, autoClose: owns, start: offset > 0 ? offset : undefined, end: length < 0 ? Infinity : offset + length - 1,
  });
  file.on('error', () => {
    if (!stream.destroyed) stream.close(rst.INTERNAL_ERROR);
  });
  stream.on('close', () => { if (owns) file.destroy(); });
  file.pipe(stream);
}

module.exports = { respondWithFD, respondWithFile };
