// Responses as handlers make them by the thousand: text or nothing, perhaps a status and a plain object of fields. What was
// given is checked and kept; the standard's records and lists are made of it when somebody looks. Whatever is not that
// plain goes the package's own way, its errors too. Must not know how a response is sent.
'use strict';

const kQuick = Symbol('quick');

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/;
const NO_FIELDS = [];

const isPlain = (object) => Object.getPrototypeOf(object) === Object.prototype;

// [name, value, ...], or null.
function plainFields(given) {
  if (given === undefined) return NO_FIELDS;
  if (given === null || typeof given !== 'object' || !isPlain(given) || given[Symbol.iterator] !== undefined) return null;
  const fields = [];
  for (const name of Reflect.ownKeys(given)) {
    if (typeof name !== 'string' || !NAME.test(name)) return null;
    const value = given[name];
    if (typeof value !== 'string' || !VALUE.test(value)) return null;
    for (let i = 0; i < fields.length; i += 2) if (fields[i].toLowerCase() === name.toLowerCase()) return null;
    fields.push(name, value);
  }
  return fields;
}

// { body, status, fields }, or null.
function quick(body, init) {
  if (typeof body !== 'string' && body !== null) return null;
  if (typeof body === 'string' && !body.isWellFormed()) return null;
  if (init === undefined) return { body, status: 200, fields: NO_FIELDS };
  if (init === null || typeof init !== 'object' || !isPlain(init) || init.statusText !== undefined) return null;
  const { status = 200 } = init;
  if (!Number.isInteger(status) || status < 200 || status > 599) return null;
  if (body !== null && (status === 204 || status === 205 || status === 304)) return null;
  const fields = plainFields(init.headers);
  return fields === null ? null : { body, status, fields };
}

// Gives responses their records when they are asked for: `make` fills one from what was kept.
function install(prototype, keys, make) {
  for (const key of keys) {
    Object.defineProperty(prototype, key, {
      configurable: true,
      get() {
        const kept = this[kQuick];
        if (kept === undefined || kept === null) return undefined;
        this[kQuick] = null;
        make(this, kept);
        return this[key];
      },
      set(value) {
        Object.defineProperty(this, key, { value, writable: true, configurable: true, enumerable: false });
      },
    });
  }
}

module.exports = { kQuick, quick, install };
