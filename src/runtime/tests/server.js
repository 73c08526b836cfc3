// The server of `guest.wat` as a Node script, for the runs of the simulation that have the real JavaScript
// guest. It must not use what differs from run to run.
'use strict';
const http = require('http');

// It repeats every 64 KiB.
const period = Buffer.alloc(0x10000);
for (let i = 0; i < period.length; i++) period[i] = (i * 31 + (i >> 8)) & 255;
const pattern = Buffer.concat([period, period, period, period]);

const server = http.createServer(function (req, res) {
  const op = req.url[1];
  const [a, b] = req.url.slice(2).split('.').map(Number);
  const body = pattern.subarray(0, a);
  res.sendDate = op === 'w';
  res.setHeader('X-T', req.url);
  if (op === 'n' || op === 'w') return res.end(body);
  if (op === 'h') return req.socket.remotePort > 0 && res.end(body);
  if (op === 'd') return setTimeout(() => res.end(body), b);
  if (op === 'c') { res.shouldKeepAlive = false; return res.end(body); }
  if (op === 'e') return echo(req, res);
  if (op === 's') return stream(res, body, b);
  if (op === 'l') {
    res.setHeader('Content-Length', a);
    res.flushHeaders();
    return setImmediate(() => res.end(body));
  }
  if (op === 'x') { res.write(body); return res.destroy(); }
  if (op === 'a') return req.socket.destroy();
  throw new Error('unknown: ' + req.url);
});

function echo(req, res) {
  const parts = [];
  req.on('data', (part) => parts.push(part));
  req.on('end', () => res.end(Buffer.concat(parts)));
}

function stream(res, part, left) {
  const go = () => {
    if (res.destroyed) return;
    while (--left > 0) {
      if (!res.write(part)) return res.once('drain', go);
    }
    res.end(part.length > 0 ? part : undefined);
  };
  res.flushHeaders();
  setImmediate(go);
}

server.headersTimeout = 2000;
server.requestTimeout = 4000;
server.keepAliveTimeout = 1000;
server.keepAliveTimeoutBuffer = 300;
server.httpAllowHalfOpen = true;
server.listen(8001, '127.0.0.1');
