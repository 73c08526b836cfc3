// DOMException, as the Web IDL standard has it. Knows no module.
'use strict';

const LEGACY_CODES = [
  ['IndexSizeError', 'INDEX_SIZE_ERR', 1],
  [null, 'DOMSTRING_SIZE_ERR', 2],
  ['HierarchyRequestError', 'HIERARCHY_REQUEST_ERR', 3],
  ['WrongDocumentError', 'WRONG_DOCUMENT_ERR', 4],
  ['InvalidCharacterError', 'INVALID_CHARACTER_ERR', 5],
  [null, 'NO_DATA_ALLOWED_ERR', 6],
  ['NoModificationAllowedError', 'NO_MODIFICATION_ALLOWED_ERR', 7],
  ['NotFoundError', 'NOT_FOUND_ERR', 8],
  ['NotSupportedError', 'NOT_SUPPORTED_ERR', 9],
  ['InUseAttributeError', 'INUSE_ATTRIBUTE_ERR', 10],
  ['InvalidStateError', 'INVALID_STATE_ERR', 11],
  ['SyntaxError', 'SYNTAX_ERR', 12],
  ['InvalidModificationError', 'INVALID_MODIFICATION_ERR', 13],
  ['NamespaceError', 'NAMESPACE_ERR', 14],
  ['InvalidAccessError', 'INVALID_ACCESS_ERR', 15],
  [null, 'VALIDATION_ERR', 16],
  ['TypeMismatchError', 'TYPE_MISMATCH_ERR', 17],
  ['SecurityError', 'SECURITY_ERR', 18],
  ['NetworkError', 'NETWORK_ERR', 19],
  ['AbortError', 'ABORT_ERR', 20],
  ['URLMismatchError', 'URL_MISMATCH_ERR', 21],
  ['QuotaExceededError', 'QUOTA_EXCEEDED_ERR', 22],
  ['TimeoutError', 'TIMEOUT_ERR', 23],
  ['InvalidNodeTypeError', 'INVALID_NODE_TYPE_ERR', 24],
  ['DataCloneError', 'DATA_CLONE_ERR', 25],
];

const codeOf = new Map(LEGACY_CODES.filter(([name]) => name !== null).map(([name, , code]) => [name, code]));

class DOMException {
  #message;
  #name = 'Error';

  constructor(message = '', options = 'Error') {
    const isBag = options !== null && typeof options === 'object';
    this.#message = `${message}`;
    this.#name = `${(isBag ? options.name : options) ?? 'Error'}`;
    if (isBag && 'cause' in options) {
      Object.defineProperty(this, 'cause', {
        value: options.cause, configurable: true, writable: true, enumerable: false,
      });
    }
    Error.captureStackTrace(this, new.target);
    // The engine cannot read the private fields for the stack's header.
    const at = typeof this.stack === 'string' ? this.stack.search(/^ {4}at /m) : -1;
    const frames = at === -1 ? '' : `\n${this.stack.slice(at).trimEnd()}`;
    if (typeof this.stack === 'string') {
      const value = `${this.#name}: ${this.#message}${frames}`;
      Object.defineProperty(this, 'stack', { value, configurable: true, writable: true, enumerable: false });
    }
  }

  get name() {
    return this.#name;
  }

  get message() {
    return this.#message;
  }

  get code() {
    return codeOf.get(this.#name) ?? 0;
  }
}

Object.setPrototypeOf(DOMException.prototype, Error.prototype);
for (const name of ['name', 'message', 'code']) {
  Object.defineProperty(DOMException.prototype, name, { enumerable: true });
}
Object.defineProperty(DOMException.prototype, Symbol.toStringTag, { value: 'DOMException', configurable: true });
for (const [, constant, value] of LEGACY_CODES) {
  const property = { value, enumerable: true };
  Object.defineProperty(DOMException, constant, property);
  Object.defineProperty(DOMException.prototype, constant, property);
}

module.exports = { DOMException };
