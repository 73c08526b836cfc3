// Streams, web streams and events as a script sees them; run by tests/e2e_streams.rs. Each line that it prints is one
// sequence of events in the order that Node gives.
'use strict';

const assert = require('assert');
const { once } = require('events');
const { PassThrough, Readable, Transform, Writable, addAbortSignal, pipeline, promises } = require('stream');
const { text } = require('stream/consumers');

const seen = [];
const watch = (name, stream, events) => {
  for (const event of events) stream.on(event, () => seen.push(`${name}:${event}`));
  return stream;
};

async function ordered() {
  const source = watch('r', Readable.from(['a', 'b']), ['end', 'close']);
  const upper = new Transform({ objectMode: true, transform(chunk, _, done) { done(null, chunk.toUpperCase()); } });
  const got = [];
  const sink = watch('w', new Writable({ objectMode: true, write(chunk, _, done) { got.push(chunk); done(); } }),
                     ['prefinish', 'finish', 'close']);
  await promises.pipeline(source, upper, sink);
  console.log(got.join(''), seen.join(' '));
}

async function backpressure() {
  const sink = new Writable({ highWaterMark: 4, write(chunk, _, done) { setImmediate(done); } });
  assert.strictEqual(sink.write('ab'), true);
  assert.strictEqual(sink.write('cd'), false);
  assert.strictEqual(sink.writableNeedDrain, true);
  await once(sink, 'drain');
  const told = [];
  sink.end('e', (error) => told.push(error));
  await once(sink, 'finish');
  assert.deepStrictEqual(told, [null]);
  console.log('drained', sink.writableFinished, sink.writableLength);
}

async function aborted() {
  const controller = new AbortController();
  const stream = addAbortSignal(controller.signal, new PassThrough());
  controller.abort();
  const [error] = await once(stream, 'error');
  console.log(error.name, error.code, stream.destroyed);
}

async function web() {
  const bytes = Readable.toWeb(Readable.from([Buffer.from('h\u00e9'), Buffer.from('llo')], { objectMode: false }));
  const decoded = bytes.pipeThrough(new TextDecoderStream());
  console.log(await text(Readable.fromWeb(decoded, { encoding: 'utf8' })), decoded.locked);
  assert.throws(() => Reflect.get(ReadableStream.prototype, 'locked', {}), { code: 'ERR_INVALID_THIS' });
  assert.throws(() => decoded.getReader(), { code: 'ERR_INVALID_STATE' });
}

async function failed() {
  const source = new Readable({ read() { this.destroy(new Error('no more')); } });
  const error = await new Promise((resolve) => { pipeline(source, new PassThrough(), resolve); });
  console.log(error.message, source.readableAborted, source.errored === error);
}

(async () => {
  for (const step of [ordered, backpressure, aborted, web, failed]) await step();
})();
