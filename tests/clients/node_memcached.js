// The package memcached of Node, in the text protocol.
// SERVER is the address of a server with --debug-commands.
'use strict';
const assert = require('node:assert/strict');
const { promisify } = require('node:util');
const { test, beforeEach, after } = require('node:test');
const Memcached = require('memcached');
const advanceClock = require('./advance_clock.js');

const { SERVER } = process.env;
const client = new Memcached(SERVER, { timeout: 120000, retries: 0 });
const names = ['get', 'gets', 'getMulti', 'set', 'add', 'replace', 'append', 'prepend', 'cas', 'incr', 'decr', 'touch'];
const ask = {};
for (const name of [...names, 'del', 'flush', 'stats', 'settings', 'items', 'version']) {
  ask[name] = promisify(client[name].bind(client));
}

beforeEach(() => ask.flush());
after(() => client.end());

test('values come back in their type', async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
  for (const value of ['text', 'żółć ☃', bytes, 42, true, { a: [1, { b: null }] }, 'v'.repeat(1e6)]) {
    assert.equal(await ask.set('k', value, 0), true);
    assert.deepEqual(await ask.get('k'), value);
  }
  assert.equal(await ask.get('missing'), undefined);
});

test('keys may be UTF-8', async () => {
  await ask.set('ключ', 'v', 0);
  assert.equal(await ask.get('ключ'), 'v');
});

test('a value over the limit is refused and the old value is removed', async () => {
  await ask.set('k', 'old', 0);
  // After an error the client avoids the server, so this test has a client of its own. `maxValue` disables its limit.
  const limitless = new Memcached(SERVER, { retry: 1, failuresTimeout: 1, maxValue: 1 << 24, timeout: 120000 });
  assert.equal(await promisify(limitless.set.bind(limitless))('k', 'v'.repeat(1 << 20), 0), false);
  limitless.end();
  assert.equal(await ask.get('k'), undefined);
});

test('stores check their condition', async () => {
  await assert.rejects(ask.replace('k', 'lost', 0), /not stored/);
  await assert.rejects(ask.append('k', 'lost'), /not stored/);
  assert.equal(await ask.add('k', 'and', 0), true);
  await assert.rejects(ask.add('k', 'second', 0), /not stored/);
  assert.equal(await ask.append('k', ' cheese'), true);
  assert.equal(await ask.prepend('k', 'bread '), true);
  assert.equal(await ask.get('k'), 'bread and cheese');
  assert.equal(await ask.replace('k', 'ham', 0), true);
  assert.equal(await ask.get('k'), 'ham');
  assert.equal(await ask.del('k'), true);
  assert.equal(await ask.del('k'), false);
});

test('cas stores only over the value that was read', async () => {
  await ask.set('k', 'read', 0);
  const { k, cas } = await ask.gets('k');
  assert.equal(k, 'read');
  assert.equal(await ask.cas('k', 'written', cas, 0), true);
  assert.equal(await ask.cas('k', 'too late', cas, 0), false);
  assert.equal(await ask.get('k'), 'written');
});

test('many keys are read at once', async () => {
  const pairs = Object.fromEntries(Array.from({ length: 500 }, (_, number) => [`key-${number}`, `value ${number}`]));
  await Promise.all(Object.entries(pairs).map(([key, value]) => ask.set(key, value, 0)));
  assert.deepEqual({ ...(await ask.getMulti([...Object.keys(pairs), 'missing'])) }, pairs);
});

test('numbers are incremented and not created', async () => {
  assert.equal(await ask.incr('n', 1), false);
  await ask.set('n', 40, 0);
  assert.equal(await ask.incr('n', 2), 42);
  assert.equal(await ask.decr('n', 50), 0);
});

test('touch and exptimes take effect', async () => {
  assert.equal(await ask.touch('touched', 100), false);
  await ask.set('k', 'v', 10);
  await ask.set('touched', 'v', 10);
  assert.equal(await ask.touch('touched', 100), true);
  await advanceClock(SERVER, 20);
  assert.deepEqual([await ask.get('k'), await ask.get('touched')], [undefined, 'v']);
});

test('flush empties the server', async () => {
  await ask.set('k', 'v', 0);
  await ask.flush();
  assert.equal(await ask.get('k'), undefined);
});

test('statistics are complete', async () => {
  await ask.set('k', 'v', 0);
  const [figures] = await ask.stats();
  assert.deepEqual([figures.version, figures.curr_items], ['1.6.45', 1]);
  const [settings] = await ask.settings();
  assert.equal(settings.maxbytes, 64 << 20);
  const [version] = await ask.version();
  assert.equal(version.version, '1.6.45');
  assert.equal(await ask.get('k'), 'v');
});
