// HTTP/2 in the clear between a server and a client of one script; run by tests/e2e_http2.rs. Each line that it prints is
// what Node prints, but that Node takes no id before there is a connection.
'use strict';

const assert = require('assert');
const http2 = require('http2');
const { once } = require('events');
const { AsyncLocalStorage } = require('async_hooks');

async function pair(options, onRequest) {
  const server = http2.createServer(options, onRequest);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`, options.client);
  return { server, client, async end() {
    client.close();
    server.close();
    await once(client, 'close');
  } };
}

async function answer(req) {
  const [headers] = await once(req, 'response');
  let body = '';
  req.setEncoding('utf8').on('data', (text) => { body += text; });
  await once(req, 'end');
  return { headers, body };
}

async function asHttp() {
  const { client, end } = await pair({}, (req, res) => {
    let body = '';
    req.on('data', (chunk) => { body += chunk; }).on('end', () => {
      res.setHeader('X-Asked', `${req.method} ${req.url} ${req.httpVersion} ${req.headers.a}`);
      res.setHeader('set-cookie', ['a=1', 'b=2']);
      res.statusCode = body ? 201 : 200;
      res.write('you said ');
      res.end(body || 'nothing');
    });
  });
  const req = client.request({ ':method': 'POST', ':path': '/p?q', 'A': 'b' });
  req.end('h\u00e9llo');
  const { headers, body } = await answer(req);
  console.log('http:', headers[':status'], headers['x-asked'], headers['set-cookie'].join('|'), body);
  console.log('next:', (await answer(client.request())).body, req.closed, req.destroyed, req.session);
  await end();
}

async function asStreams() {
  const { server, client, end } = await pair({});
  server.on('stream', (stream, headers, flags) => {
    stream.additionalHeaders({ ':status': 103, 'link': '</x>' });
    stream.respond({ ':status': 203, [http2.sensitiveHeaders]: ['secret'], 'secret': 's' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ sum: headers['content-length'] }));
    stream.pipe(stream);
    stream.on('trailers', (trailers) => console.log('server got', trailers.t, flags));
  });
  const size = 3000000;
  const req = client.request({ ':method': 'PUT', 'content-length': size }, { waitForTrailers: true });
  req.on('wantTrailers', () => req.sendTrailers({ t: 'yes' }));
  const seen = [];
  req.on('headers', (headers) => seen.push(headers[':status']));
  req.on('response', (headers) => seen.push(headers[':status'], headers[http2.sensitiveHeaders].join()));
  req.on('trailers', (headers) => seen.push(headers.sum));
  let sum = 0, waits = 0;
  req.on('data', (chunk) => { sum += chunk.length; });
  for (let left = size; left > 0; left -= 100000) {
    if (!req.write(Buffer.alloc(100000)) && ++waits) await once(req, 'drain');
  }
  req.end();
  await once(req, 'end');
  console.log('stream:', seen.join(' '), sum === size, waits);
  await end();
}

async function many() {
  let open = 0, most = 0;
  const { client, end } = await pair({ settings: { maxConcurrentStreams: 5 } }, (req, res) => {
    most = Math.max(most, ++open);
    setImmediate(() => { open--; res.end(req.url); });
  });
  await once(client, 'remoteSettings');
  const bodies = await Promise.all(Array.from({ length: 50 }, (_, i) => answer(client.request({ ':path': `/${i}` })).then(({ body }) => body)));
  console.log('many:', bodies.join('') === Array.from({ length: 50 }, (_, i) => `/${i}`).join(''), most);
  await end();
}

async function continues() {
  const { server, client, end } = await pair({}, (req, res) => { res.writeEarlyHints({ link: '</a>; rel=preload' }); res.end('ok'); });
  const req = client.request({ ':method': 'POST', 'expect': '100-continue' });
  const seen = [];
  req.on('continue', () => { seen.push('continue'); req.end(); }).on('headers', (headers) => seen.push(headers[':status'] + (headers.link ?? '')));
  const { body } = await answer(req);
  server.on('checkExpectation', (_, res) => { res.statusCode = 417; res.end(); });
  const other = await answer(client.request({ expect: 'more' }));
  console.log('expect:', seen.join(' '), body, other.headers[':status']);
  await end();
}

async function pushes() {
  const { server, client, end } = await pair({});
  server.on('stream', (stream) => {
    stream.pushStream({ ':path': '/pushed' }, (error, push) => {
      push.respond({ a: 'b' });
      push.end('pushed');
      assert.throws(() => push.pushStream({}, () => {}), { code: 'ERR_HTTP2_NESTED_PUSH' });
    });
    stream.respond();
    stream.end('main');
  });
  client.on('stream', (push, headers) => {
    push.on('push', (response) => push.on('data', (data) => console.log('push:', headers[':path'], response.a, String(data))));
  });
  console.log('main:', (await answer(client.request())).body);
  await end();
  const refusing = await pair({ client: { settings: { enablePush: false } } });
  refusing.server.on('stream', (stream) => {
    stream.respond();
    stream.end(String(stream.pushAllowed));
  });
  await once(refusing.client, 'localSettings');
  console.log('allowed:', (await answer(refusing.client.request())).body);
  await refusing.end();
}

async function ends() {
  const { server, client } = await pair({});
  const log = [], heard = []; // of the client and the server: which of them is first is nobody's promise
  server.on('stream', (stream, headers) => {
    stream.on('aborted', () => heard.push('aborted')).on('error', (error) => heard.push(error.message));
    if (headers[':path'] === '/reset') stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    if (headers[':path'] === '/bye') stream.session.goaway(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('calm'));
  });
  const ends = (req) => new Promise((resolve) => { req.on('error', (error) => log.push(error.message)).on('close', () => resolve(req.rstCode)); });
  const one = client.request({ ':path': '/reset' });
  log.push(await ends(one));
  const two = client.request({ ':path': '/' });
  setImmediate(() => two.close(http2.constants.NGHTTP2_CANCEL));
  log.push(await ends(two));
  const aborted = new AbortController();
  const three = client.request({ ':path': '/' }, { signal: aborted.signal });
  setImmediate(() => aborted.abort());
  log.push(await ends(three));
  client.on('goaway', (code, last, data) => log.push(`goaway ${code} ${data}`)).on('error', (error) => log.push(error.code));
  await ends(client.request({ ':path': '/bye' }));
  if (!client.closed) await once(client, 'close').catch(() => {});
  server.close();
  console.log('ends:', log.join(', '));
  console.log('heard:', heard.slice(0, 4).join(', ')); // the last may come after this
}

// What a listener or a callback throws costs nothing that came, or was to go, behind it.
async function throws() {
  const { server, client, end } = await pair({});
  const thrown = [], note = (error) => thrown.push(error.message);
  process.on('uncaughtException', note);
  server.on('stream', (stream) => {
    stream.respond();
    stream.on('data', (data) => { throw new Error(`at ${data}`); });
    stream.on('end', () => {
      stream.write('one', () => { throw new Error('after one'); });
      stream.end('two');
    });
  });
  const req = client.request({ ':method': 'POST' });
  server.once('stream', () => setImmediate(() => req.end('all')));
  const { body } = await answer(req);
  console.log('throws:', thrown.join(', '), body);
  process.off('uncaughtException', note);
  await end();
}

async function ids() {
  const { client, end } = await pair({}, (req, res) => res.end());
  client.setNextStreamID(9); // before there is a connection
  await once(client, 'connect');
  for (const wrong of [4, 3, 2 ** 31]) client.setNextStreamID(wrong);
  const req = client.request();
  await answer(req);
  console.log('ids:', req.id);
  await end();
}

async function contexts() {
  const als = new AsyncLocalStorage(), seen = [];
  const { client, end } = await pair({}, (req, res) => res.end('x'));
  const ask = (n) => als.run(n, async () => {
    const req = client.request();
    req.on('response', () => seen.push(als.getStore())).on('data', () => seen.push(als.getStore()));
    await once(req, 'end');
  });
  await Promise.all([ask(1), ask(2)]);
  await new Promise((resolve) => als.run(3, () => client.ping(() => resolve(seen.push(als.getStore())))));
  console.log('contexts:', seen.sort().join(''));
  await end();
}

function settings() {
  const packed = http2.getPackedSettings({ enablePush: false, maxFrameSize: 20000 });
  console.log('settings:', packed.toString('hex'), JSON.stringify(http2.getUnpackedSettings(packed)), http2.getDefaultSettings().maxFrameSize);
  for (const wrong of [() => http2.createSecureServer(), () => http2.connect('https://a'), () => http2.connect('ftp://a'),
    () => http2.getPackedSettings({ maxFrameSize: 1 }), () => http2.getUnpackedSettings(Buffer.alloc(5))]) {
    assert.throws(wrong, (error) => { console.log(error.code, error.message); return true; });
  }
}

(async () => {
  await asHttp();
  await asStreams();
  await many();
  await continues();
  await pushes();
  await ends();
  await throws();
  await ids();
  await contexts();
  settings();
})();
