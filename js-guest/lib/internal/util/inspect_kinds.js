// What each kind of object looks like to inspect: its braces, what stands before them, the entries that are no
// properties. Knows text and types; goes back to inspect for the values inside.
'use strict';

const { getConstructorName, getPromiseDetails, previewEntries, constants: { kPending, kRejected } } = internalBinding('util');
const { joinEntries, formatBigInt, formatNumber } = require('internal/util/inspect_text');
const types = require('internal/util/types');
const errors = require('internal/util/inspect_error');

let formatValue;
let formatProperty;
let formatPrimitive;
let getKeys;
let getPrefix;
let nonIndexKeys;
let stylizeNoColor;
let kArrayExtrasType;
let kArrayType;
let kObjectType;

// Called by inspect with its own functions: each file needs the other.
function connect(shared) {
  ({
    formatValue, formatProperty, formatPrimitive, getKeys, getPrefix, nonIndexKeys, stylizeNoColor, kArrayExtrasType,
    kArrayType, kObjectType,
  } = shared);
  return { lookOf };
}

const plural = (count) => (count > 1 ? 's' : '');
const moreItems = (count) => `... ${count} more item${plural(count)}`;

// { braces, keys, base, formatter, extrasType }, or the whole text when there is nothing to list.
function lookOf(ctx, value, about) {
  const look = { braces: ['{', '}'], keys: undefined, base: '', formatter: undefined, extrasType: kObjectType };
  if (value[Symbol.iterator] || about.constructor === null) {
    const found = iterableLook(ctx, value, about, look);
    if (found !== undefined) return found;
  }
  look.keys = getKeys(value, ctx.showHidden);
  return objectLook(ctx, value, about, look);
}

const isBare = (look, about) => look.keys.length === 0 && about.protoProps === undefined;

function iterableLook(ctx, value, about, look) {
  const { constructor, tag } = about;
  if (Array.isArray(value)) {
    const prefix = constructor !== 'Array' || tag !== '' ? getPrefix(constructor, tag, 'Array', `(${value.length})`) : '';
    look.keys = nonIndexKeys(ctx, value);
    look.braces = [`${prefix}[`, ']'];
    if (value.length === 0 && isBare(look, about)) return `${look.braces[0]}]`;
    look.extrasType = kArrayExtrasType;
    look.formatter = formatArray;
    return look;
  }
  if (types.isSet(value) || types.isMap(value)) {
    const isSet = types.isSet(value);
    const { size } = isSet ? setEntries(value) : mapEntries(value);
    const prefix = getPrefix(constructor, tag, isSet ? 'Set' : 'Map', `(${size})`);
    look.keys = getKeys(value, ctx.showHidden);
    if (size === 0 && isBare(look, about)) return `${prefix}{}`;
    look.braces = [`${prefix}{`, '}'];
    look.formatter = isSet ? formatSet : formatMap;
    return look;
  }
  if (types.isTypedArray(value)) {
    const length = typedArrayLength(value);
    const fallback = constructor === null ? typedArrayName(value) : '';
    look.keys = nonIndexKeys(ctx, value);
    look.braces = [`${getPrefix(constructor, tag, fallback, `(${length})`)}[`, ']'];
    if (length === 0 && look.keys.length === 0 && !ctx.showHidden) return `${look.braces[0]}]`;
    look.extrasType = kArrayExtrasType;
    look.formatter = (c, array, recurseTimes) => formatTypedArray(c, array, length, recurseTimes);
    return look;
  }
  if (types.isMapIterator(value) || types.isSetIterator(value)) {
    look.keys = getKeys(value, ctx.showHidden);
    look.braces = iteratorBraces(types.isMapIterator(value) ? 'Map' : 'Set', tag);
    look.formatter = (c, iterator, recurseTimes) => formatIterator(c, iterator, recurseTimes, look.braces);
    return look;
  }
  return undefined;
}

const mapSize = Object.getOwnPropertyDescriptor(Map.prototype, 'size').get;
const setSize = Object.getOwnPropertyDescriptor(Set.prototype, 'size').get;
const typedArrayProto = Object.getPrototypeOf(Uint8Array.prototype);
const lengthGetter = Object.getOwnPropertyDescriptor(typedArrayProto, 'length').get;
const nameGetter = Object.getOwnPropertyDescriptor(typedArrayProto, Symbol.toStringTag).get;
const typedArrayLength = (value) => lengthGetter.call(value);
const typedArrayName = (value) => nameGetter.call(value);
const setEntries = (value) => ({ size: setSize.call(value), items: Set.prototype.values.call(value) });
const mapEntries = (value) => ({ size: mapSize.call(value), items: Map.prototype.entries.call(value) });

function objectLook(ctx, value, about, look) {
  const { constructor, tag } = about;
  if (typeof value !== 'function' && constructor === 'Object' && !isSpecial(value)) {
    if (types.isArgumentsObject(value)) look.braces[0] = '[Arguments] {';
    else if (tag !== '') look.braces[0] = `${getPrefix(constructor, tag, 'Object')}{`;
    return isBare(look, about) ? `${look.braces[0]}}` : look;
  }
  if (typeof value === 'function') {
    look.base = functionBase(value, constructor, tag);
    return isBare(look, about) ? ctx.stylize(look.base, 'special') : look;
  }
  if (types.isRegExp(value)) {
    const prefix = getPrefix(constructor, tag, 'RegExp');
    look.base = RegExp.prototype.toString.call(constructor !== null ? value : new RegExp(value));
    if (prefix !== 'RegExp ') look.base = `${prefix}${look.base}`;
    const tooDeep = about.recurseTimes > ctx.depth && ctx.depth !== null;
    return isBare(look, about) || tooDeep ? ctx.stylize(look.base, 'regexp') : look;
  }
  if (types.isDate(value)) {
    const prefix = getPrefix(constructor, tag, 'Date');
    const time = Date.prototype.getTime.call(value);
    look.base = Number.isNaN(time) ? Date.prototype.toString.call(value) : Date.prototype.toISOString.call(value);
    if (prefix !== 'Date ') look.base = `${prefix}${look.base}`;
    return isBare(look, about) ? ctx.stylize(look.base, 'date') : look;
  }
  if (types.isNativeError(value) || value instanceof Error) {
    look.base = errors.formatError(ctx, value, constructor, tag, look.keys, getPrefix);
    return isBare(look, about) ? look.base : look;
  }
  if (types.isBoxedPrimitive(value)) {
    look.base = boxedBase(ctx, value, look.keys, constructor, tag);
    return isBare(look, about) ? look.base : look;
  }
  return exoticLook(ctx, value, about, look);
}

// Kinds with a look of their own even when their constructor says Object.
const isSpecial = (value) =>
  types.isRegExp(value) || types.isDate(value) || types.isNativeError(value) || types.isBoxedPrimitive(value) ||
  types.isAnyArrayBuffer(value) || types.isDataView(value) || types.isPromise(value) || types.isWeakSet(value) ||
  types.isWeakMap(value) || types.isModuleNamespaceObject(value) || value instanceof Error;

function exoticLook(ctx, value, about, look) {
  const { constructor, tag } = about;
  const brace = (fallback) => { look.braces[0] = `${getPrefix(constructor, tag, fallback)}{`; };
  if (types.isAnyArrayBuffer(value)) {
    const fallback = types.isArrayBuffer(value) ? 'ArrayBuffer' : 'SharedArrayBuffer';
    if (about.typedArray === undefined) {
      look.formatter = formatArrayBuffer;
    } else if (isBare(look, about)) {
      const length = formatNumber(ctx.stylize, value.byteLength, false);
      return `${getPrefix(constructor, tag, fallback)}{ byteLength: ${length} }`;
    }
    brace(fallback);
    look.keys.unshift('byteLength');
  } else if (types.isDataView(value)) {
    brace('DataView');
    // They are accessors of the prototype: they count as properties.
    look.keys.unshift('byteLength', 'byteOffset', 'buffer');
  } else if (types.isPromise(value)) {
    brace('Promise');
    look.formatter = formatPromise;
  } else if (types.isWeakSet(value)) {
    brace('WeakSet');
    look.formatter = ctx.showHidden ? formatWeakSet : formatUnknownItems;
  } else if (types.isWeakMap(value)) {
    brace('WeakMap');
    look.formatter = ctx.showHidden ? formatWeakMap : formatUnknownItems;
  } else if (types.isModuleNamespaceObject(value)) {
    brace('Module');
    const names = look.keys;
    look.keys = [];
    look.formatter = (c, module, recurseTimes) => names.map((key) => formatBinding(c, module, recurseTimes, key));
  } else {
    const fallback = constructor === null ? getConstructorName(value) : 'Object';
    if (isBare(look, about)) return `${getPrefix(constructor, tag, fallback)}{}`;
    brace(fallback);
  }
  return look;
}

const COMMENTS = /(\/\/.*?\n)|(\/\*(.|\n)*?\*\/)/g;

function isClass(source) {
  if (!source.startsWith('class') || !source.endsWith('}')) return false;
  const body = source.slice(5, -1);
  const brace = body.indexOf('{');
  return brace !== -1 && (!body.slice(0, brace).includes('(') || /^(\s+[^(]*?)\s*{/.test(body.replace(COMMENTS, '')));
}

function functionBase(value, constructor, tag) {
  if (isClass(Function.prototype.toString.call(value))) return classBase(value, constructor, tag);
  let type = 'Function';
  if (types.isGeneratorFunction(value)) type = `Generator${type}`;
  if (types.isAsyncFunction(value)) type = `Async${type}`;
  let base = `[${type}`;
  if (constructor === null) base += ' (null prototype)';
  base += value.name === '' ? ' (anonymous)' : `: ${typeof value.name === 'string' ? value.name : String(value.name)}`;
  base += ']';
  if (constructor !== type && constructor !== null) base += ` ${constructor}`;
  if (tag !== '' && constructor !== tag) base += ` [${tag}]`;
  return base;
}

function classBase(value, constructor, tag) {
  let base = `class ${(Object.hasOwn(value, 'name') && value.name) || '(anonymous)'}`;
  if (constructor !== 'Function' && constructor !== null) base += ` [${constructor}]`;
  if (tag !== '' && constructor !== tag) base += ` [${tag}]`;
  if (constructor === null) {
    base += ' extends null';
  } else {
    const superName = Object.getPrototypeOf(value).name;
    if (superName) base += ` extends ${superName}`;
  }
  return `[${base}]`;
}

const BOXES = [
  [types.isNumberObject, Number.prototype.valueOf, 'Number'],
  [types.isStringObject, String.prototype.valueOf, 'String'],
  [types.isBooleanObject, Boolean.prototype.valueOf, 'Boolean'],
  [types.isBigIntObject, BigInt.prototype.valueOf, 'BigInt'],
  [types.isSymbolObject, Symbol.prototype.valueOf, 'Symbol'],
];

function boxedBase(ctx, value, keys, constructor, tag) {
  const [, unbox, type] = BOXES.find(([test]) => test(value));
  // A String's characters are listed among its keys.
  if (type === 'String') keys.splice(0, value.length);
  let base = `[${type}`;
  if (type !== constructor) base += constructor === null ? ' (null prototype)' : ` (${constructor})`;
  base += `: ${formatPrimitive(stylizeNoColor, unbox.call(value), ctx)}]`;
  if (tag !== '' && tag !== constructor) base += ` [${tag}]`;
  return keys.length !== 0 || ctx.stylize === stylizeNoColor ? base : ctx.stylize(base, type.toLowerCase());
}

const shownLength = (ctx, length) => Math.min(Math.max(0, ctx.maxArrayLength), length);

function formatArray(ctx, value, recurseTimes) {
  const length = value.length;
  const shown = shownLength(ctx, length);
  const output = [];
  for (let i = 0; i < shown; i++) {
    if (!Object.hasOwn(value, i)) return formatSparse(ctx, value, recurseTimes, shown, output, i);
    output.push(formatProperty(ctx, value, recurseTimes, i, kArrayType));
  }
  if (length > shown) output.push(moreItems(length - shown));
  return output;
}

function formatSparse(ctx, value, recurseTimes, shown, output, i) {
  const keys = Object.keys(value);
  const hole = (count) => ctx.stylize(`<${count} empty item${plural(count)}>`, 'undefined');
  let index = i;
  for (; i < keys.length && output.length < shown; i++) {
    const key = keys[i];
    if (!/^(0|[1-9][0-9]*)$/.test(key) || key > 2 ** 32 - 2) break;
    if (`${index}` !== key) {
      output.push(hole(key - index));
      index = Number(key);
      if (output.length === shown) break;
    }
    output.push(formatProperty(ctx, value, recurseTimes, key, kArrayType));
    index++;
  }
  const remaining = value.length - index;
  if (remaining > 0) output.push(output.length === shown ? moreItems(remaining) : hole(remaining));
  return output;
}

function formatTypedArray(ctx, value, length, recurseTimes) {
  const shown = shownLength(ctx, length);
  const output = new Array(shown);
  const formatElement = length > 0 && typeof value[0] === 'number' ? formatNumber : formatBigInt;
  for (let i = 0; i < shown; i++) output[i] = formatElement(ctx.stylize, value[i], ctx.numericSeparator);
  if (length > shown) output.push(moreItems(length - shown));
  if (ctx.showHidden) {
    ctx.indentationLvl += 2;
    for (const key of ['BYTES_PER_ELEMENT', 'length', 'byteLength', 'byteOffset', 'buffer']) {
      output.push(`[${key}]: ${formatValue(ctx, value[key], recurseTimes, true)}`);
    }
    ctx.indentationLvl -= 2;
  }
  return output;
}

function formatItems(ctx, size, items, formatItem) {
  const shown = shownLength(ctx, size);
  const output = [];
  ctx.indentationLvl += 2;
  for (const item of items) {
    if (output.length >= shown) break;
    output.push(formatItem(item));
  }
  if (size > shown) output.push(moreItems(size - shown));
  ctx.indentationLvl -= 2;
  return output;
}

function formatSet(ctx, value, recurseTimes) {
  const { size, items } = setEntries(value);
  return formatItems(ctx, size, items, (item) => formatValue(ctx, item, recurseTimes));
}

function formatMap(ctx, value, recurseTimes) {
  const { size, items } = mapEntries(value);
  return formatItems(ctx, size, items, (item) =>
    `${formatValue(ctx, item[0], recurseTimes)} => ${formatValue(ctx, item[1], recurseTimes)}`);
}

function pairsOf(list) {
  const pairs = [];
  for (let i = 0; i < list.length; i += 2) pairs.push([list[i], list[i + 1]]);
  return pairs;
}

function sortedUnless(ctx, output) {
  return ctx.sorted ? output : output.sort();
}

function formatWeakSet(ctx, value, recurseTimes) {
  const entries = previewEntries(value);
  return sortedUnless(ctx, formatItems(ctx, entries.length, entries, (item) => formatValue(ctx, item, recurseTimes)));
}

function formatWeakMap(ctx, value, recurseTimes) {
  const pairs = pairsOf(previewEntries(value));
  return sortedUnless(ctx, formatItems(ctx, pairs.length, pairs, ([key, item]) =>
    `${formatValue(ctx, key, recurseTimes)} => ${formatValue(ctx, item, recurseTimes)}`));
}

function iteratorBraces(type, tag) {
  if (tag !== `${type} Iterator`) {
    if (tag !== '') tag += '] [';
    tag += `${type} Iterator`;
  }
  return [`[${tag}] {`, '}'];
}

function formatIterator(ctx, value, recurseTimes, braces) {
  const [entries, isPairs] = previewEntries(value, true);
  if (!isPairs) {
    return formatItems(ctx, entries.length, entries, (item) => formatValue(ctx, item, recurseTimes));
  }
  braces[0] = braces[0].replace(/ Iterator] {$/, ' Entries] {');
  const pairs = pairsOf(entries);
  return formatItems(ctx, pairs.length, pairs, (pair) => {
    const parts = [formatValue(ctx, pair[0], recurseTimes), formatValue(ctx, pair[1], recurseTimes)];
    return joinEntries(ctx, parts, '', ['[', ']'], true, recurseTimes);
  });
}

function formatArrayBuffer(ctx, value) {
  let bytes;
  try {
    bytes = new Uint8Array(value);
  } catch {
    return [ctx.stylize('(detached)', 'special')];
  }
  const { hexSlice } = internalBinding('buffer').methods;
  let text = hexSlice.call(bytes, 0, shownLength(ctx, bytes.length)).replace(/(.{2})/g, '$1 ').trim();
  const remaining = bytes.length - ctx.maxArrayLength;
  if (remaining > 0) text += ` ... ${remaining} more byte${plural(remaining)}`;
  return [`${ctx.stylize('[Uint8Contents]', 'special')}: <${text}>`];
}

function formatPromise(ctx, value, recurseTimes) {
  const [state, result] = getPromiseDetails(value);
  if (state === kPending) return [ctx.stylize('<pending>', 'special')];
  ctx.indentationLvl += 2;
  const text = formatValue(ctx, result, recurseTimes);
  ctx.indentationLvl -= 2;
  return [state === kRejected ? `${ctx.stylize('<rejected>', 'special')} ${text}` : text];
}

const formatUnknownItems = (ctx) => [ctx.stylize('<items unknown>', 'special')];

function formatBinding(ctx, module, recurseTimes, key) {
  try {
    return formatProperty(ctx, module, recurseTimes, key, kObjectType);
  } catch {
    // A binding that is not initialised yet.
    const text = formatProperty(ctx, { [key]: '' }, recurseTimes, key, kObjectType);
    return text.slice(0, text.lastIndexOf(' ') + 1) + ctx.stylize('<uninitialized>', 'special');
  }
}

module.exports = { connect };
