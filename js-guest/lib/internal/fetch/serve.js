// `export default { fetch(request, env, ctx) }`: a module that answers requests and says so, instead of listening. Its
// server is node:http's; here requests become Requests, and what comes of them is sent. Must not know modules.
'use strict';

const http = require('http');
const { Response, inside } = require('internal/deps/undici');
const { requestOf } = require('internal/fetch/request');

const { kState, kQuick, isWhole, bodyUnusable } = inside;

const USUAL_PORT = 8000;

// The connection's framing is the host's; a handler's words about it are passed over.
const FRAMING = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'trailer']);

// What is under way beside a request: its failure is told, and ends nothing.
class Context {
  waitUntil(promise) {
    Promise.resolve(promise).catch(tell);
  }
}

function tell(error) {
  console.error(error);
}

function fail(res, error) {
  tell(error);
  if (res.headersSent) {
    res.destroy();
    return;
  }
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  res.writeHead(500, { 'content-type': 'text/plain;charset=UTF-8' });
  res.end('Internal Server Error');
}

// ---- An answer ----

const used = () => new TypeError('The fetch handler answered with a Response whose body has been used already');

function checked(response) {
  if (!(response instanceof Response)) {
    const what = response === null || typeof response !== 'object' ? String(response) : response.constructor?.name ?? 'an object';
    throw new TypeError(`The fetch handler must answer with a Response, or a promise of one; it answered ${what}`);
  }
  const state = response[kState];
  if (state.status === 0) throw new TypeError('The fetch handler answered with a network error (Response.error())');
  if (bodyUnusable(response)) throw used();
  return state;
}

// A response of fetch comes with its body decoded: what was said of the encoded bytes does not hold for it.
const isDecoded = (state) => state.urlList.length > 0 && state.headersList.contains('content-encoding', true);

function fieldsOf(state, isHead) {
  const fields = [];
  const decoded = isDecoded(state);
  const whole = state.body !== null && isWhole(state.body);
  for (const [name, value] of state.headersList.entriesList) {
    const key = name.toLowerCase();
    if (FRAMING.has(key)) continue;
    if (key === 'content-length' && (whole || decoded || (state.body === null && !isHead))) continue;
    if (key === 'content-encoding' && decoded) continue;
    fields.push(name, value);
  }
  return fields;
}

// A response that nobody has looked at since it was made: as it was given.
function sendQuick(req, res, { body, status, fields }) {
  res.statusCode = status;
  let hasType = body === null;
  for (let i = 0; i < fields.length; i += 2) {
    const key = fields[i].toLowerCase();
    if (key === 'content-type') hasType = true;
    if (!FRAMING.has(key) && (key !== 'content-length' || (body === null && req.method === 'HEAD'))) res.setHeader(fields[i], fields[i + 1]);
  }
  if (!hasType) res.setHeader('content-type', 'text/plain;charset=UTF-8');
  if (body === null) {
    res.end();
  } else if (req.method === 'HEAD') {
    res.setHeader('content-length', Buffer.byteLength(body));
    res.end();
  } else {
    res.end(body);
  }
}

function send(req, res, response) {
  if (response instanceof Response && response[kQuick]) {
    const kept = response[kQuick];
    if (kept.isSent && kept.body !== null) throw used();
    kept.isSent = true;
    sendQuick(req, res, kept);
    return;
  }
  const state = checked(response);
  const { body, status, statusText } = state;
  const fields = fieldsOf(state, req.method === 'HEAD');
  if (body == null) {
    if (req.method !== 'HEAD' && status !== 204 && status !== 304) fields.push('content-length', '0');
    head(res, status, statusText, fields);
    res.end();
  } else if (isWhole(body)) {
    fields.push('content-length', `${body.length}`);
    head(res, status, statusText, fields);
    res.end(req.method === 'HEAD' ? undefined : body.consume());
  } else if (req.method === 'HEAD') {
    body.stream.cancel().catch(() => {});
    head(res, status, statusText, fields);
    res.end();
  } else {
    if (body.length != null && !state.headersList.contains('content-length', true)) fields.push('content-length', `${body.length}`);
    head(res, status, statusText, fields);
    pump(body.stream, res).catch((error) => fail(res, error));
  }
}

function head(res, status, statusText, fields) {
  if (statusText === '') res.writeHead(status, fields);
  else res.writeHead(status, statusText, fields);
}

// As fast as the client takes it, and no further when it has gone.
async function pump(stream, res) {
  const reader = stream.getReader();
  let wake = null;
  let isGone = false;
  res.on('drain', () => wake?.());
  res.on('close', () => {
    if (res.writableFinished) return;
    isGone = true;
    wake?.();
    reader.cancel(new DOMException('The client has gone.', 'AbortError')).catch(() => {});
  });
  if (res.destroyed) isGone = true;
  else res.flushHeaders();
  while (!isGone) {
    const { done, value } = await reader.read();
    if (isGone) return;
    if (done) break;
    if (!(value instanceof Uint8Array)) throw new TypeError('A stream of a Response must give Uint8Arrays');
    if (!res.write(value)) await new Promise((resolve) => { wake = resolve; });
  }
  if (!isGone) res.end();
}

// ---- The server ----

function answerWith(handler) {
  const env = { ...process.env };
  return (req, res) => {
    const settle = (response) => {
      try {
        if (!res.destroyed) send(req, res, response);
      } catch (error) {
        fail(res, error);
      }
    };
    try {
      const answer = handler.fetch(requestOf(req, res), env, new Context());
      if (answer instanceof Response || typeof answer?.then !== 'function') settle(answer);
      else answer.then(settle, (error) => fail(res, error));
    } catch (error) {
      fail(res, error);
    }
  };
}

// Where: what the module says, else PORT of its environment, else 8000.
function serve(handler) {
  const server = http.createServer(answerWith(handler));
  const port = handler.port ?? process.env.PORT ?? USUAL_PORT;
  server.listen({ port: Number(port), host: handler.hostname }, () => {
    const { address, port: own } = server.address();
    const host = address === '::' || address === '0.0.0.0' ? 'localhost' : address.includes(':') ? `[${address}]` : address;
    process.stderr.write(`Listening on http://${host}:${own}/\n`);
  });
}

module.exports = { serve };
