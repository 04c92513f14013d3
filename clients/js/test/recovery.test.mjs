// What a subscription does with positions: it resumes, drops duplicates, and reports what is missing as a gap.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { record, setUp } from './support/fake.mjs';

test('missed messages arrive once, in order, and before new ones', async () => {
  const { client, server, clock } = setUp();
  const news = client.channel('news'), seen = record(news);
  const replies = [];
  news.on('subscribed', (reply) => replies.push(reply));
  await clock.advance(10);
  for (const n of [1, 2]) server.publish('news', { n });
  await clock.advance(10);
  server.kill();
  for (const n of [3, 4, 5]) server.publish('news', { n });
  await clock.advance(1000);
  server.publish('news', { n: 6 });
  await clock.advance(10);
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(news.position, { offset: 6, epoch: 'epoch-1' });
  assert.deepEqual(replies.map(({ wasRecovering, recovered, replayed }) => [wasRecovering, recovered, replayed]),
    [[false, undefined, undefined], [true, true, 3]]);
});

test('a duplicate is dropped, and a missing offset is a gap', async () => {
  const { client, server, clock, sockets } = setUp();
  const seen = record(client.channel('news'));
  await clock.advance(10);
  const deliver = (offset) => sockets[0].onmessage({ data: JSON.stringify({ type: 'event', channel: 'news', data: { n: offset }, offset }) });
  for (const offset of [1, 1, 2, 1, 5, 3, 5, 6]) deliver(offset);
  assert.deepEqual(seen, [1, 2, { type: 'gap', channel: 'news', reason: 'hole', missed: 2, from: 3, to: 4, since: { offset: 2, epoch: 'epoch-1' } }, 5, 6]);
  server.kill();
  await clock.advance(1000);
});

test('a listener of a gap may unsubscribe', async () => {
  const { client, clock, sockets } = setUp();
  const news = client.channel('news'), seen = record(news);
  news.on('gap', () => news.unsubscribe());
  await clock.advance(10);
  for (const offset of [1, 3]) sockets[0].onmessage({ data: JSON.stringify({ type: 'event', channel: 'news', data: { n: offset }, offset }) });
  assert.deepEqual([seen.map((item) => item.reason ?? item), news.state], [[1, 'hole'], 'unsubscribed']);
});

test('a restart of the server is a gap', async () => {
  const { client, server, clock } = setUp();
  const news = client.channel('news'), seen = record(news);
  await clock.advance(10);
  server.publish('news', { n: 1 });
  await clock.advance(10);
  server.restart();
  server.publish('news', { n: 2 });
  await clock.advance(1000);
  server.publish('news', { n: 3 });
  await clock.advance(10);
  assert.deepEqual(seen, [1, { type: 'gap', channel: 'news', reason: 'epoch_changed', since: { offset: 1, epoch: 'epoch-1' } }, 3]);
  assert.deepEqual(news.position, { offset: 2, epoch: 'epoch-2' });
});

test('history that does not reach back far enough is a gap with its bounds, followed by the newest if `last` was given', async () => {
  const { client, server, clock } = setUp({ server: { history: 3 } });
  const [plain, last] = [record(client.channel('news')), record(client.channel('more', { last: 2 }))];
  await clock.advance(10);
  for (const channel of ['news', 'more']) server.publish(channel, { n: 1 });
  await clock.advance(10);
  server.kill();
  for (let n = 2; n <= 9; n += 1) for (const channel of ['news', 'more']) server.publish(channel, { n });
  await clock.advance(1000);
  for (const channel of ['news', 'more']) server.publish(channel, { n: 10 });
  await clock.advance(10);
  const gap = { type: 'gap', reason: 'history_trimmed', since: { offset: 1, epoch: 'epoch-1' } };
  assert.deepEqual(plain, [1, { ...gap, channel: 'news', missed: 8, from: 2, to: 9 }, 10]);
  assert.deepEqual(last, [1, { ...gap, channel: 'more', missed: 6, from: 2, to: 7 }, 8, 9, 10]);
});

test('a channel without history reports a gap after every lost connection', async () => {
  const { client, server, clock } = setUp({ server: { history: 0 } });
  const seen = record(client.channel('news'));
  await clock.advance(10);
  server.publish('news', { n: 1 });
  await clock.advance(10);
  server.kill();
  await clock.advance(1000);
  server.publish('news', { n: 2 });
  await clock.advance(10);
  assert.deepEqual(seen, [1, { type: 'gap', channel: 'news', reason: 'no_history', since: undefined }, 2]);
});

test('what the server skipped is a gap with its offsets, and is not requested again', async () => {
  const { client, server, clock } = setUp();
  const news = client.channel('news'), seen = record(news);
  await clock.advance(10);
  server.publish('news', { n: 1 });
  server.skip('news', [{ n: 2 }, { n: 3 }]);
  server.publish('news', { n: 4 });
  await clock.advance(10);
  assert.deepEqual(seen, [1, { type: 'gap', channel: 'news', reason: 'skipped', missed: 2, from: 2, to: 3, since: { offset: 1, epoch: 'epoch-1' } }, 4]);
  server.kill();
  await clock.advance(1000);
  assert.equal(seen.length, 3);
});

test('starts after a stored position, or with the newest', async () => {
  const { client, server, clock } = setUp();
  for (let n = 1; n <= 5; n += 1) for (const channel of ['a', 'b', 'c']) server.publish(channel, { n });
  const a = record(client.channel('a', { since: { offset: 2, epoch: 'epoch-1' } }));
  const b = record(client.channel('b', { last: 2 }));
  const c = record(client.channel('c', { since: { offset: 2, epoch: 'another' } }));
  assert.deepEqual(client.channel('a').position, { offset: 2, epoch: 'epoch-1' });
  await clock.advance(10);
  assert.deepEqual(a, [3, 4, 5]);
  assert.deepEqual(b, [4, 5]);
  assert.deepEqual(c, [{ type: 'gap', channel: 'c', reason: 'epoch_changed', since: { offset: 2, epoch: 'another' } }]);
});
