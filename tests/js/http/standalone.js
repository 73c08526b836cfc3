// Responses that a script makes itself, over streams of its own.
const http = require('http'), { Writable } = require('stream');
const out = [], sink = new Writable({ write(part, encoding, cb) { out.push(String(part)); cb(); } });
const res = new http.ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 });
res.assignSocket(sink);
res.sendDate = false;
res.writeHead(201, 'Made', { A: 'b', 'Set-Cookie': ['x=1', 'y=2'] });
res.write('one', () => console.log('written'));
res.end('two', () => console.log(JSON.stringify(out.join('')), res.writableFinished));
try { res.assignSocket(sink); } catch (error) { console.log(error.code); }
const whole = new http.ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 });
const parts = [];
whole.assignSocket(new Writable({ write(part, encoding, cb) { parts.push(String(part)); cb(); } }));
whole.sendDate = false;
whole.on('finish', () => console.log(JSON.stringify(parts.join(''))));
whole.end('all');
