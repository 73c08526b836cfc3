// What a neighbour may try. Each costs it alone: http://hostile.localhost:8080/loop, /hog, /die, /shout.
const http = require('http');
http.createServer((req, res) => {
  if (req.url === '/loop') for (;;) {}
  if (req.url === '/hog') for (const kept = []; ;) kept.push(new Uint8Array(1 << 20).fill(1));
  if (req.url === '/die') process.exit(1);
  if (req.url === '/shout') for (let n = 0; n < 1000; n++) console.log(`\x1b[2J\x1b]0;mine\x07 ${n}`);
  res.end('try /loop, /hog, /die or /shout\n');
}).listen(80);
