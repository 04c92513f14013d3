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

test('a refusal is heard: by `error` of the client, or else on the console', async (t) => {
  const printed = t.mock.method(console, 'error', () => {});
  const { client, clock } = setUp({ url: 'ws://fake/ws?user=ann' });
  client.channel('$user:bob').on('message', () => {});
  await clock.advance(10);
  assert.deepEqual(printed.mock.calls.map(({ arguments: [error] }) => [error.name, error.code, error.message]), [['WavecastError', 'forbidden', 'forbidden: $user:bob']]);
  const errors = [];
  client.on('error', ({ code, message }) => errors.push([code, message]));
  client.channel('$user:bob').on('message', () => {});
  await clock.advance(10);
  assert.deepEqual([errors, printed.mock.callCount()], [[['forbidden', 'forbidden: $user:bob']], 1]);
});

test('an error of a topic that has no listener for it goes to the client', async () => {
  const { client, server, clock } = setUp();
  const errors = [];
  client.on('error', ({ code }) => errors.push(code));
  client.room('general').on('message', () => {});
  client.channel('news', { onGap: () => { throw Object.assign(new Error(), { code: 'mine' }); } }).on('message', () => {});
  await clock.advance(10);
  server.skip('news', [1]);
  server.refusal = ({ type }) => type === 'join' ? 'room_full' : undefined;
  await clock.advance(10);
  server.kill();
  await clock.advance(700);
  assert.deepEqual([...new Set(errors)], ['mine', 'room_full']);
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
  assert.ok(server.received.every(({ type }) => type === 'ping'));
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

test('states say what is, and every change is an event', async () => {
  const { client, server, clock } = setUp();
  const news = client.channel('news'), states = [];
  news.on('state', (state) => states.push(state));
  assert.equal(news.state, 'unsubscribed');
  const stop = news.on('message', () => {});
  await clock.advance(10);
  server.kill();
  await clock.advance(1000);
  client.disconnect();
  assert.deepEqual(states.splice(0), ['subscribing', 'subscribed', 'subscribing', 'subscribed', 'unsubscribed']);
  news.on('message', () => {});
  await clock.advance(100_000);
  assert.equal(news.state, 'unsubscribed', 'nobody is subscribing it');
  client.connect();
  assert.equal(news.state, 'subscribing');
  client.disconnect();
  client.connect();
  await clock.advance(10);
  stop();
  news.unsubscribe();
  await clock.advance(10);
  assert.deepEqual(states, ['subscribing', 'unsubscribed', 'subscribing', 'subscribed', 'unsubscribed']);
});

test('after disconnect(), subscribe() rejects at once, and the next connect() subscribes', async () => {
  const { client, clock } = setUp();
  client.connect();
  await clock.advance(10);
  const pending = assert.rejects(client.channel('late').subscribe(), failsWith('closed'));
  client.disconnect();
  await pending;
  await assert.rejects(client.channel('news').subscribe(), (error) => failsWith('closed')(error) && error.message === 'closed ws://fake/ws 1000 disconnect');
  await assert.rejects(client.channel('news').history(), failsWith('closed'));
  assert.equal(client.channel('news').state, 'unsubscribed');
  client.connect();
  await clock.advance(10);
  assert.equal(client.channel('news').state, 'subscribed');
});

test('a listener to the state may disconnect or connect', async () => {
  const { client, server, clock } = setUp();
  for (const name of ['a', 'b']) client.channel(name).on('message', () => {});
  await clock.advance(10);
  let off = client.channel('a').on('state', (state) => state === 'subscribing' && client.disconnect());
  server.kill();
  await clock.advance(60_000);
  assert.deepEqual([client.state, client.channel('b').state, server.connections], ['disconnected', 'unsubscribed', 0]);
  off();
  client.connect();
  await clock.advance(10);
  off = client.channel('a').on('state', (state) => state === 'unsubscribed' && client.connect());
  client.disconnect();
  await clock.advance(10);
  assert.deepEqual([client.state, client.channel('a').state, client.channel('b').state, server.connections], ['connected', 'subscribed', 'subscribed', 1]);
});

test('timeouts say the address without its query, and why there is no connection', async () => {
  const { client, server, clock } = setUp({ url: 'ws://fake/ws?token=secret' });
  server.refuseConnections();
  const late = [client.channel('news').subscribe(), client.channel('news').history()].map((call) => call.catch(({ message }) => message));
  await clock.advance(20_000);
  assert.deepEqual(await Promise.all(late), ['timeout ws://fake/ws 1006', 'timeout ws://fake/ws 1006']);
});

test('listeners by the name of the event hold the subscription, and get only those events', async () => {
  const { client, server, clock } = setUp();
  const orders = client.channel('orders'), seen = [];
  const stop = orders.on('event:order.created', ({ event, data }) => {
    seen.push([event, data.n]);
    if (data.n === 3) stop();
  });
  await clock.advance(10);
  assert.equal(orders.state, 'subscribed');
  server.publish('orders', { n: 1 }, { event: 'order.created' });
  server.publish('orders', { n: 2 }, { event: 'order.paid' });
  server.publish('orders', { n: 2 });
  server.publish('orders', { n: 3 }, { event: 'order.created' });
  server.publish('orders', { n: 4 }, { event: 'order.created' });
  await clock.advance(10);
  assert.deepEqual(seen, [['order.created', 1], ['order.created', 3]]);
  assert.equal(orders.state, 'unsubscribed');
});
