// A pool of one: the work is done in another process, and the loop of this one stays free.
//     skep run --allow-fork=1 examples/fork.js
'use strict';

const { fork } = require('child_process');

if (process.send === undefined) {
  const worker = fork(__filename);
  const beat = setInterval(() => console.log(`${process.pid}: still here`), 100);
  worker.on('message', ({ n, value }) => {
    console.log(`${process.pid}: fib(${n}) is ${value}, says ${worker.pid}`);
    clearInterval(beat);
    worker.disconnect();
  });
  worker.on('exit', (code, signal) => console.log(`${process.pid}: ${worker.pid} ended with ${signal ?? code}`));
  worker.send({ n: 27 });
} else {
  const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));
  process.on('message', ({ n }) => process.send({ n, value: fib(n) }));
}
