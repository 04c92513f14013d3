// What a client may do: publishing, subscriptions that the server ends, and tokens of single channels.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WavecastError } from 'wavecast';
import { record, setUp } from './support/fake.mjs';

const subscribes = (server) => server.received.flat().filter(({ type }) => type === 'subscribe');

test('publishes, and resolves with the id and the position', async () => {
  const { client, server, clock } = setUp();
  const seen = [];
  client.channel('chat').on('message', ({ from, event, data }) => seen.push([from, event, data.text, data.id]));
  await clock.advance(20);
  const [first, second] = [client.publish('chat', { text: 'hi' }, { event: 'said', id: 'mine' }), client.publish('chat', { text: 'there' })];
  await clock.advance(20);
  const { event_id, offset } = await first;
  assert.deepEqual([event_id, offset, (await second).offset], ['mine', 1, 2]);
  assert.deepEqual(server.received.flat().find(({ type }) => type === 'publish'), { type: 'publish', channel: 'chat', data: { text: 'hi' }, event: 'said', event_id: 'mine', id: 2 });
  const [[from, event, text, id]] = seen;
  assert.deepEqual([typeof from, event, text, id], ['string', 'said', 'hi', 'mine']);
});

test('a publication that is refused rejects with the code, and one without a connection with the cause', async () => {
  const { client, server, clock } = setUp();
  server.refusal = ({ type }) => type === 'publish' ? 'forbidden' : undefined;
  const refused = client.publish('chat', 1);
  refused.catch(() => {});
  await clock.advance(20);
  await assert.rejects(refused, (error) => error instanceof WavecastError && error.code === 'forbidden' && !error.temporary);
  server.refusal = () => {};
  server.freeze();
  const lost = client.publish('chat', 1);
  lost.catch(() => {});
  await clock.advance(1);
  server.kill();
  await clock.advance(10);
  await assert.rejects(lost, { code: 'connection_lost' });
  client.disconnect();
  await assert.rejects(client.publish('chat', 1), { code: 'closed' });
});

for (const [kind, topicOf] of [['channel', (client) => client.channel('news')], ['room', (client) => client.room('news')]]) {
  test(`a ${kind} whose right has ended ends with the reason, and is not asked for again`, async () => {
    const { client, server, clock } = setUp();
    const topic = topicOf(client), seen = record(topic), ended = [], errors = [];
    client.on('error', (error) => errors.push(error.code));
    topic.on('unsubscribed', (error) => ended.push(error.code));
    await clock.advance(20);
    if (kind === 'channel') server.publish('news', { n: 1 });
    else server.say('news', 'bob', 1);
    server.end(kind, 'news', 'forbidden');
    await clock.advance(20);
    assert.deepEqual([seen, ended, errors, topic.state], [[1], ['forbidden'], ['forbidden'], 'unsubscribed']);
    const before = server.received.length;
    server.kill();
    await clock.advance(5000);
    assert.deepEqual([client.state, topic.state, server.received.length - before <= 1], ['connected', 'unsubscribed', true]);
    // The application may try again.
    assert.equal(topic.subscribe() instanceof Promise, true);
    await clock.advance(20);
    assert.equal(topic.state, 'subscribed');
  });
}

test('a loop over messages ends with the reason', async () => {
  const { client, server, clock } = setUp();
  client.on('error', () => {});
  const seen = [];
  const loop = (async () => {
    for await (const { data } of client.channel('news').messages()) seen.push(data.n);
  })();
  loop.catch(() => {});
  await clock.advance(20);
  server.publish('news', { n: 1 });
  server.end('channel', 'news', 'forbidden');
  await clock.advance(20);
  await assert.rejects(loop, { code: 'forbidden' });
  assert.deepEqual(seen, [1]);
});

test('a subscription token is asked for each time, and a new one continues where the last one ended', async () => {
  const { client, server, clock } = setUp();
  const asked = [], states = [];
  const doc = client.channel('doc:17', { getToken: async ({ channel }) => `${channel} ${asked.push(channel)}` });
  doc.on('state', (state) => states.push(state));
  const seen = record(doc);
  await clock.advance(20);
  server.publish('doc:17', { n: 1 });
  server.end('channel', 'doc:17', 'token_expired');
  server.publish('doc:17', { n: 2 });
  await clock.advance(20);
  server.publish('doc:17', { n: 3 });
  await clock.advance(20);
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual(subscribes(server).map(({ token }) => token), ['doc:17 1', 'doc:17 2']);
  assert.deepEqual(states, ['subscribing', 'subscribed', 'subscribing', 'subscribed']);
  server.kill();
  server.publish('doc:17', { n: 4 });
  await clock.advance(2000);
  assert.deepEqual([seen, asked.length, doc.state], [[1, 2, 3, 4], 3, 'subscribed']);
});

test('other subscriptions do not wait for a token', async () => {
  const { client, clock } = setUp();
  const doc = client.channel('doc', { getToken: () => new Promise(() => {}) }), news = client.channel('news');
  client.on('error', () => {});
  for (const topic of [doc, news]) record(topic);
  await clock.advance(20);
  assert.deepEqual([doc.state, news.state], ['subscribing', 'subscribed']);
  const end = new Promise((resolve) => doc.on('unsubscribed', resolve));
  await clock.advance(10_000);
  assert.deepEqual([(await end).code, (await end).message], ['timeout', 'getToken']);
});

test('getToken that fails refuses a first subscription, and is tried again for one that has begun', async () => {
  const { client, server, clock } = setUp();
  let fails = true;
  const doc = client.channel('doc', { getToken: () => fails ? Promise.reject(new Error('offline')) : 'good' });
  client.on('error', () => {});
  const first = doc.subscribe();
  await clock.advance(20);
  await assert.rejects(first, { message: 'offline' });
  fails = false;
  const seen = record(doc), errors = [];
  doc.on('error', (error) => errors.push(error.message));
  await clock.advance(20);
  fails = true;
  server.end('channel', 'doc', 'token_expired');
  await clock.advance(2000);
  assert.equal(doc.state, 'subscribing');
  assert.ok(errors.length >= 1 && errors.every((message) => message === 'offline'), `${errors}`);
  server.publish('doc', { n: 1 });
  fails = false;
  await clock.advance(30_000);
  assert.deepEqual([seen, doc.state], [[1], 'subscribed']);
});

test('a token that comes when nobody wants the subscription any more is not used', async () => {
  const { client, server, clock } = setUp();
  let resolve;
  const doc = client.channel('doc', { getToken: () => new Promise((done) => { resolve = done; }) });
  const stop = doc.on('message', () => {});
  await clock.advance(20);
  stop();
  await clock.advance(1);
  resolve('late');
  await clock.advance(20);
  assert.deepEqual([subscribes(server), doc.state], [[], 'unsubscribed']);
});
