// Codes in plain words, and sentences about outages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, serve } from './browser.mjs';

/** Calls a function of one of the page's modules. */
const call = (page, module, name, ...values) => page.evaluate(async ([module, name, values]) => {
  const functions = await import(`/page/${module}.js`);
  return functions[name](...values);
}, [module, name, values]);

test('close codes and reasons are put into words', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  for (const [code, reason, expected] of [
    [1006, '', 'the connection broke'],
    [1006, 'connect failed', 'the server cannot be reached'],
    [1001, 'shutdown', 'the server is shutting down (1001)'],
    [1013, 'slow consumer', 'this page read too slowly, and too many messages were waiting for it (1013)'],
    [1013, 'overloaded', 'the server is overloaded (1013)'],
    [4000, 'closed by operator', 'an operator closed the connection (4000)'],
    [4000, 'maintenance', 'an operator closed the connection: maintenance (4000)'],
    [4001, 'heartbeat timeout', 'this page did not answer the server in time (4001)'],
    [4003, 'token expired', 'the token has expired (4003)'],
    [4500, 'authentication required', 'the server wants a token (4500)'],
    [4600, 'go away', 'the connection was closed: go away (4600)'],
  ]) assert.equal(await call(page, 'words', 'closedBecause', code, reason), expected);
});

test('refusals are put into words', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  for (const [code, detail, expected] of [
    ['room_full', undefined, 'This room is full.'],
    ['overloaded', 'the shards\' mailboxes are full; try again', 'The server is too busy; try again.'],
    ['invalid_channel', '"": must not be empty', 'This is not a valid name for a channel: "": must not be empty.'],
    ['forbidden', undefined, 'This is not allowed.'],
    ['token_revoked', undefined, 'The token was revoked.'],
    ['something_new', 'it did not work', 'It did not work.'],
    ['something_new', undefined, 'The server answered something_new.'],
  ]) assert.equal(await call(page, 'words', 'refusedBecause', code, detail), expected);
  assert.equal(await call(page, 'words', 'list', ['a']), 'a');
  assert.equal(await call(page, 'words', 'list', ['a', 'b', 'c']), 'a, b and c');
  assert.equal(await call(page, 'words', 'list', ['a', 'b', 'c', 'd', 'e']), 'a, b, c and 2 more');
  for (const [ms, expected] of [[0, '1 s'], [4400, '4 s'], [130_000, '2 min'], [7_300_000, '2 h']]) {
    assert.equal(await call(page, 'words', 'duration', ms), expected);
  }
});

test('an outage is summed up by what it cost', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  const sumUp = async (...outcomes) => (await call(page, 'outage', 'sumUp', outcomes, 4000)).map(({ text }) => text);
  const recovered = (name, count) => ({ name, isRecovered: true, count }), lost = (name, reason, count) => ({ name, isRecovered: false, reason, count });
  assert.deepEqual(await sumUp(), []);
  assert.deepEqual(await sumUp(recovered('a', 1), recovered('b', 0)), ['Reconnected after 4 s; 1 missed message was replayed on a and b.']);
  assert.deepEqual(await sumUp(recovered('a', 0)), ['Reconnected after 4 s; nothing was missed on a.']);
  assert.deepEqual(await sumUp(recovered('a', 3), lost('b', 'epoch_changed'), lost('c', 'history_trimmed', 1), lost('d', 'no_history'), lost('e', 'no_history')), [
    'Reconnected after 4 s; 3 missed messages were replayed on a.',
    'Reconnected after 4 s; the server was restarted and has a new history of b. Messages sent in the meantime may be missing.',
    'Reconnected after 4 s; 1 message on c is missing, because the history does not reach back that far.',
    'Reconnected after 4 s; d and e keep no history, so messages sent in the meantime may be missing.',
  ]);
});

test('JSON is laid out without changing a value', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  const text = '{"a" : [1.0, -0,{ }, [ ]], "b\\"{": "x, y: \\u00e9", "c":null}';
  assert.equal(await call(page, 'json', 'pretty', text), '{\n  "a": [\n    1.0,\n    -0,\n    {},\n    []\n  ],\n  "b\\"{": "x, y: \\u00e9",\n  "c": null\n}');
  assert.equal(await call(page, 'json', 'oneLine', text), '{"a":[1.0,-0,{},[]],"b\\"{":"x, y: \\u00e9","c":null}');
  assert.equal(await call(page, 'json', 'oneLine', text, true), '{"a": [1.0, -0, {}, []], "b\\"{": "x, y: \\u00e9", "c": null}');
});
