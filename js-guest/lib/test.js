// node:test: tests and suites of the program itself. They run as they are declared, in order; what came of them goes to
// standard output, and a failed one makes the exit code 1. Files are not looked for: run() needs processes. Must not know how
// a test runs, nor how it is printed.
'use strict';

const { HOOKS, Test, readArguments, running } = require('internal/test/test');
const { MockTracker } = require('internal/test/mock');
const { stub } = require('internal/missing');

const UNSETTLED = 'Promise resolution is still pending but the event loop has already resolved';

let root; // made by the first declaration: an image holds none
let report;
let printed = 0;

// ---- The root, and the end of the program ----

function print(text) {
  if (text) process.stdout.write(text);
}

// In the order of declaration, each when all before it have ended.
function printEnded() {
  for (; printed < root.children.length && root.children[printed].finished; printed++) {
    if (printed === 0) print(report.begin());
    const child = root.children[printed];
    print(report.test(child, printed + 1));
    if (!child.passed && !child.todo) process.exitCode = 1;
  }
}

// The innermost of those that run, the last one where several do.
function lastRunning(test) {
  const child = test.children.findLast((child) => child.startedAt > 0 && !child.finished);
  return child === undefined ? test : lastRunning(child);
}

// An error that nobody caught counts against the test it belongs to, or, where that is not known, the last one begun.
function onFault(error) {
  const store = running.getStore();
  const test = store === undefined || store.finished ? lastRunning(root) : store;
  if (test !== root) {
    test.fail(error, 'uncaughtException');
    test.controller.abort();
    return;
  }
  const words = error?.stack ?? String(error);
  root.diagnostics.push(`Warning: an error outside of any running test: ${words}`);
  process.exitCode = 1;
}

async function endRoot() {
  for (const child of root.children) {
    if (!child.finished) child.cancel(UNSETTLED, 'cancelledByParent');
  }
  if (root.ending) return;
  root.ending = true;
  try {
    await root.runHooks('after', root.context);
  } catch (error) {
    onFault(error);
  }
}

function onExit() {
  for (const child of root.children) {
    if (!child.finished) child.cancel(UNSETTLED, 'cancelledByParent');
  }
  printEnded();
  if (printed === 0) print(report.begin());
  print(report.end(root, performance.now() - root.startedAt));
}

function theRoot() {
  if (root !== undefined) return root;
  const { Report } = require('internal/test/report');
  const { stdout } = process;
  root = new Test(undefined, { name: '<root>', options: {} }, 'root');
  report = new Report(Boolean(stdout.isTTY), Boolean(stdout.isTTY) && stdout.hasColors?.());
  root.startedAt = performance.now();
  root.start = startInRoot;
  process.on('beforeExit', endRoot);
  process.on('exit', onExit);
  process.on('uncaughtException', onFault);
  process.on('unhandledRejection', onFault);
  return root;
}

// Hooks of the root are declared in the same breath as its tests, so nothing begins before that is over.
let begun;
function startInRoot(child) {
  child.onEnd = printEnded;
  begun ??= Promise.resolve().then(() => root.runHooks('before', root.context)).catch(onFault);
  begun.then(() => Test.prototype.start.call(root, child));
}

// ---- Declaring ----

const current = () => {
  const test = running.getStore();
  return test === undefined || test.finished ? theRoot() : test;
};

function declare(kind, extra) {
  return function(name, options, fn) {
    const given = readArguments(name, options, fn);
    if (extra) given.options = { ...given.options, [extra]: given.options[extra] || true };
    const parent = current(), test = parent.add(given, kind);
    // What a suite declares runs later: its function may return what declaring gave it.
    return kind === 'suite' || parent.kind === 'suite' ? Promise.resolve() : test.settled;
  };
}

function declarer(kind) {
  const made = declare(kind);
  for (const extra of ['skip', 'todo', 'only']) made[extra] = declare(kind, extra);
  return made;
}

const test = declarer('test');
const it = declarer('test');
const describe = declarer('suite');
let mock;

module.exports = test;
Object.assign(test, { test, it, describe, suite: describe, run: stub('test', 'run') });
for (const kind of HOOKS) {
  test[kind] = (fn, options) => current().hook(kind, fn, options);
}
Object.defineProperty(test, 'mock', {
  configurable: true,
  enumerable: true,
  get: () => (mock ??= new MockTracker()),
});
