// How inspect shows an error: its stack, under a name that tells its class. Must not look at the error's further keys
// beyond taking out those that the stack tells already.
'use strict';

const types = require('internal/util/types');

const stackOf = (error) => (error.stack ? String(error.stack) : Error.prototype.toString.call(error));
const isError = (value) => types.isNativeError(value) || value instanceof Error;

function dropToldKeys(ctx, keys, error, stack) {
  if (ctx.showHidden || keys.length === 0) return;
  for (const name of ['name', 'message', 'stack']) {
    const index = keys.indexOf(name);
    // Only what the stack includes is told.
    if (index !== -1 && (typeof error[name] !== 'string' || stack.includes(error[name]))) keys.splice(index, 1);
  }
}

// A class that does not set `name` has its own name put in front all the same.
function nameStack(stack, constructor, name, tag, getPrefix) {
  let length = name.length;
  const named = name.endsWith('Error') && stack.startsWith(name) &&
    (stack.length === length || stack[length] === ':' || stack[length] === '\n');
  if (constructor !== null && !named) return stack;
  let fallback = 'Error';
  if (constructor === null) {
    const start = /^([A-Z][a-z_ A-Z0-9[\]()-]+)(?::|\n\s+at)/.exec(stack) || /^([a-z_A-Z0-9-]*Error)$/.exec(stack);
    fallback = (start && start[1]) || '';
    length = fallback.length;
    fallback ||= 'Error';
  }
  const prefix = getPrefix(constructor, tag, fallback).slice(0, -1);
  if (name === prefix) return stack;
  if (!prefix.includes(name)) return `${prefix} [${name}]${stack.slice(length)}`;
  return length === 0 ? `${prefix}: ${stack}` : `${prefix}${stack.slice(length)}`;
}

// The longest run of frames at the end that the cause shares: [length, where it begins].
function sharedFrames(frames, causeFrames) {
  for (let i = 0; i < frames.length - 3; i++) {
    const at = causeFrames.indexOf(frames[i]);
    if (at === -1) continue;
    const rest = causeFrames.length - at;
    if (rest <= 3) continue;
    let length = 1;
    const max = Math.min(frames.length - i, rest);
    while (length < max && frames[i + length] === causeFrames[at + length]) length++;
    if (length > 3) return [length, i];
  }
  return [0, 0];
}

function framesOf(ctx, error, text) {
  const frames = text.split('\n');
  let cause;
  try {
    ({ cause } = error);
  } catch {
    // A getter that throws shows no cause.
  }
  if (cause == null || !isError(cause)) return frames;
  const causeStack = stackOf(cause);
  const start = causeStack.indexOf('\n    at');
  if (start === -1) return frames;
  const [length, offset] = sharedFrames(frames, causeStack.slice(start + 1).split('\n'));
  if (length > 3) {
    const skipped = length - 2;
    frames.splice(offset + 1, skipped, ctx.stylize(`    ... ${skipped} lines matching cause stack trace ...`, 'undefined'));
  }
  return frames;
}

// With colours, frames of the runtime itself are grey and a package's name is underlined.
function colourFrame(ctx, line) {
  if (/\(?node:/.test(line)) return ctx.stylize(line, 'undefined');
  return line.replace(/([/\\]node_modules[/\\])((?:@[^/\\]+[/\\])?[^/\\]+)/g, (_, dir, name) =>
    dir + ctx.stylize(name, 'module'));
}

function formatError(ctx, error, constructor, tag, keys, getPrefix) {
  const name = error.name != null ? String(error.name) : 'Error';
  let stack = stackOf(error);
  dropToldKeys(ctx, keys, error, stack);
  if ('cause' in error && !keys.includes('cause')) keys.push('cause');
  if (Array.isArray(error.errors) && !keys.includes('errors')) keys.push('errors');
  stack = nameStack(stack, constructor, name, tag, getPrefix);
  // A message may look like frames.
  let from = (error.message && stack.indexOf(error.message)) || -1;
  if (from !== -1) from += error.message.length;
  const at = stack.indexOf('\n    at', from);
  if (at === -1) {
    stack = `[${stack}]`;
  } else {
    let lines = framesOf(ctx, error, stack.slice(at + 1));
    if (ctx.colors) lines = lines.map((line) => colourFrame(ctx, line));
    stack = `${stack.slice(0, at)}\n${lines.join('\n')}`;
  }
  if (ctx.indentationLvl !== 0) stack = stack.replaceAll('\n', `\n${' '.repeat(ctx.indentationLvl)}`);
  return stack;
}

module.exports = { formatError, isError };
