// SETTINGS (RFC 9113, section 6.5): a script's object, checked, to pairs and back, and http2's functions that show them.
// Knows no connection.
'use strict';

const { codes: {
  ERR_HTTP2_INVALID_PACKED_SETTINGS_LENGTH, ERR_HTTP2_INVALID_SETTING_VALUE, ERR_INVALID_ARG_TYPE,
} } = require('internal/errors');
const { validateObject } = require('internal/validators');

const MOST = 2 ** 32 - 1;
const MOST_WINDOW = 2 ** 31 - 1;

const id = {
  headerTableSize: 1, enablePush: 2, maxConcurrentStreams: 3, initialWindowSize: 4, maxFrameSize: 5, maxHeaderListSize: 6,
  enableConnectProtocol: 8,
};
const names = Object.fromEntries(Object.entries(id).map(([name, number]) => [number, name]));
const ranges = {
  headerTableSize: [0, MOST], maxConcurrentStreams: [0, MOST], initialWindowSize: [0, MOST], maxFrameSize: [16384, 2 ** 24 - 1],
  maxHeaderListSize: [0, MOST],
};
const ORDER = Object.keys(id);

// What holds before a peer has said anything, as a script sees it.
const initial = () => ({
  headerTableSize: 4096, enablePush: true, initialWindowSize: 65535, maxFrameSize: 16384, maxConcurrentStreams: MOST,
  maxHeaderListSize: MOST, maxHeaderSize: MOST, enableConnectProtocol: false,
});

const defaults = () => ({
  __proto__: null, headerTableSize: 4096, enablePush: true, initialWindowSize: 65535, maxFrameSize: 16384, maxConcurrentStreams: MOST,
  maxHeaderSize: 65535, maxHeaderListSize: 65535, enableConnectProtocol: false,
});

function within(name, value, [min, max]) {
  if (value === undefined) return;
  if (typeof value === 'number' && value >= min && value <= max) return;
  throw new ERR_HTTP2_INVALID_SETTING_VALUE.RangeError(name, value, min, max);
}

function validate(settings, label = 'settings') {
  if (settings === undefined) return settings;
  validateObject(settings, label);
  for (const name of ['headerTableSize', 'initialWindowSize', 'maxFrameSize', 'maxConcurrentStreams']) {
    within(name, settings[name], ranges[name]);
  }
  within('maxHeaderListSize', settings.maxHeaderListSize, ranges.maxHeaderListSize);
  within('maxHeaderSize', settings.maxHeaderSize, ranges.maxHeaderListSize);
  for (const name of ['enablePush', 'enableConnectProtocol']) {
    if (settings[name] !== undefined && typeof settings[name] !== 'boolean') {
      throw new ERR_HTTP2_INVALID_SETTING_VALUE(name, settings[name]);
    }
  }
  return settings;
}

// A script's settings as pairs, flat; what it did not name is not told.
function toPairs(settings) {
  const pairs = [];
  for (const name of ORDER) {
    const value = name === 'maxHeaderListSize' ? settings.maxHeaderListSize ?? settings.maxHeaderSize : settings[name];
    if (value !== undefined) pairs.push(id[name], Number(value));
  }
  return pairs;
}

// One pair into an object as scripts see it; an unknown one is passed over.
function apply(settings, number, value) {
  const name = names[number];
  if (name === undefined) return;
  settings[name] = name.startsWith('enable') ? value !== 0 : value;
  if (name === 'maxHeaderListSize') settings.maxHeaderSize = value;
}

function getPackedSettings(settings) {
  if (settings !== undefined) validate(settings);
  const pairs = toPairs(settings ?? {});
  const bytes = Buffer.allocUnsafe(pairs.length * 3);
  for (let i = 0; i < pairs.length; i += 2) {
    bytes.writeUInt16BE(pairs[i], i * 3);
    bytes.writeUInt32BE(pairs[i + 1], i * 3 + 2);
  }
  return bytes;
}

function getUnpackedSettings(bytes, options = {}) {
  if (!ArrayBuffer.isView(bytes) || bytes.length === undefined) {
    throw new ERR_INVALID_ARG_TYPE('buf', ['Buffer', 'TypedArray'], bytes);
  }
  const view = Buffer.from(bytes); // an octet is an element, whatever its size
  if (view.length % 6 !== 0) throw new ERR_HTTP2_INVALID_PACKED_SETTINGS_LENGTH();
  const settings = {};
  for (let at = 0; at < view.length; at += 6) apply(settings, view.readUInt16BE(at), view.readUInt32BE(at + 2));
  if (options?.validate) validate(settings);
  return settings;
}

module.exports = { id, initial, validate, toPairs, apply, getDefaultSettings: defaults, getPackedSettings, getUnpackedSettings, MOST_WINDOW };
