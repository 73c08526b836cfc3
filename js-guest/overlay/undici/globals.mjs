// What stands in for globals in undici: ours, whatever a script makes of the names. With __UNDICI_IS_NODE__ its requests say
// that they come from node.
const { URL, URLSearchParams } = require('url');
const { ReadableStream, TransformStream } = require('stream/web');
const { AbortController, AbortSignal } = require('internal/abort_controller');
const { DOMException } = require('internal/domexception');
const { performance } = require('perf_hooks');

const __UNDICI_IS_NODE__ = true;

export { __UNDICI_IS_NODE__, AbortController, AbortSignal, DOMException, ReadableStream, TransformStream, URL, URLSearchParams, performance };
