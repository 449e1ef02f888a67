// memjs, a client of Node for hosted caches, in the binary protocol, without and with a login.
// SERVER is the address of a server with --debug-commands, LOGIN_SERVER of a server that requires a login. The client's
// `prepend` is left out: it sends the opcode of Append.
'use strict';
const assert = require('node:assert/strict');
const { test, beforeEach, after } = require('node:test');
const memjs = require('memjs');
const advanceClock = require('./advance_clock.js');

const { SERVER, LOGIN_SERVER } = process.env;
const quiet = { log() {} };
const options = { timeout: 120, logger: quiet };
const client = memjs.Client.create(SERVER, options);
const text = async (key) => (await client.get(key)).value?.toString() ?? null;

beforeEach(() => client.flush());
after(() => client.close());

test('values come back as they were stored', async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
  for (const value of [Buffer.from('text'), Buffer.from('żółć ☃'), bytes, Buffer.alloc(0), Buffer.alloc(1e6, 'v')]) {
    assert.equal(await client.set('k', value, {}), true);
    assert.deepEqual((await client.get('k')).value, value);
  }
  assert.equal((await client.get('missing')).value, null);
});

test('keys may be UTF-8', async () => {
  await client.set('ключ', 'v', {});
  assert.equal(await text('ключ'), 'v');
});

test('a value over the limit is refused and the connection stays usable', async () => {
  await client.set('k', 'old', {});
  await assert.rejects(client.set('k', Buffer.alloc(1 << 20, 'v'), {}), /Value too large|TOO LARGE/i);
  assert.equal(await text('k'), null);
  await client.set('k', 'new', {});
  assert.equal(await text('k'), 'new');
});

test('stores check their condition', async () => {
  assert.equal(await client.replace('k', 'lost', {}), false);
  await assert.rejects(client.append('k', 'lost'), /not stored/);
  assert.equal(await client.add('k', 'and', {}), true);
  assert.equal(await client.add('k', 'second', {}), false);
  assert.equal(await client.append('k', ' cheese'), true);
  assert.equal(await text('k'), 'and cheese');
  assert.equal(await client.replace('k', 'ham', {}), true);
  assert.equal(await text('k'), 'ham');
  assert.equal(await client.delete('k'), true);
  assert.equal(await client.delete('k'), false);
});

test('numbers are created and incremented', async () => {
  assert.equal((await client.increment('n', 1, { initial: 40 })).value, 40);
  assert.equal((await client.increment('n', 2, {})).value, 42);
  assert.equal((await client.decrement('n', 50, {})).value, 0);
});

test('touch and exptimes take effect', async () => {
  assert.equal(await client.touch('touched', 100), false);
  await client.set('k', 'v', { expires: 10 });
  await client.set('touched', 'v', { expires: 10 });
  assert.equal(await client.touch('touched', 100), true);
  await advanceClock(SERVER, 20);
  assert.deepEqual([await text('k'), await text('touched')], [null, 'v']);
});

test('500 concurrent requests keep their order', async () => {
  const numbers = Array.from({ length: 500 }, (_, number) => number);
  await Promise.all(numbers.map((number) => client.set(`key-${number}`, `${number}`, {})));
  const got = await Promise.all(numbers.map((number) => text(`key-${number}`)));
  assert.deepEqual(got, numbers.map(String));
});

test('flush empties the server', async () => {
  await client.set('k', 'v', {});
  await client.flush();
  assert.equal(await text('k'), null);
});

test('statistics are complete', async () => {
  await client.set('k', 'v', {});
  const figures = await new Promise((resolve, reject) => {
    client.stats((error, _server, stats) => (error ? reject(error) : resolve(stats)));
  });
  assert.deepEqual([figures.version, figures.curr_items], ['1.6.45', '1']);
  assert.equal(await text('k'), 'v');
});

test('a login succeeds, a wrong login is refused', async () => {
  const inside = memjs.Client.create(LOGIN_SERVER, { ...options, username: 'ann', password: 'secret' });
  assert.equal(await inside.set('k', 'v', {}), true);
  assert.equal((await inside.get('k')).value.toString(), 'v');
  inside.close();
  const outside = memjs.Client.create(LOGIN_SERVER, { ...options, username: 'ann', password: 'wrong', retries: 1 });
  await assert.rejects(outside.set('k', 'lost', {}));
  outside.close();
});
