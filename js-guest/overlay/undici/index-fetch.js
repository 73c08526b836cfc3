// What is taken of undici: fetch and its classes, without its clients; and what lib/internal/fetch needs of their insides.
'use strict';

const { fetch } = require('./lib/web/fetch');
const { FormData } = require('./lib/web/fetch/formdata');
const { Headers, HeadersList, setHeadersGuard, setHeadersList } = require('./lib/web/fetch/headers');
const { Request, makeRequest } = require('./lib/web/fetch/request');
const { Response } = require('./lib/web/fetch/response');
const { kConstruct } = require('./lib/core/symbols');
const symbols = require('./lib/web/fetch/symbols');
const errors = require('./lib/core/errors');
const { bodyUnusable } = require('./lib/web/fetch/body');
const { kQuick } = require('./lib/ours/quick_response');
const { isWhole, IncomingBody } = require('./lib/ours/lazy_body');

module.exports = {
  fetch, FormData, Headers, Request, Response, errors,
  inside: {
    ...symbols, kConstruct, kQuick, HeadersList, setHeadersGuard, setHeadersList, makeRequest, bodyUnusable, isWhole, IncomingBody,
  },
};
