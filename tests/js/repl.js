// The REPL over two pipes; what it prints is checked by tests/e2e_library.rs, and Node 20 prints the same. Must not know how a
// line is evaluated.
'use strict';

const repl = require('repl'), { PassThrough } = require('stream');
const input = new PassThrough(), output = new PassThrough();
let all = '';
output.setEncoding('utf8').on('data', (d) => all += d);
const r = repl.start({ input, output, terminal: false, prompt: '> ' });
r.defineCommand('hello', { help: 'greets', action(who) { this.output.write(`hello ${who}\n`); this.displayPrompt(); } });
r.on('exit', () => { console.log(all); console.log(r instanceof repl.REPLServer); });
input.end(['1 + 1', '_ * 21', 'var f = function (a) {', '  return a * 2;', '}', 'f(4)', '{ a: 1 }', '`x', 'y`', 'throw new Error("no")', '_error.message', 'nope', 'null.x', 'throw 5', 'throw { a: 1 }', '[1, 2].map((x) => ({ x }))', '({', '.break', '.hello you', 'path.basename("/a/b")', 'let q = 3', 'q', 'typeof require("fs").readFile', '.nope', '_ = 5','7','_','null','function g(){}','class A {', '}', '.help','.clear','typeof f', '.exit', '9'].join('\n'));
