// fetch and its classes against servers in this script: each line is told as Node 20 tells it.
const http = require('http');
const zlib = require('zlib');

const server = http.createServer(async (req, res) => {
  const coded = { '/gzip': ['gzip', zlib.gzipSync], '/br': ['br', zlib.brotliCompressSync], '/deflate': ['deflate', zlib.deflateSync],
    '/raw': ['deflate', zlib.deflateRawSync] }[req.url];
  if (coded) return res.setHeader('content-encoding', coded[0]).end(coded[1]('coded '.repeat(5)));
  if (req.url === '/found') return res.writeHead(302, { location: '/echo' }).end();
  if (req.url === '/loop') return res.writeHead(302, { location: '/loop' }).end();
  if (req.url === '/away') return res.writeHead(307, { location: `http://localhost:${server.address().port}/echo` }).end();
  if (req.url === '/hang') return;
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const { host, authorization, cookie, 'content-type': type, 'content-length': length, 'transfer-encoding': coding } = req.headers;
  const boundary = /boundary=(.*)/.exec(type ?? '')?.[1];
  const clean = (text) => (boundary ? text?.replaceAll(boundary, 'BOUNDARY') : text);
  res.setHeader('set-cookie', ['a=1', 'b=2']);
  res.end(JSON.stringify({ method: req.method, authorization, cookie, type: clean(type), length, coding,
    body: clean(Buffer.concat(chunks).toString()) }));
});

async function told(promise) {
  try {
    const response = await promise;
    return [response.status, response.type, await response.text()];
  } catch (error) {
    return [error.name, error.message, error.cause?.code ?? error.cause?.message].join(' | ');
  }
}

async function requests(origin) {
  for (const path of ['/echo', '/gzip', '/br', '/deflate', '/raw', '/found']) {
    const response = await fetch(origin + path);
    console.log(path, response.ok, response.redirected, response.url === origin + path, response.headers.getSetCookie(), await response.text());
  }
  const form = new FormData();
  form.append('a', 'one');
  form.append('file', new File(['content'], 'name.txt', { type: 'text/plain' }));
  const bodies = ['text', new URLSearchParams({ a: '1 2' }), form, new Blob(['blob'], { type: 'x/y' }), new Uint8Array([65, 66]),
    new Uint16Array([65, 66]).buffer];
  for (const body of bodies) console.log(await (await fetch(origin, { method: 'POST', body })).json());
  const parts = ['one ', 'two ', 'three'];
  const body = new ReadableStream({
    pull(controller) {
      if (parts.length === 0) controller.close();
      else controller.enqueue(new TextEncoder().encode(parts.shift()));
    },
  });
  console.log(await (await fetch(origin, { method: 'DELETE', body, duplex: 'half' })).json());
  const headers = { authorization: 'secret', cookie: 'x=1' };
  console.log('same origin', await (await fetch(`${origin}/found`, { headers: { ...headers, 'content-length': '42' } })).json());
  console.log('another', await (await fetch(`${origin}/away`, { headers, method: 'POST', body: 'again' })).json());
}

async function failures(origin) {
  console.log(await told(fetch(`${origin}/loop`)));
  console.log(await told(fetch(`${origin}/found`, { redirect: 'error' })));
  console.log(await told(fetch(`${origin}/found`, { redirect: 'manual' })));
  console.log(await told(fetch(`${origin}/hang`, { signal: AbortSignal.timeout(20) })));
  console.log(await told(fetch(`${origin}/hang`, { signal: AbortSignal.abort() })));
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  console.log(await told(fetch(`${origin}/hang`, { signal: controller.signal })));
  console.log(await told(fetch('http://127.0.0.1:4001/')));
  console.log(await told(fetch('http://127.0.0.1:6666/')));
  console.log(await told(fetch('nothing')));
  console.log(await told(fetch('http://user:password@127.0.0.1/')));
  console.log(await told(fetch('ftp://127.0.0.1/')));
  console.log(await told(fetch(origin, { headers: { 'transfer-encoding': 'chunked' } })));
  console.log(await told(fetch(origin, { method: 'POST', body: new ReadableStream() })));
  console.log(await told(fetch(origin, { body: 'x' })));
  console.log(await told(fetch('data:text/plain;base64,aGVsbG8=')));
  const url = URL.createObjectURL(new Blob(['blob']));
  console.log(await told(fetch(`${url}#part`)));
}

async function classes() {
  const response = new Response('text', { status: 201, headers: [['x', '1'], ['X', '2'], ['Set-Cookie', 'a'], ['set-cookie', 'b']] });
  const copy = response.clone();
  console.log([...response.headers], response.bodyUsed, await response.text(), response.bodyUsed, response.body.locked, await copy.text());
  console.log(await response.text().catch(String), (() => { try { response.clone(); } catch (error) { return `${error}`; } })());
  console.log(Response.error().type, Response.redirect('http://a/').headers.get('location'), await Response.json({ a: 1 }).text());
  for (const make of [() => new Response('', { status: 199 }), () => new Response('x', { status: 204 }), () => new Headers({ a: 'b\r\nc' }),
    () => new Headers({ 'a b': '1' }), () => new Headers([['a']]), () => new Request('http://a', { method: 'TRACE' }),
    () => Response('x'), () => Headers.prototype.get.call({}, 'a'), () => new Response('x', { statusText: 'a\nb' }),
    () => Response.error().headers.append('a', 'b')]) {
    try {
      make();
      console.log('made');
    } catch (error) {
      console.log(`${error}`);
    }
  }
  const request = new Request('http://a/b?c#d', { method: 'put', body: '{"a":[1]}', headers: { 'content-type': 'application/json' } });
  const other = new Request(request, { headers: { x: 'y' } });
  console.log(request.method, request.url, request.bodyUsed, other.headers.get('x'), other.headers.get('content-type'), await other.json());
  const form = await new Response(new URLSearchParams('a=1&b=2')).formData();
  console.log([...form], form.get('b'), form.has('c'), Object.prototype.toString.call(form));
  console.log(typeof WebSocket, typeof EventSource, fetch.length, Response.name, Request.length);
}

server.listen(0, async () => {
  const origin = `http://127.0.0.1:${server.address().port}`;
  await requests(origin);
  await failures(origin);
  await classes();
  server.closeAllConnections();
  server.close();
});
