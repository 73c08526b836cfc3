// HPACK by the examples of RFC 7541, appendix C, and the numbers of section C.1; run with --expose-internals by
// tests/e2e_http2.rs.
'use strict';

const assert = require('assert');
const { Decoder, Encoder } = require('internal/http2/hpack');
const huffman = require('internal/http2/huffman');

// Blocks of one connection: what they say, and what the table holds afterwards.
function decodes(name, limit, blocks) {
  const decoder = new Decoder(limit);
  for (const [hex, wanted, size] of blocks) {
    const fields = [];
    decoder.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'), (field, value, never) => fields.push(`${field}: ${value}${never ? ' !' : ''}`));
    assert.deepStrictEqual(fields, wanted, name);
    assert.strictEqual(decoder.table.size, size, name);
  }
}

const first = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const third = [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'];
decodes('C.2.1', 4096, [['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', ['custom-key: custom-header'], 55]]);
decodes('C.2.2', 4096, [['040c 2f73 616d 706c 652f 7061 7468', [':path: /sample/path'], 0]]);
decodes('C.2.3', 4096, [['1008 7061 7373 776f 7264 0673 6563 7265 74', ['password: secret !'], 0]]);
decodes('C.2.4', 4096, [['82', [':method: GET'], 0]]);
decodes('C.3', 4096, [
  ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', first, 57],
  ['8286 84be 5808 6e6f 2d63 6163 6865', [...first, 'cache-control: no-cache'], 110],
  ['8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65', third, 164],
]);
decodes('C.4', 4096, [
  ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', first, 57],
  ['8286 84be 5886 a8eb 1064 9cbf', [...first, 'cache-control: no-cache'], 110],
  ['8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf', third, 164],
]);
const found = [':status: 302', 'cache-control: private', 'date: Mon, 21 Oct 2013 20:13:21 GMT', 'location: https://www.example.com'];
decodes('C.6', 256, [
  ['4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 ' +
    'e9ae 82ae 43d3', found, 222],
  ['4883 640e ffc1 c0bf', [':status: 307', ...found.slice(1)], 222],
  ['88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b ' +
    '3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
  [':status: 200', 'cache-control: private', 'date: Mon, 21 Oct 2013 20:13:22 GMT', 'location: https://www.example.com',
    'content-encoding: gzip', 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'], 215],
]);
console.log('examples');

// C.1: 10 and 1337 with a prefix of 5 bits, 42 with 8.
const numbers = new Encoder();
numbers.integer(10, 5, 0);
numbers.integer(1337, 5, 0);
numbers.integer(42, 8, 0);
console.log(numbers.bytes.toString('hex', 0, numbers.pos));

// Every octet, and texts of every length, there and back.
const bytes = Buffer.alloc(2048);
const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
for (let at = 0; at < 256; at++) {
  const text = all.slice(at) + all.slice(0, at % 7);
  const end = huffman.encode(text, bytes, 0);
  assert.strictEqual(end, huffman.encodedLength(text));
  assert.strictEqual(huffman.decode(bytes, 0, end), text);
}
// Padding of 8 bits, padding of zeros, the end of string.
for (const wrong of ['1fff', '18', 'ffffffff', '00ffffff']) {
  assert.strictEqual(huffman.decode(Buffer.from(wrong, 'hex'), 0, wrong.length / 2), undefined, wrong);
}
console.log('huffman');

// Lists that come again and change, while the table's size does too: both sides hold the same all the time.
const encoder = new Encoder(), decoder = new Decoder();
for (let round = 0; round < 400; round++) {
  if (round % 50 === 49) {
    const limit = [0, 100, 4096, 700, 65536][round % 5];
    encoder.setLimit(limit);
    decoder.setLimit(Math.min(limit, 4096));
  }
  const fields = [':path', `/${round}`];
  for (let i = 0; i < 30; i++) fields.push(`name-${(round * i) % 97}`, 'v'.repeat((i * 7) % 90) + round % 7);
  const block = encoder.encode(fields, new Set(['name-3'])), got = [];
  decoder.decode(block, (name, value) => got.push(name, value));
  assert.deepStrictEqual(got, fields);
  assert.strictEqual(decoder.table.size, encoder.table.size);
  assert.ok(decoder.table.size <= decoder.table.capacity);
}
console.log('tables');
