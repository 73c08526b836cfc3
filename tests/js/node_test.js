// node:test as a program uses it; what it prints is checked by tests/e2e_library.rs. Must not know how it is printed.
'use strict';

const test = require('node:test');
const assert = require('assert');
const { describe, it, before, after, beforeEach, afterEach, mock } = test;

test('passes', (t) => t.diagnostic('a word'));
test('fails', () => assert.strictEqual(1, 2));
test('has parts', async (t) => {
  await t.test('one', () => {});
  await t.test('two', async () => {
    await null;
    throw new Error('boo');
  });
});
test('calls back', (t, done) => setTimeout(done, 1));
test('is skipped', { skip: 'for a reason' }, () => assert.fail());
test('is to do', { todo: true }, () => assert.fail());
test('skips itself', (t) => t.skip());
describe('a suite', () => {
  const seen = [];
  before(() => seen.push('before'));
  after(() => assert.strictEqual(seen.join(), 'before,+,1,-,+,2,-,+,3,-'));
  beforeEach(() => seen.push('+'));
  afterEach(() => seen.push('-'));
  it('runs 1', () => seen.push('1'));
  it('runs 2', async () => seen.push('2'));
  describe('inside', () => it('runs 3', () => seen.push('3')));
});
test('is late', { timeout: 5 }, () => new Promise((resolve) => setTimeout(resolve, 5000).unref()));
test('throws later', (t, done) => setTimeout(() => { throw new Error('late'); }, 1));
test('leaves a part', (t) => { t.test('left', () => new Promise((resolve) => setTimeout(resolve, 20))); });
test('mocks', (t) => {
  const twice = t.mock.fn((n) => 2 * n, { times: 2 });
  assert.deepStrictEqual([twice(2), twice.mock.callCount(), twice.mock.calls[0].arguments, twice.mock.calls[0].result], [4, 1, [2], 4]);
  const object = { k: 5, m(n) { return this.k + n; } };
  const m = t.mock.method(object, 'm', () => 'other');
  assert.deepStrictEqual([object.m(1), m.mock.calls[0].this === object], ['other', true]);
  m.mock.restore();
  assert.strictEqual(object.m(1), 6);
  const Made = mock.fn(class { constructor(n) { this.n = n; } });
  assert.strictEqual(new Made(3).n, 3);
});
test('never ends', () => new Promise(() => {}));
