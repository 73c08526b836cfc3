// node:repl: reads lines, evaluates what they come to, prints the result. Its lines are readline's, its evaluation vm's. Must
// not know keys, terminals or the engine.
'use strict';

const vm = require('vm');
const { Interface } = require('readline');
const { inspect } = require('util');
const { builtinModules, createRequire } = require('module');
const commands = require('internal/repl/commands');
const { complete } = require('internal/repl/complete');
const { isUnfinished } = require('internal/repl/unfinished');
const { validateFunction } = require('internal/validators');
const { codes: { ERR_INVALID_REPL_EVAL_CONFIG } } = require('internal/errors');

const kBuffered = Symbol('kBuffered'); // the lines of an input that goes on
const kInterrupted = Symbol('kInterrupted');
const kCount = Symbol('kCount');
const REPL_MODE_SLOPPY = Symbol('repl-sloppy');
const REPL_MODE_STRICT = Symbol('repl-strict');

class Recoverable extends SyntaxError {
  constructor(error) {
    super();
    this.err = error;
  }
}

function writer(value) {
  return inspect(value, writer.options);
}
writer.options = { ...inspect.defaultOptions, showProxy: true };

// ---- Settings ----

function settingsOf(given, stream, evaluate, useGlobal, ignoreUndefined, replMode) {
  const settings = given !== null && typeof given === 'object' ? { ...given } :
    { prompt: given, stream, eval: evaluate, useGlobal, ignoreUndefined, replMode };
  settings.input ??= settings.stream ?? process.stdin;
  settings.output ??= settings.stream ?? process.stdout;
  settings.terminal ??= Boolean(settings.output.isTTY);
  settings.useColors ??= settings.terminal && Boolean(settings.output.hasColors?.());
  settings.prompt ??= '> ';
  if (settings.eval && settings.breakEvalOnSigint) throw new ERR_INVALID_REPL_EVAL_CONFIG();
  return settings;
}

function REPLServer(prompt, stream, evaluate, useGlobal, ignoreUndefined, replMode) {
  if (!(this instanceof REPLServer)) return new REPLServer(prompt, stream, evaluate, useGlobal, ignoreUndefined, replMode);
  const settings = settingsOf(prompt, stream, evaluate, useGlobal, ignoreUndefined, replMode);
  this.useGlobal = Boolean(settings.useGlobal);
  this.useColors = Boolean(settings.useColors);
  this.ignoreUndefined = Boolean(settings.ignoreUndefined);
  this.replMode = settings.replMode ?? REPL_MODE_SLOPPY;
  this.writer = settings.writer ?? ((value) => inspect(value, { ...writer.options, colors: this.useColors }));
  this.eval = settings.eval ?? ((code, context, file, cb) => evaluateIn(this, code, file, cb));
  this.commands = { __proto__: null };
  this.editorMode = false;
  this[kBuffered] = '';
  this[kInterrupted] = false;
  this[kCount] = 0;
  this.resetContext();
  const completer = settings.completer ?? ((line, cb) => complete(this, line, cb));
  Reflect.apply(Interface, this, [{
    input: settings.input, output: settings.output, terminal: settings.terminal, historySize: settings.historySize, completer,
    prompt: String(settings.prompt),
  }]);
  this._initialPrompt = this.getPrompt();
  for (const name of Object.keys(commands)) this.defineCommand(name, commands[name]);
  this.on('line', (line) => onLine(this, line));
  this.on('SIGINT', () => onInterrupt(this));
  this.on('close', () => process.nextTick(() => this.emit('exit')));
  this.displayPrompt();
}
Object.setPrototypeOf(REPLServer.prototype, Interface.prototype);
Object.setPrototypeOf(REPLServer, Interface);

// ---- Evaluation ----

// An object literal is one, and no block, when it can be.
const asExpression = (code) => (/^\s*\{/.test(code) && !/;\s*$/.test(code) ? `(${code.trim()})\n` : code);

function scriptOf(code, filename) {
  const wrapped = asExpression(code);
  if (wrapped !== code) {
    try {
      return new vm.Script(wrapped, { filename });
    } catch { /* a block, then */ }
  }
  return new vm.Script(code, { filename });
}

function evaluateIn(repl, code, filename, cb) {
  let script, result;
  try {
    if (/^\s*$/.test(code)) return cb(null);
    script = scriptOf(repl.replMode === REPL_MODE_STRICT ? `'use strict'; void 0; ${code}` : code, filename);
  } catch (error) {
    return cb(isUnfinished(error, code) ? new Recoverable(error) : error);
  }
  try {
    result = repl.useGlobal ? script.runInThisContext() : script.runInContext(repl.context);
  } catch (error) {
    return cb(error === null || error === undefined ? Object(error) : error);
  }
  return cb(null, result);
}

// Names of Node's own that a script has without asking; each module is loaded when it is first named.
function equip(context) {
  const lend = createRequire(`${process.cwd()}/repl`);
  context.require = lend;
  for (const name of builtinModules) {
    if (/[/_]/.test(name) || name in context) continue;
    Object.defineProperty(context, name, {
      configurable: true,
      get() { return this[name] = lend(name); },
      set(value) { Object.defineProperty(context, name, { value, writable: true, enumerable: true, configurable: true }); },
    });
  }
}

REPLServer.prototype.createContext = function() {
  if (this.useGlobal) return globalThis;
  const context = vm.createContext();
  const known = new Set(vm.runInContext('Object.getOwnPropertyNames(globalThis)', context));
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!known.has(name)) Object.defineProperty(context, name, { __proto__: null, ...Object.getOwnPropertyDescriptor(globalThis, name) });
  }
  context.global = context;
  context.console = new console.Console(this.output ?? process.stdout);
  return context;
};

REPLServer.prototype.resetContext = function() {
  this.context = this.createContext();
  this.last = this.lastError = undefined;
  this.underscoreAssigned = this.underscoreErrAssigned = false;
  equip(this.context);
  remember(this, '_', 'last', 'underscoreAssigned');
  remember(this, '_error', 'lastError', 'underscoreErrAssigned');
  this.emit?.('reset', this.context);
};

// `_` is the last result, until somebody gives it another meaning.
function remember(repl, name, key, assigned) {
  Object.defineProperty(repl.context, name, {
    configurable: true,
    get: () => repl[key],
    set(value) {
      repl[key] = value;
      if (repl[assigned]) return;
      repl[assigned] = true;
      repl.output.write(`Expression assignment to ${name} now disabled.\n`);
    },
  });
}

// ---- Lines ----

function onLine(repl, line) {
  repl[kInterrupted] = false;
  const word = /^\.([^\s]+)\s*(.*)$/.exec(line.trim());
  if (word !== null && Number.isNaN(Number.parseFloat(line.trim()))) {
    const command = repl.commands[word[1]];
    if (command !== undefined) {
      command.action.call(repl, word[2]);
      return;
    }
    if (!repl[kBuffered]) {
      repl.output.write('Invalid REPL keyword\n');
      repl.displayPrompt();
      return;
    }
  }
  const code = `${repl[kBuffered]}${line}\n`;
  repl.eval(code, repl.context, `REPL${++repl[kCount]}`, (error, result) => finish(repl, code, error, result));
}

function finish(repl, code, error, result) {
  if (error instanceof Recoverable) {
    repl[kBuffered] = code;
    repl.displayPrompt();
    return;
  }
  repl.clearBufferedCommand();
  if (error) {
    if (!repl.underscoreErrAssigned) repl.lastError = error;
    repl.output.write(`${uncaught(repl, error)}\n`);
  } else {
    if (!repl.underscoreAssigned) repl.last = result;
    if (result !== undefined || !repl.ignoreUndefined) repl.output.write(`${repl.writer(result)}\n`);
  }
  if (!repl.closed) repl.displayPrompt();
}

// An error's stack ends where the input begins; a syntax error's would be ours.
function uncaught(repl, error) {
  if (error?.name === 'SyntaxError') return `Uncaught ${error}`;
  const text = repl.writer(error).replace(/\n {4}at (?:REPL\d+:\d+:\d+|[^\n]*\bnode:)[^]*$/, '');
  const [first] = text.split('\n'), isError = /^\[?(?:[A-Z][a-z0-9_]*)*Error/.test(first);
  const isShort = isError ? first.length <= writer.options.breakLength : first === text;
  return `Uncaught${isShort ? ' ' : ':\n'}${text}`;
}

function onInterrupt(repl) {
  const isEmpty = repl.line === '' && repl[kBuffered] === '';
  repl.clearLine();
  repl.clearBufferedCommand();
  if (isEmpty && repl[kInterrupted]) {
    repl.close();
    return;
  }
  repl[kInterrupted] = isEmpty;
  if (isEmpty) repl.output.write('(To exit, press Ctrl+C again or Ctrl+D or type .exit)\n');
  repl.displayPrompt();
}

REPLServer.prototype.clearBufferedCommand = function() {
  this[kBuffered] = '';
};

REPLServer.prototype.displayPrompt = function(preserveCursor) {
  const initial = this._initialPrompt;
  Interface.prototype.setPrompt.call(this, this[kBuffered] ? '... ' : initial);
  this.prompt(preserveCursor);
};

REPLServer.prototype.setPrompt = function(prompt) {
  this._initialPrompt = prompt;
  Interface.prototype.setPrompt.call(this, prompt);
};

REPLServer.prototype.defineCommand = function(keyword, command) {
  if (typeof command === 'function') command = { action: command };
  else validateFunction(command.action, 'cmd.action');
  this.commands[keyword] = command;
};

REPLServer.prototype.complete = function(...args) {
  this.completer(...args);
};

const start = (...args) => new REPLServer(...args);

module.exports = {
  start, writer, REPLServer, Recoverable, REPL_MODE_SLOPPY, REPL_MODE_STRICT,
  builtinModules: builtinModules.filter((name) => !name.startsWith('_')),
};
