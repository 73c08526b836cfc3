// v8.serialize as a script sees it; run by tests/e2e_library.rs. The bytes of the first check were written by Node 20.
'use strict';

const assert = require('assert');
const v8 = require('v8');

const FROM_NODE = 'ff0f6f22016149022201624103490449064908240003220177006302e56522017a5a1107000000000000002201644e00000000' +
  '0000f83f22016d3b49022201783a027b06';

const again = (value) => v8.deserialize(v8.serialize(value));

function everyKind() {
  const value = {
    numbers: [0, -0, 1, -1, 2 ** 31, -(2 ** 31), 1.5, NaN, Infinity], big: [0n, -5n, 123456789012345678901234567890n],
    text: ['', 'h\u00e9', '\u65e5\u672c', '\ud800'], nothing: [null, undefined], date: new Date(5), regexp: /a\/b/giu,
    map: new Map([[1, { x: 1 }], ['k', new Set([1, 'two'])]]), boxed: [Object(1), Object('s'), Object(false), Object(5n)],
    holes: [1, , 3], sparse: Object.assign([], { 7: 1 }), named: Object.assign([1], { extra: 2 }), bytes: Buffer.from('abc'),
    views: [new Uint16Array([1, 2]), new DataView(new ArrayBuffer(3)), new BigInt64Array([1n])], buffer: new ArrayBuffer(4), 7: 'index',
  };
  value.self = value;
  value.twice = value.map;
  const copy = again(value);
  assert.deepStrictEqual(copy, value);
  assert.strictEqual(copy.twice, copy.map);
  const error = again(Object.assign(new RangeError('far', { cause: { why: 1 } })));
  assert.ok(error instanceof RangeError && error.message === 'far' && error.cause.why === 1);
}

function ownNames() {
  const evil = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}');
  const copy = again(evil);
  assert.deepStrictEqual(Object.keys(copy), ['__proto__', 'constructor']);
  assert.strictEqual({}.polluted, undefined);
  assert.strictEqual(Object.getPrototypeOf(copy), Object.prototype);
}

function refused() {
  for (const value of [() => {}, Symbol('s'), { f() {} }, new WeakMap(), Promise.resolve()]) {
    assert.throws(() => v8.serialize(value), /could not be cloned/);
  }
  const huge = ['ff0f41ffffffff0f', 'ff0f42ffffffff0f', 'ff0f22ffffffff7f', 'ff0f5effff03', 'ff0f7e01ffffffff0f00', 'ff0f5aff7f', 'ff635f', '', 'ff0f'];
  for (const hex of huge) assert.throws(() => v8.deserialize(Buffer.from(hex, 'hex')), Error, hex);
  const deep = Buffer.concat([Buffer.from([255, 15]), Buffer.alloc(200000, Buffer.from([0x41, 1]))]);
  assert.throws(() => v8.deserialize(deep), RangeError);
}

// Whatever stands in the bytes, it is a value or an error, and no object's prototype is touched.
function mutated() {
  const good = v8.serialize({ a: [1, 2n, 'x', new Map([[1, 2]])], b: new Uint8Array(9), c: /x/g, d: new Date(1), e: new Error('e') });
  let seed = 1, failed = 0;
  const random = (most) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % most;
  };
  for (let i = 0; i < 3000; i++) {
    const bytes = Buffer.from(good.subarray(0, 2 + random(good.length)));
    for (let n = random(4); n >= 0; n--) if (bytes.length > 2) bytes[2 + random(bytes.length - 2)] = random(256);
    try {
      v8.deserialize(bytes);
    } catch {
      failed++;
    }
  }
  assert.ok(failed > 1000);
  assert.strictEqual(Object.keys(Object.prototype).length, 0);
}

class Own extends v8.DefaultSerializer {
  _writeHostObject(view) { this.writeUint32(7); this.writeUint64(1, 2); this.writeDouble(0.5); this.writeRawBytes(view); }
}

function classes() {
  const out = new Own();
  out.writeHeader();
  out.writeValue(new Uint8Array([9, 8]));
  const into = new v8.Deserializer(out.releaseBuffer());
  assert.strictEqual(into.readHeader(), true);
  into._readHostObject = () => ({ got: [into.readUint32(), ...into.readUint64(), into.readDouble(), [...into.readRawBytes(2)]] });
  assert.deepStrictEqual(into.readValue(), { got: [7, 1, 2, 0.5, [9, 8]] });
}

const known = { a: 1, b: [2, 3, 4], w: '\u65e5', z: -7n, d: 1.5, m: new Map([[1, 'x']]) };
assert.deepStrictEqual(v8.deserialize(Buffer.from(FROM_NODE, 'hex')), known);
assert.strictEqual(v8.serialize(known).toString('hex'), FROM_NODE);
everyKind();
ownNames();
refused();
mutated();
classes();
console.log('v8 ok');
