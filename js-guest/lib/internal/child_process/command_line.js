// Node's command line as an order for another guest: `spawn(process.execPath, [...])` starts no program, so its words are
// read here. Must not know how a process is started.
'use strict';

// Options with a value, by each of their spellings, under the name that `process.execArgv` may hold them by.
const WITH_VALUE = new Set([
  '-r', '--require', '--import', '-C', '--conditions', '--input-type', '--unhandled-rejections', '--stack-trace-limit', '--title',
  '--loader', '--experimental-loader', '--icu-data-dir', '--dns-result-order', '--disable-warning', '--env-file', '--trace-event-categories',
  '--redirect-warnings', '--diagnostic-dir', '--max-http-header-size', '--inspect-port', '--test-name-pattern',
]);
const CODE = { '-e': 'eval', '--eval': 'eval', '-p': 'print', '--print': 'print', '-pe': 'print' };

// { mode, main, source, inputType, execArgv, args }: mode is file, eval, print, stdin or check.
function read(words) {
  const order = { mode: undefined, main: undefined, source: undefined, inputType: 'commonjs', execArgv: [], args: [] };
  let at = 0;
  for (; at < words.length; at++) {
    const word = `${words[at]}`;
    if (word === '--') {
      at++;
      break;
    }
    if (word === '-' || word[0] !== '-') break;
    at = readFlag(order, words, at, word);
  }
  finish(order, words.slice(at).map(String));
  return order;
}

// Answers where the flag's last word stands.
function readFlag(order, words, at, word) {
  const equals = word.startsWith('--') ? word.indexOf('=') : -1;
  const name = equals < 0 ? word : word.slice(0, equals);
  const own = equals < 0 ? undefined : word.slice(equals + 1);
  if (CODE[name] !== undefined) {
    order.mode = CODE[name];
    // -p alone prints what the next word computes; after -e it prints that.
    const next = own ?? words[at + 1];
    if (order.source !== undefined && own === undefined) return at;
    order.execArgv.push(word);
    if (next === undefined) return at;
    order.source = `${next}`;
    if (own === undefined) order.execArgv.push(order.source);
    return own === undefined ? at + 1 : at;
  }
  if (name === '-v' || name === '--version') [order.mode, order.source] = ['print', 'process.version'];
  else if (name === '-c' || name === '--check') order.mode = 'check';
  if (!WITH_VALUE.has(name) || own !== undefined) {
    if (name === '--input-type') order.inputType = own;
    order.execArgv.push(word);
    return at;
  }
  const value = words[at + 1];
  if (name === '--input-type') order.inputType = `${value}`;
  order.execArgv.push(word);
  if (value !== undefined) order.execArgv.push(`${value}`);
  return value === undefined ? at : at + 1;
}

function finish(order, rest) {
  if (order.source !== undefined) {
    order.args = rest;
    return;
  }
  if (rest.length === 0 || rest[0] === '-') {
    order.mode = 'stdin';
    order.args = rest.slice(1);
    return;
  }
  order.mode ??= 'file';
  [order.main, ...order.args] = rest;
}

module.exports = { read };
