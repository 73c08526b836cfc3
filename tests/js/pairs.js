// What the engine does in one go for two instructions (patches 55 to 58) is not noticed: comparisons that are branched on,
// typeof, properties of variables whose getter sets the variable, calls of C functions, lengths, literals. Prints `ok`.
'use strict';

const assert = require('assert');

// ---- Comparisons, as a value and as a condition ----

const values = [0, -0, 1, 1.5, NaN, '', 'a', 'b', 'a' + String(Math.random()).slice(0, 0), true, false, null, undefined,
  Symbol.iterator, 1n, 0n, {}, [], values2, 2 ** 31, -1];
function values2() {}

// The same without the instructions in question.
const same = (a, b) => (typeof a === typeof b || (a !== a && b !== b)) && [a].indexOf(b) === 0;
for (const a of values) {
  for (const b of values) {
    const expected = same(a, b), equal = a === b, unequal = a !== b;
    let taken = false, spared = false, both = 0, negated = false;
    if (a === b) taken = true;
    if (a !== b) spared = true;
    if (!(a === b)) negated = true;
    for (let i = 0; i < 2 && a === b; i++) both++;
    const choice = a === b ? 'yes' : 'no';
    assert.deepStrictEqual([equal, unequal, taken, spared, negated, both, choice],
      [expected, !expected, expected, !expected, !expected, expected ? 2 : 0, expected ? 'yes' : 'no'], `${String(a)} ${String(b)}`);
  }
}
const long = 'x'.repeat(5000), rope = long + 'y', other = 'x'.repeat(5000) + 'y';
if (rope !== other) assert.fail('ropes');
if (rope === long) assert.fail('a rope and a part of it');

// ---- typeof ----

const kinds = [[1, 'number'], ['', 'string'], [true, 'boolean'], [undefined, 'undefined'], [null, 'object'], [{}, 'object'],
  [() => 1, 'function'], [class {}, 'function'], [Symbol(), 'symbol'], [1n, 'bigint'], [rope, 'string']];
const NAMES = ['number', 'string', 'boolean', 'undefined', 'object', 'function', 'symbol', 'bigint'];
const is = {
  number: (x) => typeof x === 'number', string: (x) => typeof x === 'string', boolean: (x) => typeof x === 'boolean',
  undefined: (x) => typeof x === 'undefined', object: (x) => typeof x === 'object', function: (x) => typeof x === 'function',
  symbol: (x) => typeof x === 'symbol', bigint: (x) => (typeof x !== 'bigint' ? false : true),
};
for (const [value, kind] of kinds) {
  for (const name of NAMES) assert.strictEqual(is[name](value), name === kind, `${name} ${kind}`);
  if (typeof value === 'other') assert.fail('a word that typeof never says');
  if (typeof value === '1') assert.fail('a word that is a number');
  assert.strictEqual(typeof value, kind);
}
if (typeof notThere !== 'undefined') assert.fail('a variable that is not there');

// ---- A variable's property ----

// The getter drops the only reference to what it is called on.
(function(held) {
  held = { get gone() { held = null; return typeof this + this.mark; }, mark: 'object' };
  assert.strictEqual(held.gone, 'objectobject');
  assert.strictEqual(held, null);
})();
(function() {
  let held = Object.create({ get gone() { held = undefined; const big = new Array(1000).fill({}); return big.length + this.own; } },
    { own: { value: 7 } });
  const use = () => held;
  assert.strictEqual(held.gone, 1007);
  assert.strictEqual(use(), undefined);
})();
(function(proxy) {
  proxy = new Proxy({}, { get: (target, key) => { proxy = 0; return key; } });
  assert.strictEqual(proxy.name, 'name');
  assert.strictEqual(proxy, 0);
})();
// Found on a prototype, called on the object; replaced while it is called.
const base = { get self() { return this; } };
const derived = Object.create(Object.create(base));
assert.strictEqual(derived.self, derived);
assert.strictEqual(derived.missing, undefined);
const moving = Object.create({ get x() { Object.setPrototypeOf(moving, null); return 5; } });
assert.strictEqual(moving.x, 5);
assert.strictEqual(moving.x, undefined);
Object.defineProperty(base, 'write', { set() {}, configurable: true });
assert.strictEqual(derived.write, undefined);
// Where it went wrong is told as before.
function fails(a) { return a.b.c; }
assert.throws(() => fails({}), (error) => error.message === "Cannot read properties of undefined (reading 'c')" &&
  /fails .*pairs|fails/.test(error.stack) && /:\d+:\d+/.test(error.stack.split('\n')[1]));
assert.throws(() => fails(null), { message: "Cannot read properties of null (reading 'b')" });
assert.throws(() => { fails.later; later.x; let later; }, ReferenceError);

// ---- Lengths and methods of strings ----

const text = 'héllo', wide = '\u{1F600}x';
assert.deepStrictEqual([text.length, wide.length, rope.length, [1, 2].length, ((a, b) => a).length, ''.length], [5, 3, 5001, 2, 2, 0]);
assert.deepStrictEqual([text.at(0), wide.codePointAt(0), text[1], text['length'], 'ab'.missing], ['h', 0x1F600, 'é', 5, undefined]);
Object.defineProperty(String.prototype, 'mine', { get() { return typeof this + this; }, configurable: true });
assert.strictEqual('q'.mine, 'stringq'); // a strict getter sees the primitive
const { mine } = { mine: 'q'.mine };
assert.strictEqual(mine, 'stringq');
delete String.prototype.mine;
Object.prototype.everywhere = function() { return this; };
assert.strictEqual(Object('s'.everywhere()).valueOf(), 's');
delete Object.prototype.everywhere;
assert.throws(() => 'a'.nothing(), { message: "\"a\".nothing is not a function" });

// ---- Literals, and what is defined on other objects ----

const literal = { a: 1, b: 2, a: 3, ['c']: 4, 5: 5, __proto__: { inherited: 6 }, get d() { return 7; } };
assert.deepStrictEqual([Object.keys(literal), literal.a, literal.inherited, literal.d], [['5', 'a', 'b', 'c', 'd'], 3, 6, 7]);
class Fields { x = 1; y = this.x + 1; static z = 3; 'quoted key' = 4; 0 = 5; }
assert.deepStrictEqual([Object.entries(new Fields()), Fields.z], [[['0', 5], ['x', 1], ['y', 2], ['quoted key', 4]], 3]);
class Frozen { constructor() { return Object.freeze({}); } }
class OfFrozen extends Frozen { field = 1; }
assert.throws(() => new OfFrozen(), TypeError);
class OfArray extends Array { length2 = 1; 0 = 'first'; }
assert.deepStrictEqual([new OfArray().length, new OfArray()[0]], [1, 'first']);
class OfProxy extends (class { constructor() { return new Proxy({}, { defineProperty: () => false }); } }) { field = 1; }
assert.throws(() => new OfProxy(), TypeError);

// ---- C functions called straight ----

assert.strictEqual(Math.max(1, ...[2, 3]), 3);
assert.strictEqual((0, Math.max)(), -Infinity);
assert.throws(() => Map(), /Map/);
assert.strictEqual([3, 1, 2].sort((a, b) => a - b).map(String).join(), '1,2,3');
let deep = 0;
const recurse = () => { deep++; return [1].map(recurse); };
assert.throws(recurse, RangeError);
assert.ok(deep > 100);
const chain = { get down() { deep++; return this.down; } };
assert.throws(() => chain.down, RangeError);

// ---- Collections: much garbage in cycles, some of which stays for a while ----

const waiting = [];
for (let i = 0; i < 60000; i++) {
  const a = { i, pad: [i, i, i] }, b = { a, call: () => a.i };
  a.b = b;
  if (i % 97 === 0) waiting.push(b);
  if (waiting.length > 300) waiting.shift();
}
assert.ok(waiting.every((b) => b.call() === b.a.i && b.a.b === b));
assert.ok(process.memoryUsage().rss < 80 << 20, `${process.memoryUsage().rss}`);

console.log('ok');
