// Four workers behind one port. Kill one by hand, with the pid that a response tells: its place is taken, and service goes on.
//     skep run --allow-fork=8 examples/cluster.js
//     curl http://127.0.0.1:1337/        (says who answered)
//     kill -9 PID
'use strict';

const cluster = require('cluster');
const http = require('http');

const port = Number(process.argv[2] ?? 1337);

if (cluster.isPrimary) {
  for (let i = 0; i < 4; i++) cluster.fork();
  cluster.on('listening', (worker, address) => console.log(`worker ${worker.process.pid} serves port ${address.port}`));
  cluster.on('exit', (worker, code, signal) => {
    if (worker.exitedAfterDisconnect) return;
    console.log(`worker ${worker.process.pid} ended with ${signal ?? code}; another takes its place`);
    cluster.fork();
  });
} else {
  http.createServer((req, res) => res.end(`Hello from ${process.pid}\n`)).listen(port, '127.0.0.1');
}
