// node:stream/consumers: a whole stream as one value. Must not know where it comes from.
'use strict';

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return Buffer.concat(chunks);
}

async function text(stream) {
  const decoder = new TextDecoder();
  let whole = '';
  for await (const chunk of stream) whole += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
  return whole + decoder.decode();
}

async function arrayBuffer(stream) {
  const { buffer, byteOffset, byteLength } = await collect(stream);
  return buffer.slice(byteOffset, byteOffset + byteLength);
}

module.exports = {
  arrayBuffer,
  blob: async (stream) => new Blob([await collect(stream)]),
  buffer: collect,
  json: async (stream) => JSON.parse(await text(stream)),
  text,
};
