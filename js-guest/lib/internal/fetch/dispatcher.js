// fetch's way to the network: undici's interface of a dispatcher, over node:http. The host judges each address that is
// connected to, and every byte of a response's head. Must not know redirects, encodings or streams: undici does.
'use strict';

const http = require('http');
const { setUnrefTimeout } = require('internal/timers');

// undici's own.
const CONNECT_TIMEOUT = 10_000;
const HEADERS_TIMEOUT = 300_000;
const BODY_TIMEOUT = 300_000;
const KEEP_ALIVE_TIMEOUT = 4_000;

const errors = () => require('internal/deps/undici').errors;

let keptAgent;
const theAgent = () => keptAgent ??= new http.Agent({ keepAlive: true, timeout: KEEP_ALIVE_TIMEOUT });

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
const EXPECTS_PAYLOAD = new Set(['POST', 'PUT', 'PATCH']);
const FORBIDDEN = ['transfer-encoding', 'keep-alive', 'upgrade'];

// The fields as they are sent: what frames the message is not for the script to say.
function checkFields(given) {
  const { InvalidArgumentError, NotSupportedError } = errors();
  const fields = { ...given };
  for (const key of Object.keys(fields)) {
    const name = key.toLowerCase();
    if (FORBIDDEN.includes(name)) throw new InvalidArgumentError(`invalid ${name} header`);
    if (name === 'expect') throw new NotSupportedError('expect header not supported');
    if (name === 'connection' && !/^(?:close|keep-alive)$/i.test(fields[key])) {
      throw new InvalidArgumentError('invalid connection header');
    }
    if (name === 'content-length') {
      const length = Number.parseInt(fields[key], 10);
      if (!Number.isFinite(length)) throw new InvalidArgumentError('invalid content-length header');
      delete fields[key];
      fields['content-length'] = `${length}`;
    }
  }
  return fields;
}

// One request and its response.
class Exchange {
  constructor(options, handler) {
    this.options = options;
    this.handler = handler;
    this.req = null;
    this.res = null;
    this.isDone = false;
    this.isSecondTry = false;
    this.timer = null;
    handler.onConnect((reason) => this.fail(reason ?? new (errors().RequestAbortedError)()));
    if (!this.isDone) this.guard(() => this.begin());
  }

  guard(step) {
    try {
      step();
    } catch (error) {
      this.fail(error);
    }
  }

  begin() {
    const { origin, path, method, headers, body } = this.options;
    const { protocol, host, hostname, port } = new URL(origin);
    const fields = { host, connection: 'keep-alive', ...checkFields(headers) };
    const hasLength = fields['content-length'] !== undefined;
    if (body != null && !hasLength) fields['transfer-encoding'] = 'chunked';
    else if (body == null && EXPECTS_PAYLOAD.has(method)) fields['content-length'] = '0';
    else if (body == null) delete fields['content-length']; // whatever the script says: nothing will follow
    const secure = protocol === 'https:';
    const agent = secure ? undefined : theAgent();
    const { request } = secure ? require('https') : http;
    this.req = request({
      protocol, host: hostname.replace(/^\[(.*)\]$/, '$1'), port, path, method, headers: fields,
      agent: this.isSecondTry ? false : agent,
    });
    this.listen();
    if (body == null) this.req.end();
    else this.send(body, hasLength ? Number(fields['content-length']) : null);
  }

  listen() {
    const { req } = this;
    req.on('socket', (socket) => this.onSocket(socket));
    req.on('response', (res) => this.guard(() => this.onResponse(res)));
    req.on('upgrade', (res, socket) => {
      socket.destroy();
      this.fail(new (errors().SocketError)('bad upgrade'));
    });
    req.on('error', (error) => this.onError(req, error));
    req.on('close', () => { if (req === this.req) this.fail(this.cutOff()); });
  }

  // ---- Time ----

  // One span at a time is watched, and none while the script does not want to read.
  watch(span, Reason) {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = span === 0 ? null : setUnrefTimeout(() => {
      if (this.res === null || !this.res.isPaused()) this.fail(new (errors()[Reason])());
    }, span);
  }

  onSocket(socket) {
    if (!socket.connecting) {
      this.watch(HEADERS_TIMEOUT, 'HeadersTimeoutError');
      return;
    }
    this.watch(CONNECT_TIMEOUT, 'ConnectTimeoutError');
    socket.once('connect', () => { if (!this.isDone) this.watch(HEADERS_TIMEOUT, 'HeadersTimeoutError'); });
  }

  // ---- The request's body ----

  async send(body, expected) {
    const { req } = this;
    const { RequestContentLengthMismatchError } = errors();
    let written = 0;
    try {
      for await (const chunk of body) {
        if (this.isDone) return;
        written += chunk.byteLength;
        if (expected !== null && written > expected) throw new RequestContentLengthMismatchError();
        if (chunk.byteLength !== 0 && !req.write(chunk)) await this.room(req);
      }
      if (this.isDone) return;
      if (expected !== null && written !== expected) throw new RequestContentLengthMismatchError();
      req.end();
    } catch (error) {
      this.fail(error);
    }
  }

  room(req) {
    return new Promise((resolve) => {
      const go = () => {
        req.off('drain', go);
        req.off('close', go);
        resolve();
      };
      req.on('drain', go);
      req.on('close', go);
    });
  }

  // ---- The response ----

  onResponse(res) {
    const { handler } = this;
    this.res = res;
    this.watch(BODY_TIMEOUT, 'BodyTimeoutError');
    res.on('data', (chunk) => this.guard(() => this.onData(chunk)));
    res.on('end', () => this.onEnd());
    res.on('error', () => this.fail(this.cutOff()));
    handler.onResponseStarted?.();
    if (handler.onHeaders(res.statusCode, res.rawHeaders, () => this.resume(), res.statusMessage) === false) res.pause();
  }

  onData(chunk) {
    this.timer?.refresh();
    if (this.isDone) return;
    if (this.handler.onData(chunk) === false) this.res.pause();
  }

  resume() {
    if (this.isDone) return;
    this.timer?.refresh();
    this.res.resume();
  }

  onEnd() {
    if (this.isDone) return;
    if (!this.res.complete) {
      this.fail(this.cutOff());
      return;
    }
    this.isDone = true;
    this.watch(0);
    this.guard(() => this.handler.onComplete(this.res.rawTrailers));
  }

  // ---- When it fails ----

  // A connection that was kept may have been closed as we took it: who only asks may ask again, on a new one.
  onError(req, error) {
    if (req !== this.req) return;
    const { method, body } = this.options;
    const hungUp = error.code === 'ECONNRESET' && error.syscall === undefined;
    if (req.reusedSocket && this.res === null && !this.isDone && body == null && SAFE.has(method) &&
        (hungUp || error.code === 'ECONNRESET' || error.code === 'EPIPE')) {
      this.isSecondTry = true;
      this.guard(() => this.begin());
      return;
    }
    this.fail(hungUp ? this.cutOff() : error);
  }

  cutOff() {
    const { SocketError } = errors();
    const socket = this.req?.socket ?? undefined;
    return new SocketError('other side closed', socket && {
      localAddress: socket.localAddress, localPort: socket.localPort,
      remoteAddress: socket.remoteAddress, remotePort: socket.remotePort, remoteFamily: socket.remoteFamily,
      timeout: socket.timeout, bytesWritten: socket.bytesWritten, bytesRead: socket.bytesRead,
    });
  }

  fail(error) {
    if (this.isDone) return;
    this.isDone = true;
    this.watch(0);
    this.req?.destroy();
    this.handler.onError(error);
  }
}

const theDispatcher = {
  dispatch(options, handler) {
    new Exchange(options, handler);
    return true;
  },
};

module.exports = { theDispatcher };
