// HTTPParser objects: what each message comes to, at once and a byte at a time.
const { HTTPParser, methods } = require('_http_common');
function parse(type, bytes, step) {
  const said = [], parser = new HTTPParser();
  let pairs = [], body = '';
  parser.initialize(type, {});
  parser[HTTPParser.kOnHeaders] = (list) => { pairs.push(...list); };
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, list, method, url, status, reason, upgrade, keep) => {
    said.push(method === undefined ? `${status} ${reason}` : `${methods[method]} ${url}`, `1.${minor} ${(list ?? pairs).length} ${upgrade} ${keep}`);
    pairs = [];
  };
  parser[HTTPParser.kOnBody] = (part) => { body += part; };
  parser[HTTPParser.kOnMessageComplete] = () => { said.push(body, pairs.join()); body = ''; pairs = []; };
  const whole = Buffer.from(bytes, 'latin1');
  for (let at = 0; at < whole.length; at += step) {
    const part = whole.subarray(at, at + step), answer = parser.execute(part);
    if (answer instanceof Error) return [...said, answer.code].join('|');
    if (answer !== part.length) return [...said, 'left'].join('|');
  }
  const end = parser.finish();
  return [...said, end ? end.code : 'end'].join('|');
}
const head = 'POST /a HTTP/1.1\r\nA: b\r\n';
for (const [type, bytes] of [
  [1, 'GET /x HTTP/1.1\r\nA:  b \r\n\r\nGET /y HTTP/1.0\r\n\r\n'],
  [1, head + 'Transfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: u\r\nHost: x\r\n\r\n'],
  [1, head + 'Content-Length: 3\r\n\r\nabc'],
  [1, head + 'Content-Length: 3\r\n\r\nab'],
  [2, 'HTTP/1.1 204 No\r\n\r\nHTTP/1.0 200 Yes\r\n\r\nall of it'],
  [2, 'HTTP/1.1 200 OK\r\n' + 'F: 1\r\n'.repeat(40) + 'Content-Length: 0\r\n\r\n'],
  [1, head + 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n'],
  [1, head + 'Content-Length: 3\r\nContent-Length: 3\r\n\r\n'],
  [1, head + 'Content-Length: +3\r\n\r\n'],
  [1, head + 'Transfer-Encoding: chunked, chunked\r\n\r\n'],
  [1, head + 'B : c\r\n\r\n'],
  [1, head + ' c\r\n\r\n'],
  [1, head + 'B: c\n\r\n'],
  [1, head + 'B: c\rd\r\n\r\n'],
  [1, head + 'B: \0\r\n\r\n'],
  [1, head + 'B: ' + 'x'.repeat(20000) + '\r\n\r\n'],
  [1, head + 'Transfer-Encoding: chunked\r\n\r\nx\r\n'],
  [1, head + 'Transfer-Encoding: chunked\r\n\r\n1\r\nabc'],
  [1, head + 'Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n'],
  [1, 'GOT / HTTP/1.1\r\n'], [1, 'GET / HTTP/3.0\r\n\r\n'], [2, 'SSH-2.0'], [2, 'HTTP/1.1 20 OK\r\n\r\n'],
  [1, 'CONNECT a:1 HTTP/1.1\r\n\r\nbytes'],
]) {
  const once = parse(type, bytes, bytes.length), split = parse(type, bytes, 1);
  console.log(once + (once === split ? '' : ` BUT ${split}`));
}
try { HTTPParser.prototype.execute.call({}, Buffer.alloc(1)); } catch (error) { console.log(error.name); }
