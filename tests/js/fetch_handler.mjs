// A handler with a path for each of what handlers do, and do wrong.
const bytes = (text) => new TextEncoder().encode(text);

function streamed(pieces, end = (controller) => controller.close()) {
  return new ReadableStream({
    pull(controller) {
      if (pieces.length > 0) controller.enqueue(pieces.shift());
      else end(controller);
    },
  });
}

const kept = new Response('kept');

const paths = {
  '/twice': () => kept,
  '/text': (request) => new Response(`${request.method} ${request.url}`),
  '/empty': () => new Response(null, { status: 204 }),
  '/cookies': (request) => {
    const response = Response.json([...request.headers]);
    response.headers.append('set-cookie', 'a=1');
    response.headers.append('set-cookie', 'b=2');
    return response;
  },
  '/framing': () => new Response('framed', { headers: { 'content-length': '3', 'transfer-encoding': 'chunked', connection: 'close' } }),
  '/streamed': () => new Response(streamed([bytes('one '), bytes('two '), bytes('three ')])),
  '/echo': async (request) => Response.json(await request.json()),
  '/through': (request) => new Response(request.body),
  '/throw': () => { throw new Error('thrown'); },
  '/reject': async () => { throw new Error('rejected'); },
  '/none': () => {},
  '/error': () => Response.error(),
  '/used': async () => {
    const response = new Response('used');
    await response.text();
    return response;
  },
  '/split': () => new Response('x', { headers: { a: 'b\r\ninjected: yes' } }),
  '/late': (request, ctx) => {
    ctx.waitUntil(new Promise((resolve, reject) => { setTimeout(reject, 10, new Error('late')); }));
    return new Response('answered');
  },
  '/broken': () => new Response(streamed([bytes('some')], (controller) => controller.error(new Error('broken')))),
  '/strings': () => new Response(streamed(['text'])),
  '/endless': () => {
    let made = 0;
    return new Response(new ReadableStream({
      pull(controller) {
        made += 65536;
        controller.enqueue(new Uint8Array(65536));
      },
      cancel() { console.log(`cancelled after ${made}`); },
    }));
  },
  '/waits': (request) => new Promise(() => {
    request.signal.addEventListener('abort', () => console.log(`aborted ${request.signal.reason.name}`));
    console.log('waiting');
  }),
};

export default {
  port: 0,
  fetch(request, env, ctx) {
    const answer = paths[new URL(request.url).pathname];
    return answer === undefined ? new Response('not found', { status: 404 }) : answer(request, ctx);
  },
};
