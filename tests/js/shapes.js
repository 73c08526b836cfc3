// What a script must not notice of shared shapes, of functions made whole and of the short ways of RegExp and String. Run
// by tests/e2e_library.rs; any Node 20 passes it. It must not know how the engine keeps objects.
'use strict';

const assert = require('assert');

// Objects of one form, made one after the other: each its own.
function Point(x, y) { this.x = x; this.y = y; }
const points = [];
for (let i = 0; i < 1000; i++) {
  const point = new Point(i, -i);
  if (i % 3 === 0) point.extra = i;
  if (i % 5 === 0) delete point.x;
  if (i % 7 === 0) Object.defineProperty(point, 'y', { enumerable: false });
  if (i % 11 === 0) Object.freeze(point);
  points.push(point);
}
points.forEach((point, i) => {
  const keys = [...(i % 5 ? ['x'] : []), ...(i % 7 ? ['y'] : []), ...(i % 3 ? [] : ['extra'])];
  assert.deepStrictEqual(Object.keys(point), keys, `keys of ${i}`);
  assert.strictEqual(point.y, -i);
  assert.strictEqual(Object.isFrozen(point), i % 11 === 0);
});

// A prototype that is set: one object's matter, with properties before and after, in their order.
const protos = Array.from({ length: 5 }, (_, i) => ({ kind: i, get twice() { return this.a * 2; } }));
const set = Array.from({ length: 100 }, (_, i) => {
  const object = { a: i, b: 1 };
  Object.setPrototypeOf(object, protos[i % 5]);
  object.c = i;
  if (i % 4 === 0) object.__proto__ = null;
  return object;
});
set.forEach((object, i) => {
  assert.deepStrictEqual(Object.keys(object), ['a', 'b', 'c']);
  assert.strictEqual(Object.getPrototypeOf(object), i % 4 ? protos[i % 5] : null);
  assert.strictEqual(object.twice, i % 4 ? i * 2 : undefined);
});
const cousin = Object.setPrototypeOf([1, 2], protos[1]);
assert.strictEqual(cousin.length, 2);
assert.strictEqual(cousin.kind, 1);
assert.throws(() => Object.setPrototypeOf(protos[0], set[5]), TypeError);
assert.throws(() => Object.setPrototypeOf(Object.preventExtensions({ a: 1 }), protos[0]), TypeError);
const accessor = { get g() { return 7; } };
assert.strictEqual(Object.setPrototypeOf(accessor, protos[2]).g, 7);

// Many names, more than a shape is shared for.
const table = {};
for (let i = 0; i < 500; i++) table[`k${i}`] = i;
assert.strictEqual(Object.keys(table).length, 500);
assert.strictEqual(table.k499, 499);

// Functions of every kind: their own properties, in order, with their attributes.
const own = (f) => Object.getOwnPropertyNames(f).filter((name) => name !== 'caller' && name !== 'arguments').sort().join();
const plain = eval('(function named(a, b) {})');
assert.strictEqual(own(plain), 'length,name,prototype');
assert.strictEqual(own(() => 0), 'length,name');
assert.strictEqual(own({ m() {} }.m), 'length,name');
assert.strictEqual(own(async () => 0), 'length,name');
assert.strictEqual(own(function* () {}), 'length,name,prototype');
assert.deepStrictEqual(Object.getOwnPropertyDescriptor(plain, 'length'), { value: 2, writable: false, enumerable: false, configurable: true });
assert.deepStrictEqual(Object.getOwnPropertyDescriptor(plain, 'name'), { value: 'named', writable: false, enumerable: false, configurable: true });
assert.deepStrictEqual(Object.getOwnPropertyDescriptor(plain, 'prototype'), { value: plain.prototype, writable: true, enumerable: false, configurable: false });
assert.strictEqual(plain.prototype.constructor, plain);
assert.throws(() => new (() => 0)(), TypeError);
assert.strictEqual({ 12() {} }[12].name, '12');
assert.ok(delete plain.name && !Object.hasOwn(plain, 'name'));

// test() is exec() without its array: the same state, and the script's own exec() is asked.
const global = /a(b)?/g;
assert.deepStrictEqual([global.test('ab a'), global.lastIndex, global.test('ab a'), global.lastIndex, global.test('ab a'), global.lastIndex],
  [true, 2, true, 4, false, 0]);
const sticky = /b/y;
assert.deepStrictEqual([sticky.test('ab'), sticky.lastIndex], [false, 0]);
class Own extends RegExp { exec() { return { index: 0 }; } }
assert.strictEqual(new Own('x').test('y'), true);
const frozen = Object.freeze(/a/g);
assert.throws(() => frozen.test('a'), TypeError);
assert.throws(() => RegExp.prototype.test.call({}, 'a'), TypeError);
const match = /(?<first>a)|(b)/.exec('xb');
assert.deepStrictEqual([...match], ['b', undefined, 'b']);
assert.deepStrictEqual([match.length, match.index, match.groups.first], [3, 1, undefined]);
match.push('more');
assert.strictEqual(match.length, 4);

// Letters.
assert.strictEqual('Content-TYPE [@`{'.toLowerCase(), 'content-type [@`{');
assert.strictEqual('content-type [@`{'.toUpperCase(), 'CONTENT-TYPE [@`{');
assert.strictEqual('ÀÉ×Ǆ'.toLowerCase(), 'àé×ǆ');
assert.strictEqual('straße ÿ'.toUpperCase(), 'STRASSE Ÿ');
assert.strictEqual('\u0000aZ'.toUpperCase(), '\u0000AZ');

// Strict equality of strings that are one, alike, or ropes.
const half = 'ab'.repeat(3), rope = half + String.fromCharCode(99);
assert.ok(rope === 'abababc' && 'abababc' === rope && !(rope === 'abababd') && rope !== half);
assert.ok('x' !== 1 && undefined !== null && NaN !== NaN && 0 === -0);
console.log('ok');
