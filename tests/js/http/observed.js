// Those who watch http from outside: diagnostics channels and a performance observer.
const http = require('http'), { PerformanceObserver } = require('perf_hooks'), diagnostics = require('diagnostics_channel');
for (const name of ['http.server.request.start', 'http.server.response.finish', 'http.client.request.start', 'http.client.response.finish']) {
  diagnostics.subscribe(name, (message) => console.log(name, Object.keys(message).join()));
}
new PerformanceObserver((list) => {
  for (const { name, detail } of list.getEntries()) console.log(name, detail.req.method, detail.req.url.replace(/\d{4,}/, 'N'), detail.res.statusCode);
}).observe({ type: 'http' });
const server = http.createServer((req, res) => res.writeHead(202).end('x')).listen(0, () =>
  http.get({ port: server.address().port, path: '/p', agent: false }, (res) => res.resume().on('end', () => server.close())));
