// A program that listens nowhere: it shows a handler, and is served. `skep run examples/fetch-handler.mjs` listens on port
// 8000 (or PORT, with --allow-env=PORT); a tenant of `skep serve` is asked by its hosts.
//
//   curl localhost:8000/hello
//   curl -d '{"a": 1}' localhost:8000/echo
//   curl -N localhost:8000/count
let served = 0;

function count(signal) {
  let next = 1;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      if (next > 5 || signal.aborted) controller.close();
      else controller.enqueue(new TextEncoder().encode(`${next++}\n`));
    },
  });
}

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    ctx.waitUntil(Promise.resolve().then(() => { served += 1; })); // goes on when the answer is sent
    if (pathname === '/hello') return new Response(`Hello, visitor ${served + 1}!\n`);
    if (pathname === '/echo') return Response.json({ got: await request.json() });
    if (pathname === '/count') return new Response(count(request.signal));
    return new Response('There is /hello, /echo and /count.\n', { status: 404 });
  },
};
