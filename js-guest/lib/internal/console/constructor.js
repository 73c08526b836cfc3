// The Console class: formatted lines for two streams, with groups, counts and timers. Must not know which streams.
'use strict';

const {
  codes: { ERR_CONSOLE_WRITABLE_STREAM, ERR_INCOMPATIBLE_OPTION_PAIR, ERR_INVALID_ARG_VALUE },
  isStackOverflowError,
} = require('internal/errors');
const { validateArray, validateInteger, validateObject } = require('internal/validators');
const { formatWithOptionsInternal, inspect } = require('internal/util/inspect');

const kCounts = Symbol('counts');
const kColorMode = Symbol('kColorMode');
const kIsConsole = Symbol('kIsConsole');
const kGroupIndent = Symbol('kGroupIndent');
const kGroupIndentWidth = Symbol('kGroupIndentWidth');
const kFormat = Symbol('kFormat');
const kGetInspectOptions = Symbol('kGetInspectOptions');
const kWrite = Symbol('kWriteToConsole');
const COLORS = { colors: true };
const NO_COLORS = {};
const MAX_GROUP_INDENT = 1000;

const inspectOptionsOf = new WeakMap();

function readOptions(first, args) {
  if (first && typeof first.write !== 'function') return first;
  return { stdout: first, stderr: args[1], ignoreErrors: args[2] };
}

function Console(options) {
  // Called without new, as in `Console(process.stdout)`.
  if (!new.target) return Reflect.construct(Console, arguments);
  const bag = readOptions(options, arguments);
  const { stdout, stderr = stdout, ignoreErrors = true, colorMode = 'auto', inspectOptions, groupIndentation } = bag;
  if (!stdout || typeof stdout.write !== 'function') throw new ERR_CONSOLE_WRITABLE_STREAM('stdout');
  if (!stderr || typeof stderr.write !== 'function') throw new ERR_CONSOLE_WRITABLE_STREAM('stderr');
  if (colorMode !== 'auto' && typeof colorMode !== 'boolean') throw new ERR_INVALID_ARG_VALUE('colorMode', colorMode);
  if (groupIndentation !== undefined) validateInteger(groupIndentation, 'groupIndentation', 0, MAX_GROUP_INDENT);
  if (inspectOptions !== undefined) {
    validateObject(inspectOptions, 'options.inspectOptions');
    if (inspectOptions.colors !== undefined && bag.colorMode !== undefined) {
      throw new ERR_INCOMPATIBLE_OPTION_PAIR('options.inspectOptions.color', 'colorMode');
    }
    inspectOptionsOf.set(this, inspectOptions);
  }
  for (const key of Object.keys(Console.prototype)) {
    const bound = this[key].bind(this);
    Object.defineProperty(bound, 'name', { value: key });
    this[key] = bound;
  }
  hide(this, { _stdout: stdout, _stderr: stderr });
  prepare(this, ignoreErrors, colorMode, groupIndentation);
}

function hide(target, properties) {
  for (const [key, value] of Object.entries(properties)) {
    Object.defineProperty(target, key, { value, writable: true, enumerable: false, configurable: true });
  }
}

// The state of a console, apart from its streams.
function prepare(target, ignoreErrors, colorMode, groupIndentation = 2) {
  const onError = () => (error) => error;
  hide(target, { _stdoutErrorHandler: onError(), _stderrErrorHandler: onError(), _ignoreErrors: Boolean(ignoreErrors),
    _times: new Map() });
  target[kCounts] = new Map();
  target[kColorMode] = colorMode;
  target[kIsConsole] = true;
  target[kGroupIndent] = '';
  target[kGroupIndentWidth] = groupIndentation;
  for (const key of [kCounts, kColorMode, kIsConsole, kGroupIndent, kGroupIndentWidth]) {
    Object.defineProperty(target, key, { enumerable: false });
  }
  Object.defineProperty(target, Symbol.toStringTag, {
    value: 'console', writable: false, enumerable: false, configurable: true,
  });
}

Object.defineProperty(Console, Symbol.hasInstance, {
  value(instance) { return Boolean(instance?.[kIsConsole]); },
});

const noop = () => {};

const errorHandlers = new WeakMap();

// One for each stream, since a stream tells many writes with the same callback in one tick.
function errorHandlerOf(stream) {
  let handler = errorHandlers.get(stream);
  if (handler !== undefined) return handler;
  handler = (error) => {
    if (error != null && !stream._writableState?.errorEmitted && stream.listenerCount?.('error') === 0) {
      stream.once('error', noop);
    }
  };
  errorHandlers.set(stream, handler);
  return handler;
}

function writeTo(stream, ignoreErrors, text) {
  if (!ignoreErrors) return stream.write(text);
  const mayEmit = typeof stream.once === 'function';
  try {
    // An error that comes at once must not end the program because of a line of log.
    if (mayEmit && stream.listenerCount?.('error') === 0) stream.once('error', noop);
    stream.write(text, errorHandlerOf(stream));
  } catch (error) {
    // A stack that ran out is the program's, not the stream's.
    if (isStackOverflowError(error)) throw error;
  } finally {
    if (mayEmit) stream.removeListener('error', noop);
  }
  return undefined;
}

function indented(indent, text) {
  if (indent.length === 0) return `${text}\n`;
  if (text.includes('\n')) text = text.replaceAll('\n', `\n${indent}`);
  return `${indent}${text}\n`;
}

Object.defineProperties(Console.prototype, {
  [kWrite]: {
    configurable: true,
    writable: true,
    value(name, text) {
      writeTo(this[`_${name}`], this._ignoreErrors, indented(this[kGroupIndent], text));
    },
  },
  [kGetInspectOptions]: {
    configurable: true,
    writable: true,
    value(name) {
      let color = this[kColorMode];
      if (color === 'auto') {
        const stream = this[`_${name}`];
        color = stream.isTTY && (typeof stream.getColorDepth !== 'function' || stream.getColorDepth() > 2);
      }
      const options = inspectOptionsOf.get(this);
      if (options === undefined) return color ? COLORS : NO_COLORS;
      if (options.colors === undefined) options.colors = color;
      return options;
    },
  },
  [kFormat]: {
    configurable: true,
    writable: true,
    value(name, args) {
      if (args.length === 1 && typeof args[0] === 'string') return args[0];
      return formatWithOptionsInternal(this[kGetInspectOptions](name), args);
    },
  },
});

function formatTime(ms) {
  if (ms < 1000) return `${Number(ms.toFixed(3))}ms`;
  const two = (number) => `${number}`.padStart(2, '0');
  const hours = Math.floor(ms / 3600000);
  const minutes = Math.floor(ms / 60000) % 60;
  const seconds = ms / 1000 - hours * 3600 - minutes * 60;
  if (hours === 0 && minutes === 0) return `${seconds.toFixed(3)}s`;
  const [whole, fraction] = seconds.toFixed(3).split('.');
  if (hours === 0) return `${minutes}:${two(whole)}.${fraction} (m:ss.mmm)`;
  return `${hours}:${two(minutes)}:${two(whole)} (h:mm:ss)`;
}

function logTime(console, name, label, data) {
  const started = console._times.get(label);
  if (started === undefined) {
    process.emitWarning(`No such label '${label}' for console.${name}()`);
    return false;
  }
  const [seconds, nanoseconds] = process.hrtime(started);
  const formatted = formatTime(seconds * 1000 + nanoseconds / 1e6);
  if (data === undefined) console.log('%s: %s', label, formatted);
  else console.log('%s: %s', label, formatted, ...data);
  return true;
}

const methods = {
  log(...args) {
    this[kWrite]('stdout', this[kFormat]('stdout', args));
  },

  warn(...args) {
    this[kWrite]('stderr', this[kFormat]('stderr', args));
  },

  error(...args) {
    this[kWrite]('stderr', this[kFormat]('stderr', args));
  },

  dir(object, options) {
    this[kWrite]('stdout', inspect(object, { customInspect: false, ...this[kGetInspectOptions]('stdout'), ...options }));
  },

  time(label = 'default') {
    label = `${label}`;
    if (this._times.has(label)) {
      process.emitWarning(`Label '${label}' already exists for console.time()`);
      return;
    }
    this._times.set(label, process.hrtime());
  },

  timeEnd(label = 'default') {
    label = `${label}`;
    if (logTime(this, 'timeEnd', label)) this._times.delete(label);
  },

  timeLog(label = 'default', ...data) {
    logTime(this, 'timeLog', `${label}`, data);
  },

  trace: function trace(...args) {
    const error = { name: 'Trace', message: this[kFormat]('stderr', args) };
    Error.captureStackTrace(error, trace);
    this.error(error.stack);
  },

  assert(expression, ...args) {
    if (expression) return;
    args[0] = `Assertion failed${args.length === 0 ? '' : `: ${args[0]}`}`;
    // Reflect: a replaced `warn` gets the arguments as they are.
    Reflect.apply(this.warn, this, args);
  },

  clear() {
    if (this._stdout.isTTY && process.env.TERM !== 'dumb') this._stdout.write('\u001b[1;1H\u001b[0J');
  },

  count(label = 'default') {
    label = `${label}`;
    const count = (this[kCounts].get(label) ?? 0) + 1;
    this[kCounts].set(label, count);
    this.log(`${label}: ${count}`);
  },

  countReset(label = 'default') {
    if (!this[kCounts].has(`${label}`)) {
      process.emitWarning(`Count for '${label}' does not exist`);
      return;
    }
    this[kCounts].delete(`${label}`);
  },

  group(...data) {
    if (data.length > 0) Reflect.apply(this.log, this, data);
    this[kGroupIndent] += ' '.repeat(this[kGroupIndentWidth]);
  },

  groupEnd() {
    this[kGroupIndent] = this[kGroupIndent].slice(0, this[kGroupIndent].length - this[kGroupIndentWidth]);
  },

  table(tabularData, properties) {
    if (tabularData === null || typeof tabularData !== 'object') return this.log(tabularData);
    if (properties !== undefined) validateArray(properties, 'properties');
    const { tableOf } = require('internal/console/table');
    return this.log(tableOf(tabularData, properties, this[kGetInspectOptions]('stdout')));
  },
};
methods.debug = methods.log;
methods.info = methods.log;
methods.dirxml = methods.log;
methods.groupCollapsed = methods.group;

const ORDER = [
  'log', 'warn', 'dir', 'time', 'timeEnd', 'timeLog', 'trace', 'assert', 'clear', 'count', 'countReset', 'group',
  'groupEnd', 'table', 'debug', 'info', 'dirxml', 'error', 'groupCollapsed',
];
for (const key of ORDER) Console.prototype[key] = methods[key];

module.exports = { Console, formatTime, indented, kFormat, kGetInspectOptions, kGroupIndent, kWrite, prepare };
