// util.MIMEType and MIMEParams: type/subtype;name=value as the WHATWG standard reads it.
'use strict';

const { codes: { ERR_INVALID_MIME_SYNTAX } } = require('internal/errors');

const NOT_TOKEN = /[^!#$%&'*+\-.^_`|~A-Za-z0-9]/;
const NOT_QUOTED = /[^\t\u0020-~\u0080-\u00FF]/;
const trim = (text) => text.replace(/^[\r\n\t ]+|[\r\n\t ]+$/g, '');

function parseType(text) {
  const slash = text.indexOf('/');
  const start = text.search(/[^\r\n\t ]/);
  const type = slash === -1 ? trim(text) : text.slice(start === -1 ? 0 : start, slash);
  const badType = type.search(NOT_TOKEN);
  if (type === '' || badType !== -1 || slash === -1) throw new ERR_INVALID_MIME_SYNTAX('type', text, badType);
  const rest = text.slice(slash + 1);
  const end = rest.indexOf(';');
  const subtype = trim(end === -1 ? rest : rest.slice(0, end));
  const badSubtype = subtype.search(NOT_TOKEN);
  if (subtype === '' || badSubtype !== -1) throw new ERR_INVALID_MIME_SYNTAX('subtype', text, badSubtype);
  return { type: type.toLowerCase(), subtype: subtype.toLowerCase(), params: end === -1 ? '' : rest.slice(end + 1) };
}

function check(production, value, pattern) {
  const bad = value.search(pattern);
  if (bad !== -1) throw new ERR_INVALID_MIME_SYNTAX(production, value, bad);
}

let fillParams;

class MIMEParams {
  #data = new Map();

  static {
    fillParams = (params, text) => {
      const field = /\s*([^;=]*)(?:=(?:"((?:[^"\\]|\\.)*)"?[^;]*|([^;]*)))?(?:;|$)/gy;
      for (let match; (match = field.exec(text)) !== null && (match[0] !== '' || field.lastIndex < text.length);) {
        const [, rawName, quoted, plain] = match;
        const name = rawName.toLowerCase();
        const value = quoted !== undefined ? quoted.replace(/\\(.)/g, '$1') : plain === undefined ? undefined : trim(plain);
        const isValid = name !== '' && !NOT_TOKEN.test(name) && value !== undefined && !NOT_QUOTED.test(value) &&
          (value !== '' || quoted !== undefined);
        if (isValid && !params.#data.has(name)) params.#data.set(name, value);
        if (field.lastIndex >= text.length) break;
      }
    };
  }

  delete(name) {
    this.#data.delete(`${name}`);
  }

  get(name) {
    return this.#data.get(`${name}`) ?? null;
  }

  has(name) {
    return this.#data.has(`${name}`);
  }

  set(name, value) {
    name = `${name}`;
    value = `${value}`;
    check('parameter name', name, name === '' ? /^/ : NOT_TOKEN);
    check('parameter value', value, NOT_QUOTED);
    this.#data.set(name, value);
  }

  * entries() {
    yield* this.#data.entries();
  }

  * keys() {
    yield* this.#data.keys();
  }

  * values() {
    yield* this.#data.values();
  }

  toString() {
    return [...this.#data].map(([name, value]) => {
      const isPlain = value !== '' && !NOT_TOKEN.test(value);
      return `${name}=${isPlain ? value : `"${value.replace(/["\\]/g, '\\$&')}"`}`;
    }).join(';');
  }
}
Object.defineProperty(MIMEParams.prototype, Symbol.iterator, {
  value: MIMEParams.prototype.entries, writable: true, configurable: true,
});
Object.defineProperty(MIMEParams.prototype, 'toJSON', {
  value: MIMEParams.prototype.toString, writable: true, configurable: true,
});

class MIMEType {
  #type;
  #subtype;
  #params = new MIMEParams();

  constructor(input) {
    const parsed = parseType(`${input}`);
    this.#type = parsed.type;
    this.#subtype = parsed.subtype;
    fillParams(this.#params, parsed.params);
  }

  get type() {
    return this.#type;
  }

  set type(value) {
    value = `${value}`;
    check('type', value, value === '' ? /^/ : NOT_TOKEN);
    this.#type = value.toLowerCase();
  }

  get subtype() {
    return this.#subtype;
  }

  set subtype(value) {
    value = `${value}`;
    check('subtype', value, value === '' ? /^/ : NOT_TOKEN);
    this.#subtype = value.toLowerCase();
  }

  get essence() {
    return `${this.#type}/${this.#subtype}`;
  }

  get params() {
    return this.#params;
  }

  toString() {
    const params = this.#params.toString();
    return params === '' ? this.essence : `${this.essence};${params}`;
  }
}
Object.defineProperty(MIMEType.prototype, 'toJSON', {
  value: MIMEType.prototype.toString, writable: true, configurable: true,
});
for (const key of ['type', 'subtype', 'essence', 'params', 'toString', 'toJSON']) {
  Object.defineProperty(MIMEType.prototype, key, { enumerable: true });
}

module.exports = { MIMEParams, MIMEType };
