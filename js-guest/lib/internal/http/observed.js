// Who watches http from outside: performance observers of 'http', subscribers of the channels of diagnostics_channel. They are
// asked for only while there are any. Knows no connection and no framing.
'use strict';

const native = internalBinding('http');
const diagnostics = require('diagnostics_channel');
const observe = require('internal/perf/observe');
const { PerformanceNodeEntry, kMake } = require('internal/perf/entries');
const { now } = require('internal/perf/time');

const started = diagnostics.channel('http.server.request.start');
const finished = diagnostics.channel('http.server.response.finish');
const kBegun = Symbol('kBegun');
let isMeasured = false;

function refresh() {
  isMeasured = observe.hasObserver('http');
  native.observe(isMeasured || started.hasSubscribers || finished.hasSubscribers);
}
observe.onChange(refresh);
for (const channel of [started, finished]) channel._onChange = refresh;

function tell(name, begun, req, res) {
  observe.enqueue(new PerformanceNodeEntry(kMake, name, 'http', begun, now() - begun, { req, res }));
}

// From C, before 'request'.
function onRequest(server, req, res) {
  const { socket } = req;
  if (started.hasSubscribers) started.publish({ request: req, response: res, socket, server });
  const begun = isMeasured ? now() : undefined;
  const asked = isMeasured ? { method: req.method, url: req.url, headers: req.headers } : undefined;
  res.on('prefinish', () => {
    if (begun === undefined || !isMeasured) return;
    const { statusCode, statusMessage } = res;
    tell('HttpRequest', begun, asked, { statusCode, statusMessage, headers: res.getHeaders() });
  });
  if (finished.hasSubscribers) res.on('finish', () => finished.publish({ request: req, response: res, socket, server }));
}

// A request has gone out, and its response has come.
function sent(req) {
  if (isMeasured) req[kBegun] = now();
}

function answered(req, { statusCode, statusMessage, headers }) {
  const begun = req[kBegun];
  if (begun === undefined || !isMeasured) return;
  req[kBegun] = undefined;
  const url = `${req.protocol}//${req.host}${req.path}`;
  tell('HttpClient', begun, { method: req.method, url, headers: req.getHeaders() }, { statusCode, statusMessage, headers });
}

module.exports = { onRequest, sent, answered };
