// Which language tags are well-formed, and which of them are known: English as the United States write it, and no other. A
// tag that is not known falls back to it, as in a Node that was built with English alone; resolvedOptions() says so. Must not
// know what is formatted.
'use strict';

const DEFAULT = 'en-US';
const KNOWN = new Set(['en', 'en-US']);
const WELL_FORMED = /^(?:[a-z]{2,3}|[a-z]{5,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?$/i;

// Language small, script with a capital, region large; extensions small.
function canonical(tag) {
  if (typeof tag !== 'string' && (typeof tag !== 'object' || tag === null)) {
    throw new TypeError('Incorrect locale information provided');
  }
  const text = String(tag);
  if (!WELL_FORMED.test(text)) throw new RangeError(`Incorrect locale information provided`);
  let inExtension = false;
  return text.split('-').map((part, i) => {
    inExtension ||= i > 0 && part.length === 1;
    if (i === 0 || inExtension) return part.toLowerCase();
    if (part.length === 2) return part.toUpperCase();
    return part.length === 4 && !/^\d/.test(part) ? part[0].toUpperCase() + part.slice(1).toLowerCase() : part.toLowerCase();
  }).join('-');
}

function canonicalList(locales) {
  if (locales === undefined) return [];
  if (locales === null) throw new TypeError('Cannot convert undefined or null to object');
  const list = typeof locales === 'string' || !Array.isArray(locales) && typeof locales[Symbol.iterator] !== 'function'
    ? [locales] : [...locales];
  return [...new Set(list.map(canonical))];
}

const withoutExtensions = (tag) => tag.replace(/-[a-z0-9](?:-.*)?$/i, '');
const supported = (list) => list.filter((tag) => KNOWN.has(withoutExtensions(tag)));
const resolve = (locales) => {
  const found = supported(canonicalList(locales))[0];
  return found === undefined ? DEFAULT : withoutExtensions(found);
};

// One of a few words, or the usual one.
function choose(options, name, values, usual) {
  const value = options[name];
  if (value === undefined) return usual;
  const text = String(value);
  if (!values.includes(text)) throw new RangeError(`Value ${text} out of range for Intl options property ${name}`);
  return text;
}

const readOptions = (options) => {
  if (options === null) throw new TypeError('Cannot convert undefined or null to object');
  return options === undefined ? {} : Object(options);
};

// The parts that every service has alike.
function finish(Service, name) {
  Object.defineProperty(Service.prototype, Symbol.toStringTag, { value: `Intl.${name}`, configurable: true });
  Object.defineProperty(Service, 'supportedLocalesOf', {
    value: function supportedLocalesOf(locales) { return supported(canonicalList(locales)); }, writable: true, configurable: true,
  });
  return Service;
}

// Some services may be called without `new`.
const callable = (Service) => new Proxy(Service, { apply: (target, self, args) => new Service(...args) });

module.exports = { callable, canonicalList, choose, finish, readOptions, resolve };
