// `onGap`: deliveries wait for it, within bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { record, setUp } from './support/fake.mjs';

test('onGap holds back deliveries until it resolves', async () => {
  const { client, server, clock } = setUp();
  const calls = [];
  const news = client.channel('news', {
    onGap: (gap, { signal }) => new Promise((resolve) => calls.push({ gap, signal, resolve })),
  });
  const seen = record(news);
  await clock.advance(10);
  server.publish('news', { n: 1 });
  await clock.advance(10);
  server.restart();
  await clock.advance(1000);
  for (const n of [2, 3]) server.publish('news', { n });
  server.skip('news', [{ n: 4 }]);
  server.publish('news', { n: 5 });
  await clock.advance(10);
  assert.equal(seen.length, 2);
  assert.equal(calls.length, 1);
  assert.deepEqual(news.position, { offset: 0, epoch: 'epoch-2' }, 'the position is that of the last delivered message');
  calls[0].resolve();
  await clock.advance();
  assert.deepEqual(seen.slice(2).map((item) => item.reason ?? item), [2, 3, 'skipped']);
  assert.equal(calls.length, 2, 'the second gap waits for its turn');
  calls[1].resolve();
  await clock.advance();
  assert.deepEqual(seen.at(-1), 5);
  assert.deepEqual(calls.map(({ signal }) => signal.aborted), [true, true]);
});

test('onGap has a deadline, its failure is an event, and unsubscribing aborts it', async () => {
  const { client, server, clock } = setUp({ gapTimeoutMs: 30_000 });
  let act = () => new Promise(() => {});
  const signals = [], errors = [];
  const news = client.channel('news', { onGap: (gap, { signal }) => { signals.push(signal); return act(); } });
  const seen = record(news);
  news.on('error', (error) => errors.push(error.code ?? error.message));
  await clock.advance(10);
  server.skip('news', [1]);
  server.publish('news', { n: 2 });
  await clock.advance(29_900);
  assert.equal(seen.length, 1);
  await clock.advance(200);
  assert.deepEqual([seen.at(-1), errors, signals[0].aborted], [2, ['timeout'], true]);
  act = () => { throw new Error('refetch'); };
  server.skip('news', [3]);
  server.publish('news', { n: 4 });
  await clock.advance(10);
  assert.deepEqual([seen.at(-1), errors], [4, ['timeout', 'refetch']]);
  act = () => new Promise(() => {});
  server.skip('news', [5]);
  server.publish('news', { n: 6 });
  await clock.advance(10);
  news.unsubscribe();
  assert.equal(signals[2].aborted, true);
  await clock.advance(40_000);
  assert.deepEqual([seen.at(-1).reason, errors.length], ['skipped', 2]);
});

test('what was held back for onGap is dropped with its subscription', async () => {
  const { client, server, clock } = setUp();
  const resolves = [];
  const news = client.channel('news', { onGap: () => new Promise((resolve) => resolves.push(resolve)) });
  const seen = record(news);
  await clock.advance(10);
  server.skip('news', [1]);
  server.publish('news', { n: 2 });
  await clock.advance(10);
  news.unsubscribe();
  news.subscribe();
  await clock.advance(10);
  server.skip('news', [3]);
  server.publish('news', { n: 4 });
  await clock.advance(10);
  resolves[0]();
  await clock.advance(10);
  assert.deepEqual(seen.map((item) => item.reason ?? item), ['skipped', 'skipped'], 'the second onGap is still running');
  resolves[1]();
  await clock.advance(10);
  assert.equal(seen.at(-1), 4);
});

test('messages that exceed the buffer while onGap runs become a gap', async () => {
  const { client, server, clock } = setUp();
  const resolves = [];
  const news = client.channel('news', { gapBuffer: 10, onGap: () => new Promise((resolve) => resolves.push(resolve)) });
  const seen = record(news);
  await clock.advance(10);
  server.skip('news', [1]);
  for (let n = 2; n <= 26; n += 1) server.publish('news', { n });
  await clock.advance(10);
  resolves[0]();
  await clock.advance();
  assert.deepEqual(seen.slice(1), [{ type: 'gap', channel: 'news', reason: 'buffer_full', missed: 19, since: { offset: 1, epoch: 'epoch-1' } }]);
  resolves[1]();
  await clock.advance();
  assert.deepEqual(seen.slice(2), [21, 22, 23, 24, 25, 26]);
});
