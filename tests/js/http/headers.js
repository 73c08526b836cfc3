// globalThis.Headers, and what a response takes from it.
const http = require('http');
const headers = new Headers({ foo: '1', Bar: ' 2 ' });
headers.append('foo', '3');
headers.append('set-cookie', 'a=1');
headers.append('Set-Cookie', 'b=2');
console.log(JSON.stringify([...headers]), headers.get('FOO'), headers.getSetCookie().join('|'), headers.has('x'));
const wrong = [
  () => new Headers([['a']]), () => new Headers(null), () => headers.get('a b'), () => headers.set('a', '\u0100'),
  () => headers.set('a', 'b\r\nc'), () => headers.append('a'), () => Headers.prototype.get.call({}, 'a'),
];
console.log(wrong.map((fn) => { try { return fn(); } catch (error) { return error.name; } }).join());
http.createServer(function(req, res) {
  res.setHeaders(headers).end();
  this.close();
}).listen(0, function() {
  http.get({ port: this.address().port, agent: false }, (res) => {
    console.log(res.headers.foo, res.headers.bar, res.headers['set-cookie'].join('|'));
    res.resume();
  });
});
