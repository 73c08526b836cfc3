// util.inspect: a value as text for people. What each kind of object looks like inside is internal/util/inspect_kinds,
// quoting and line breaking internal/util/inspect_text. Must not change what it looks at.
'use strict';

const { getOwnNonIndexProperties, getProxyDetails, constants, getConstructorName: engineName } = internalBinding('util');
const {
  escapeControls, formatBigInt, formatNumber, getStringWidth, joinEntries, quote, stripVTControlCharacters,
} = require('internal/util/inspect_text');
const { isStackOverflowError } = require('internal/errors');
const { validateObject, validateString, kValidateObjectAllowArray } = require('internal/validators');

const kObjectType = 0;
const kArrayType = 1;
const kArrayExtrasType = 2;
const MIN_LINE_WIDTH = 16;
// Past this many characters on one level of indentation, deeper levels are left out: 128 MiB of text help nobody.
const BUDGET = 2 ** 27;

const inspectDefaultOptions = Object.seal({
  showHidden: false,
  depth: 2,
  colors: false,
  customInspect: true,
  showProxy: false,
  maxArrayLength: 100,
  maxStringLength: 10000,
  breakLength: 80,
  compact: 3,
  sorted: false,
  getters: false,
  numericSeparator: false,
});

const customInspectSymbol = Symbol.for('nodejs.util.inspect.custom');
const builtInObjects = new Set(Object.getOwnPropertyNames(globalThis).filter((name) => /^[A-Z][a-zA-Z0-9]+$/.test(name)));
const stylizeNoColor = (text) => text;

function stylizeWithColor(text, styleType) {
  const style = inspect.styles[styleType];
  if (style === undefined) return text;
  const color = inspect.colors[style];
  return color === undefined ? text : `\u001b[${color[0]}m${text}\u001b[${color[1]}m`;
}

function inspect(value, opts) {
  const ctx = {
    budget: {},
    indentationLvl: 0,
    seen: [],
    currentDepth: 0,
    stylize: stylizeNoColor,
    ...inspectDefaultOptions,
  };
  if (arguments.length > 1) readOptions(ctx, opts, arguments);
  if (ctx.colors) ctx.stylize = ctx.stylize === stylizeNoColor ? stylizeWithColor : ctx.stylize;
  ctx.maxArrayLength ??= Infinity;
  ctx.maxStringLength ??= Infinity;
  return formatValue(ctx, value, 0);
}
inspect.custom = customInspectSymbol;

// An options object, or inspect(value, showHidden, depth, colors) of old.
function readOptions(ctx, opts, args) {
  if (args.length > 2) {
    if (args[2] !== undefined) ctx.depth = args[2];
    if (args.length > 3 && args[3] !== undefined) ctx.colors = args[3];
  }
  if (typeof opts === 'boolean') {
    ctx.showHidden = opts;
  } else if (opts) {
    for (const key of Object.keys(opts)) {
      if (Object.hasOwn(inspectDefaultOptions, key) || key === 'stylize') ctx[key] = opts[key];
      else if (ctx.userOptions === undefined) ctx.userOptions = opts;
    }
  }
}

Object.defineProperty(inspect, 'defaultOptions', {
  get() { return inspectDefaultOptions; },
  set(options) {
    validateObject(options, 'options');
    return Object.assign(inspectDefaultOptions, options);
  },
});

const FOREGROUND = 39;
const BACKGROUND = 49;
inspect.colors = Object.assign({ __proto__: null }, {
  reset: [0, 0], bold: [1, 22], dim: [2, 22], italic: [3, 23], underline: [4, 24], blink: [5, 25], inverse: [7, 27],
  hidden: [8, 28], strikethrough: [9, 29], doubleunderline: [21, 24],
  black: [30, FOREGROUND], red: [31, FOREGROUND], green: [32, FOREGROUND], yellow: [33, FOREGROUND],
  blue: [34, FOREGROUND], magenta: [35, FOREGROUND], cyan: [36, FOREGROUND], white: [37, FOREGROUND],
  bgBlack: [40, BACKGROUND], bgRed: [41, BACKGROUND], bgGreen: [42, BACKGROUND], bgYellow: [43, BACKGROUND],
  bgBlue: [44, BACKGROUND], bgMagenta: [45, BACKGROUND], bgCyan: [46, BACKGROUND], bgWhite: [47, BACKGROUND],
  framed: [51, 54], overlined: [53, 55], gray: [90, FOREGROUND], redBright: [91, FOREGROUND],
  greenBright: [92, FOREGROUND], yellowBright: [93, FOREGROUND], blueBright: [94, FOREGROUND],
  magentaBright: [95, FOREGROUND], cyanBright: [96, FOREGROUND], whiteBright: [97, FOREGROUND],
  bgGray: [100, BACKGROUND], bgRedBright: [101, BACKGROUND], bgGreenBright: [102, BACKGROUND],
  bgYellowBright: [103, BACKGROUND], bgBlueBright: [104, BACKGROUND], bgMagentaBright: [105, BACKGROUND],
  bgCyanBright: [106, BACKGROUND], bgWhiteBright: [107, BACKGROUND],
});

function defineColorAlias(target, alias) {
  Object.defineProperty(inspect.colors, alias, {
    get() { return this[target]; },
    set(value) { this[target] = value; },
    configurable: true,
    enumerable: false,
  });
}
for (const [target, ...aliases] of [
  ['gray', 'grey'], ['bgGray', 'bgGrey'], ['dim', 'faint'], ['strikethrough', 'crossedout', 'strikeThrough', 'crossedOut'],
  ['hidden', 'conceal'], ['inverse', 'swapColors', 'swapcolors'], ['doubleunderline', 'doubleUnderline'],
  ['gray', 'blackBright'], ['bgGray', 'bgBlackBright'],
]) {
  for (const alias of aliases) defineColorAlias(target, alias);
}

inspect.styles = Object.assign({ __proto__: null }, {
  special: 'cyan', number: 'yellow', bigint: 'yellow', boolean: 'yellow', undefined: 'grey', null: 'bold',
  string: 'green', symbol: 'green', date: 'magenta', regexp: 'red', module: 'underline',
});

// What a custom inspect function gets for options. A value from another realm gets no functions of ours in it.
function userOptions(ctx, isCrossContext) {
  const options = { stylize: ctx.stylize };
  for (const key of Object.keys(inspectDefaultOptions)) options[key] = ctx[key];
  Object.assign(options, ctx.userOptions);
  if (!isCrossContext) return options;
  Object.setPrototypeOf(options, null);
  for (const key of Object.keys(options)) {
    if ((typeof options[key] === 'object' || typeof options[key] === 'function') && options[key] !== null) {
      delete options[key];
    }
  }
  options.stylize = Object.setPrototypeOf((value, flavour) => {
    let text;
    try {
      text = `${ctx.stylize(value, flavour)}`;
    } catch {
      // What cannot be styled is left out.
    }
    return typeof text === 'string' ? text : value;
  }, null);
  return options;
}

function formatCustom(ctx, value, context, recurseTimes, isProxy) {
  const custom = value[customInspectSymbol];
  if (typeof custom !== 'function' || custom === inspect) return undefined;
  // A prototype is no instance of its class.
  const own = Object.getOwnPropertyDescriptor(value, 'constructor');
  if (own !== undefined && own.value?.prototype === value) return undefined;
  const depth = ctx.depth === null ? null : ctx.depth - recurseTimes;
  const isCrossContext = isProxy || !(context instanceof Object);
  const result = custom.call(context, depth, userOptions(ctx, isCrossContext), inspect);
  if (result === context) return undefined;
  const text = typeof result === 'object' ? formatValue(ctx, result, recurseTimes) : `${result}`;
  return text.replaceAll('\n', `\n${' '.repeat(ctx.indentationLvl)}`);
}

function formatValue(ctx, value, recurseTimes, typedArray) {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
    return value === null ? ctx.stylize('null', 'null') : formatPrimitive(ctx.stylize, value, ctx);
  }
  const context = value;
  const proxy = getProxyDetails(value, Boolean(ctx.showProxy));
  if (proxy !== undefined) {
    if (proxy === null || proxy[0] === null) return ctx.stylize('<Revoked Proxy>', 'special');
    if (ctx.showProxy) return formatProxy(ctx, proxy, recurseTimes);
    value = proxy;
  }
  if (ctx.customInspect) {
    const text = formatCustom(ctx, value, context, recurseTimes, proxy !== undefined);
    if (text !== undefined) return text;
  }
  if (ctx.seen.includes(value)) {
    ctx.circular ??= new Map();
    let index = ctx.circular.get(value);
    if (index === undefined) {
      index = ctx.circular.size + 1;
      ctx.circular.set(value, index);
    }
    return ctx.stylize(`[Circular *${index}]`, 'special');
  }
  return formatRaw(ctx, value, recurseTimes, typedArray);
}

function formatProxy(ctx, proxy, recurseTimes) {
  if (recurseTimes > ctx.depth && ctx.depth !== null) return ctx.stylize('Proxy [Array]', 'special');
  recurseTimes += 1;
  ctx.indentationLvl += 2;
  const parts = [formatValue(ctx, proxy[0], recurseTimes), formatValue(ctx, proxy[1], recurseTimes)];
  ctx.indentationLvl -= 2;
  return joinEntries(ctx, parts, '', ['Proxy [', ']'], true, recurseTimes);
}

function formatPrimitive(stylize, value, ctx) {
  switch (typeof value) {
    case 'string': {
      let trailer = '';
      if (value.length > ctx.maxStringLength) {
        const remaining = value.length - ctx.maxStringLength;
        value = value.slice(0, ctx.maxStringLength);
        trailer = `... ${remaining} more character${remaining > 1 ? 's' : ''}`;
      }
      if (ctx.compact !== true && value.length > MIN_LINE_WIDTH &&
          value.length > ctx.breakLength - ctx.indentationLvl - 4) {
        const lines = value.split(/(?<=\n)/).map((line) => stylize(quote(line), 'string'));
        return lines.join(` +\n${' '.repeat(ctx.indentationLvl + 2)}`) + trailer;
      }
      return stylize(quote(value), 'string') + trailer;
    }
    case 'number': return formatNumber(stylize, value, ctx.numericSeparator);
    case 'bigint': return formatBigInt(stylize, value, ctx.numericSeparator);
    case 'boolean': return stylize(`${value}`, 'boolean');
    case 'undefined': return stylize('undefined', 'undefined');
    default: return stylize(Symbol.prototype.toString.call(value), 'symbol');
  }
}

function isInstance(value, constructor) {
  try {
    return value instanceof constructor;
  } catch {
    return false;
  }
}

function getConstructorName(object, ctx, recurseTimes, protoProps) {
  let firstProto;
  const start = object;
  while (object) {
    const own = Object.getOwnPropertyDescriptor(object, 'constructor');
    if (own !== undefined && typeof own.value === 'function' && own.value.name !== '' && isInstance(start, own.value)) {
      if (protoProps !== undefined && (firstProto !== object || !builtInObjects.has(own.value.name))) {
        addPrototypeProperties(ctx, start, firstProto || start, recurseTimes, protoProps);
      }
      return String(own.value.name);
    }
    object = Object.getPrototypeOf(object);
    if (firstProto === undefined) firstProto = object;
  }
  if (firstProto === null) return null;
  const name = engineName(start);
  if (recurseTimes > ctx.depth && ctx.depth !== null) return `${name} <Complex prototype>`;
  const protoName = getConstructorName(firstProto, ctx, recurseTimes + 1, protoProps);
  if (protoName !== null) return `${name} <${protoName}>`;
  return `${name} <${inspect(firstProto, { ...ctx, customInspect: false, depth: -1 })}>`;
}

// With showHidden, the accessors and values of up to three prototypes of the user's own.
function addPrototypeProperties(ctx, main, object, recurseTimes, output) {
  let keys = [];
  const known = new Set();
  for (let depth = 0; depth < 3; depth++) {
    if (depth !== 0 || main === object) {
      object = Object.getPrototypeOf(object);
      if (object === null) return;
      const own = Object.getOwnPropertyDescriptor(object, 'constructor');
      if (own !== undefined && typeof own.value === 'function' && builtInObjects.has(own.value.name)) return;
    }
    for (const key of keys) known.add(key);
    keys = Reflect.ownKeys(object);
    ctx.seen.push(main);
    for (const key of keys) {
      if (key === 'constructor' || Object.hasOwn(main, key) || known.has(key)) continue;
      const desc = Object.getOwnPropertyDescriptor(object, key);
      if (typeof desc.value === 'function') continue;
      const text = formatProperty(ctx, object, recurseTimes, key, kObjectType, desc, main);
      output.push(ctx.colors ? `\u001b[2m${text}\u001b[22m` : text);
    }
    ctx.seen.pop();
  }
}

function getPrefix(constructor, tag, fallback, size = '') {
  if (constructor === null) {
    if (tag !== '' && fallback !== tag) return `[${fallback}${size}: null prototype] [${tag}] `;
    return `[${fallback}${size}: null prototype] `;
  }
  if (tag !== '' && constructor !== tag) return `${constructor}${size} [${tag}] `;
  return `${constructor}${size} `;
}

function getKeys(value, showHidden) {
  const symbols = Object.getOwnPropertySymbols(value);
  if (showHidden) return [...Object.getOwnPropertyNames(value), ...symbols];
  let keys;
  try {
    keys = Object.keys(value);
  } catch {
    // A module whose bindings are not all initialised.
    keys = Object.getOwnPropertyNames(value);
  }
  for (const symbol of symbols) {
    if (Object.prototype.propertyIsEnumerable.call(value, symbol)) keys.push(symbol);
  }
  return keys;
}

const nonIndexKeys = (ctx, value) =>
  getOwnNonIndexProperties(value, ctx.showHidden ? constants.ALL_PROPERTIES : constants.ONLY_ENUMERABLE);

function getTag(ctx, value) {
  const tag = value[Symbol.toStringTag];
  if (typeof tag !== 'string' || tag === '') return '';
  // A tag that is listed as a property need not be told twice.
  const listed = ctx.showHidden ? Object.hasOwn(value, Symbol.toStringTag) :
    Object.prototype.propertyIsEnumerable.call(value, Symbol.toStringTag);
  return listed ? '' : tag;
}

function formatRaw(ctx, value, recurseTimes, typedArray) {
  let protoProps = ctx.showHidden && (recurseTimes <= ctx.depth || ctx.depth === null) ? [] : undefined;
  const constructor = getConstructorName(value, ctx, recurseTimes, protoProps);
  if (protoProps !== undefined && protoProps.length === 0) protoProps = undefined;
  const tag = getTag(ctx, value);
  const look = kinds.lookOf(ctx, value, { constructor, tag, recurseTimes, typedArray, protoProps });
  if (typeof look === 'string') return look;
  if (recurseTimes > ctx.depth && ctx.depth !== null) {
    const name = getPrefix(constructor, tag, 'Object').slice(0, -1);
    return ctx.stylize(constructor === null ? name : `[${name}]`, 'special');
  }
  recurseTimes += 1;
  ctx.seen.push(value);
  ctx.currentDepth = recurseTimes;
  const { braces, keys, extrasType } = look;
  let output;
  const indentation = ctx.indentationLvl;
  try {
    output = look.formatter === undefined ? [] : look.formatter(ctx, value, recurseTimes);
    for (let i = 0; i < keys.length; i++) output.push(formatProperty(ctx, value, recurseTimes, keys[i], extrasType));
    if (protoProps !== undefined) output.push(...protoProps);
  } catch (error) {
    if (!isStackOverflowError(error)) throw error;
    ctx.seen.pop();
    ctx.indentationLvl = indentation;
    const name = getPrefix(constructor, tag, 'Object').slice(0, -1);
    return ctx.stylize(
      `[${name}: Inspection interrupted prematurely. Maximum call stack size exceeded.]`, 'special');
  }
  const base = markCircular(ctx, value, look.base, braces);
  ctx.seen.pop();
  if (ctx.sorted) sortOutput(ctx, output, keys, extrasType);
  const text = joinEntries(ctx, output, base, braces, extrasType === kArrayExtrasType, recurseTimes, value);
  const used = (ctx.budget[ctx.indentationLvl] || 0) + text.length;
  ctx.budget[ctx.indentationLvl] = used;
  if (used > BUDGET) ctx.depth = -1;
  return text;
}

function markCircular(ctx, value, base, braces) {
  const index = ctx.circular?.get(value);
  if (index === undefined) return base;
  const reference = ctx.stylize(`<ref *${index}>`, 'special');
  if (ctx.compact !== true) return base === '' ? reference : `${reference} ${base}`;
  braces[0] = `${reference} ${braces[0]}`;
  return base;
}

function sortOutput(ctx, output, keys, extrasType) {
  const comparator = ctx.sorted === true ? undefined : ctx.sorted;
  if (extrasType === kObjectType) {
    output.sort(comparator);
  } else if (keys.length > 1) {
    const from = output.length - keys.length;
    output.splice(from, keys.length, ...output.slice(from).sort(comparator));
  }
}

function formatGetter(ctx, desc, original, recurseTimes) {
  const label = desc.set !== undefined ? 'Getter/Setter' : 'Getter';
  const { stylize } = ctx;
  const wanted = ctx.getters && (ctx.getters === true || (ctx.getters === 'get' && desc.set === undefined) ||
    (ctx.getters === 'set' && desc.set !== undefined));
  if (!wanted) return stylize(`[${label}]`, 'special');
  const wrapped = (text) => `${stylize(`[${label}:`, 'special')} ${text}${stylize(']', 'special')}`;
  try {
    const value = desc.get.call(original);
    ctx.indentationLvl += 2;
    let text;
    if (value === null) text = wrapped(stylize('null', 'null'));
    else if (typeof value === 'object') text = `${stylize(`[${label}]`, 'special')} ${formatValue(ctx, value, recurseTimes)}`;
    else text = wrapped(formatPrimitive(stylize, value, ctx));
    ctx.indentationLvl -= 2;
    return text;
  } catch (error) {
    return wrapped(`<Inspection threw (${error.message})>`);
  }
}

function formatKey(ctx, key, desc) {
  if (typeof key === 'symbol') return `[${ctx.stylize(escapeControls(Symbol.prototype.toString.call(key)), 'symbol')}]`;
  if (key === '__proto__') return "['__proto__']";
  if (desc.enumerable === false) return `[${escapeControls(key)}]`;
  if (/^[a-zA-Z_][a-zA-Z_0-9]*$/.test(key)) return ctx.stylize(key, 'name');
  return ctx.stylize(quote(key), 'string');
}

function formatProperty(ctx, value, recurseTimes, key, type, desc, original = value) {
  let text;
  let extra = ' ';
  desc ??= Object.getOwnPropertyDescriptor(value, key) ?? { value: value[key], configurable: true, enumerable: true };
  if (desc.value !== undefined) {
    const indent = ctx.compact !== true || type !== kObjectType ? 2 : 3;
    ctx.indentationLvl += indent;
    text = formatValue(ctx, desc.value, recurseTimes);
    if (indent === 3 && ctx.breakLength < getStringWidth(text, ctx.colors)) extra = `\n${' '.repeat(ctx.indentationLvl)}`;
    ctx.indentationLvl -= indent;
  } else if (desc.get !== undefined) {
    text = formatGetter(ctx, desc, original, recurseTimes);
  } else if (desc.set !== undefined) {
    text = ctx.stylize('[Setter]', 'special');
  } else {
    text = ctx.stylize('undefined', 'undefined');
  }
  return type === kArrayType ? text : `${formatKey(ctx, key, desc)}:${extra}${text}`;
}

// For a file that inspect and the kinds both need.
const shared = {
  builtInObjects, formatPrimitive, formatProperty, formatValue, getKeys, getPrefix, nonIndexKeys, stylizeNoColor,
  kArrayExtrasType, kArrayType, kObjectType,
};
const kinds = require('internal/util/inspect_kinds').connect(shared);

function isBuiltInToString(value) {
  const target = getProxyDetails(value, false);
  if (target !== undefined) {
    if (target === null) return true;
    value = target;
  }
  if (typeof value.toString !== 'function') return true;
  if (Object.hasOwn(value, 'toString')) return false;
  let owner = value;
  do owner = Object.getPrototypeOf(owner); while (!Object.hasOwn(owner, 'toString'));
  const own = Object.getOwnPropertyDescriptor(owner, 'constructor');
  return own !== undefined && typeof own.value === 'function' && builtInObjects.has(own.value.name);
}

function stringify(value) {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // Said in both engines' words for a cycle.
    if (error.name === 'TypeError' && /circular/.test(error.message)) return '[Circular]';
    throw error;
  }
}

const separates = (options) => options?.numericSeparator ?? inspectDefaultOptions.numericSeparator;

function formatS(value, options) {
  if (typeof value === 'number') return formatNumber(stylizeNoColor, value, separates(options));
  if (typeof value === 'bigint') return formatBigInt(stylizeNoColor, value, separates(options));
  if (typeof value !== 'object' || value === null || !isBuiltInToString(value)) return String(value);
  return inspect(value, { ...options, depth: 0, colors: false, compact: 3 });
}

function formatDigits(value, convert, options) {
  if (typeof value === 'bigint' && convert !== Number.parseFloat) {
    return formatBigInt(stylizeNoColor, value, separates(options));
  }
  return formatNumber(stylizeNoColor, typeof value === 'symbol' ? NaN : convert(value), separates(options));
}

// The text for one %x, or undefined when x means nothing.
function formatSpecifier(letter, value, options) {
  switch (letter) {
    case 's': return formatS(value, options);
    case 'j': return `${stringify(value)}`;
    case 'd': return formatDigits(value, Number, options);
    case 'i': return formatDigits(value, Number.parseInt, options);
    case 'f': return formatDigits(value, Number.parseFloat, options);
    case 'O': return inspect(value, options);
    case 'o': return inspect(value, { ...options, showHidden: true, showProxy: true, depth: 4 });
    case 'c': return '';
    default: return undefined;
  }
}

function formatWithOptionsInternal(options, args) {
  const first = args[0];
  let next = 0;
  let text = '';
  let join = '';
  if (typeof first === 'string') {
    if (args.length === 1) return first;
    let done = 0;
    for (let i = first.indexOf('%'); i !== -1 && i < first.length - 1; i = first.indexOf('%', i)) {
      const letter = first[i + 1];
      const part = letter === '%' ? '%' : next + 1 === args.length ? undefined :
        formatSpecifier(letter, args[next + 1], options);
      if (part === undefined) {
        i += 2;
        continue;
      }
      if (letter !== '%') next++;
      text += first.slice(done, i) + part;
      i += 2;
      done = i;
    }
    if (done !== 0) {
      next++;
      join = ' ';
      text += first.slice(done);
    }
  }
  for (; next < args.length; next++) {
    const value = args[next];
    text += join + (typeof value === 'string' ? value : inspect(value, options));
    join = ' ';
  }
  return text;
}

function format(...args) {
  return formatWithOptionsInternal(undefined, args);
}

function formatWithOptions(inspectOptions, ...args) {
  validateObject(inspectOptions, 'inspectOptions', kValidateObjectAllowArray);
  return formatWithOptionsInternal(inspectOptions, args);
}

function stripChecked(text) {
  validateString(text, 'str');
  return stripVTControlCharacters(text);
}

module.exports = {
  format,
  formatWithOptions,
  formatWithOptionsInternal,
  getStringWidth,
  inspect,
  inspectDefaultOptions,
  stripVTControlCharacters: stripChecked,
  stylizeWithColor,
};
