// The state machine of a subscription: who holds it, what is requested and resumed, and what a refusal does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WavecastError } from 'wavecast';
import { record, setUp } from './support/fake.mjs';

const failsWith = (code) => (error) => error instanceof WavecastError && error.code === code;

test('the same name gives the same object, which is subscribed for as long as it has a holder', async () => {
  const { client, server, clock } = setUp();
  const news = client.channel('news');
  assert.equal(client.channel('news'), news);
  const [one, other] = [news.on('message', () => {}), news.on('message', () => {})];
  await clock.advance(10);
  one();
  one();
  await clock.advance(10);
  assert.equal(news.state, 'subscribed');
  other();
  await clock.advance(10);
  assert.equal(news.state, 'unsubscribed');
  assert.deepEqual(server.received.map(({ type }) => type), ['subscribe', 'unsubscribe']);
});

test('releasing and holding again in one turn sends nothing to the server', async () => {
  const { client, server, clock } = setUp();
  const news = client.channel('news');
  const first = news.on('message', () => {});
  await clock.advance(10);
  first();
  const seen = record(news);
  await clock.advance(10);
  assert.equal(server.received.length, 1);
  server.publish('news', { n: 1 });
  await clock.advance(10);
  assert.deepEqual(seen, [1]);
});

test('unsubscribe() ends it for all holders, and a new subscribe() starts fresh', async () => {
  const { client, server, clock } = setUp();
  const news = client.channel('news');
  const seen = record(news);
  await clock.advance(10);
  server.publish('news', { n: 1 });
  await clock.advance(10);
  news.unsubscribe();
  news.subscribe();
  server.publish('news', { n: 2 });
  await clock.advance(10);
  assert.deepEqual(server.received.flat().map(({ type, since, positions }) => [type, since, positions]),
    [['subscribe', undefined, true], ['unsubscribe', undefined, undefined], ['subscribe', undefined, true]]);
  server.publish('news', { n: 3 });
  await clock.advance(10);
  assert.deepEqual(seen, [1, 3]);
  news.unsubscribe();
  server.publish('news', { n: 4 });
  await clock.advance(10);
  assert.deepEqual(seen, [1, 3]);
});

test('aborting the signal of a listener releases the subscription', async () => {
  const { client, clock } = setUp();
  const abort = new AbortController();
  client.channel('news').on('message', () => assert.fail('it was called'), { signal: abort.signal });
  await clock.advance(10);
  abort.abort();
  await clock.advance(10);
  assert.equal(client.channel('news').state, 'unsubscribed');
  client.channel('news').on('message', () => {}, { signal: abort.signal });
  assert.equal(client.channel('news').state, 'unsubscribed');
});

test('resubscribes all channels and rooms in one frame, each with its position', async () => {
  const { client, server, clock } = setUp();
  for (let n = 0; n < 100; n += 1) client.channel(`c${n}`).on('message', () => {});
  client.room('general').join();
  await clock.advance(10);
  assert.deepEqual(server.received.map((frame) => frame.length), [101]);
  for (let n = 0; n < 100; n += 2) server.publish(`c${n}`, n);
  await clock.advance(10);
  server.received = [];
  server.kill();
  await clock.advance(2000);
  assert.deepEqual(server.received.map((frame) => frame.length), [101]);
  assert.deepEqual(server.received[0][2], { type: 'subscribe', since: { offset: 1, epoch: 'epoch-1' }, channel: 'c2', id: 104 });
  assert.equal(client.room('general').state, 'subscribed');
});

test('a refused subscription rejects and ends', async () => {
  const { client, server, clock } = setUp();
  server.refusal = ({ type }) => type === 'subscribe' ? 'too_many_topics' : undefined;
  const news = client.channel('news');
  const ended = [];
  news.on('unsubscribed', (error) => ended.push(error?.code));
  const subscribed = assert.rejects(news.subscribe(), failsWith('too_many_topics'));
  await clock.advance(10);
  await subscribed;
  assert.deepEqual([news.state, ended], ['unsubscribed', ['too_many_topics']]);
  server.refusal = () => {};
  const again = news.subscribe();
  await clock.advance(10);
  assert.equal((await again).wasRecovering, false);
});

test('a temporary refusal while reconnecting is retried', async () => {
  const { client, server, clock } = setUp();
  const general = client.room('general');
  const errors = [];
  general.on('error', ({ code, temporary }) => errors.push([code, temporary]));
  general.join();
  await clock.advance(10);
  // The server has not noticed that the old connection is dead, which still counts as a member.
  server.refusal = ({ type }) => type === 'join' ? 'room_full' : undefined;
  server.kill();
  await clock.advance(3000);
  assert.ok(errors.length >= 2);
  assert.deepEqual(errors[0], ['room_full', true]);
  assert.equal(general.state, 'subscribing');
  const sent = general.send('once I am back', { timeoutMs: 20_000 });
  await clock.advance(1000);
  assert.ok(!server.received.flat().some(({ type }) => type === 'message'), 'it waits until the client is a member');
  server.refusal = () => {};
  await clock.advance(10_000);
  assert.equal(general.state, 'subscribed');
  assert.deepEqual(await sent, { offset: 1 });
});

test('subscribe() stops waiting at its deadline, but the client keeps trying', async () => {
  const { client, server, clock } = setUp();
  server.refuseConnections();
  const late = assert.rejects(client.channel('news').subscribe({ timeoutMs: 3000 }), failsWith('timeout'));
  const abort = new AbortController();
  const aborted = assert.rejects(client.channel('news').subscribe({ signal: abort.signal }), /mine/);
  abort.abort(new Error('mine'));
  await aborted;
  await clock.advance(3010);
  await late;
  server.refuseConnections(false);
  await clock.advance(30_000);
  assert.equal(client.channel('news').state, 'subscribed');
  assert.equal((await client.channel('news').subscribe()).wasRecovering, false, 'it resolves at once when subscribed');
});

test('a subscription that is never confirmed closes the connection and is kept', async () => {
  const { client, server, clock, sockets } = setUp();
  client.connect();
  await clock.advance(10);
  const { send } = sockets[0];
  sockets[0].send = () => {};
  client.channel('news').subscribe();
  await clock.advance(7000);
  assert.ok(send);
  assert.equal(client.status.reason, 'no reply');
  assert.equal(client.channel('news').state, 'subscribed');
  assert.equal(server.dials, 2);
});

test("a user's own channel is resumed like any other, and its events from before the reply are not doubled", async () => {
  const { client, server, clock } = setUp({ url: 'ws://fake/ws?user=bob' });
  const mine = client.channel('$user:bob'), seen = record(mine), replies = [];
  mine.on('subscribed', ({ recovered }) => replies.push(recovered));
  await clock.advance(10);
  server.publish('$user:bob', { n: 1 });
  await clock.advance(10);
  server.kill();
  server.publish('$user:bob', { n: 2 });
  while (server.connections === 0) await clock.advance(1);
  // The new connection receives it before it has subscribed, and again with the replay.
  server.publish('$user:bob', { n: 3 });
  await clock.advance(100);
  server.publish('$user:bob', { n: 4 });
  await clock.advance(10);
  assert.deepEqual(seen, [1, 2, 3, 4]);
  assert.deepEqual(replies, [undefined, true]);
  assert.deepEqual(server.received.map(({ channel, positions, since }) => [channel, positions, since]),
    [['$user:bob', true, undefined], ['$user:bob', undefined, { offset: 1, epoch: 'epoch-1' }]]);
  server.received = [];
  mine.unsubscribe();
  server.publish('$user:bob', { n: 5 });
  await clock.advance(10);
  assert.deepEqual([seen.length, server.received], [4, []], 'what the server cannot end, the client ends for itself');
});

test("another user's channel is refused", async () => {
  const { client, clock } = setUp({ url: 'ws://fake/ws?user=ann' });
  const refused = assert.rejects(client.channel('$user:bob').subscribe(), failsWith('forbidden'));
  await clock.advance(10);
  await refused;
  assert.equal(client.channel('$user:bob').state, 'unsubscribed');
});

test('the channels that everyone receives are not subscribed to', async () => {
  const { client, server, clock } = setUp();
  const seen = record(client.channel('$all'));
  await clock.advance(10);
  server.publish('$all', { n: 1 });
  await clock.advance(10);
  assert.deepEqual(seen, [1]);
  server.kill();
  await clock.advance(1000);
  assert.equal(seen[1].reason, 'no_history');
  client.channel('$all').unsubscribe();
  await clock.advance(10);
  assert.deepEqual(server.received, []);
});

test('subscriptions and positions survive disconnect() and connect()', async () => {
  const { client, server, clock } = setUp();
  const seen = record(client.channel('news'));
  const ended = [];
  client.channel('news').on('unsubscribed', (error) => ended.push(error));
  await clock.advance(10);
  server.publish('news', { n: 1 });
  await clock.advance(10);
  client.disconnect();
  assert.equal(client.channel('news').state, 'unsubscribed');
  assert.deepEqual(ended, [undefined]);
  server.publish('news', { n: 2 });
  client.connect();
  assert.equal(client.channel('news').state, 'subscribing');
  await clock.advance(10);
  assert.deepEqual(seen, [1, 2]);
});
