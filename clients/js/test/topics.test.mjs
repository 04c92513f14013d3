// The subscriptions' state machine: what is asked for, resumed, dropped as a duplicate, and told as a gap.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WavecastError } from 'wavecast';
import { record, setUp } from './support/fake.mjs';

const off = (code) => (error) => error instanceof WavecastError && error.code === code;

test('the same name is the same object, and it is subscribed as long as somebody holds it', async () => {
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

test('letting go and taking hold in one go says nothing to the server', async () => {
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

test('unsubscribe() ends it for all, and a new subscribe() begins anew', async () => {
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

test('the signal of a listener lets go', async () => {
  const { client, clock } = setUp();
  const abort = new AbortController();
  client.channel('news').on('message', () => assert.fail('heard'), { signal: abort.signal });
  await clock.advance(10);
  abort.abort();
  await clock.advance(10);
  assert.equal(client.channel('news').state, 'unsubscribed');
  client.channel('news').on('message', () => {}, { signal: abort.signal });
  assert.equal(client.channel('news').state, 'unsubscribed');
});

test('comes back with one frame for all channels and rooms, each with its position', async () => {
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

test('a frame never grows past what the server takes', async () => {
  const { client, clock, sockets } = setUp({ maxMessageBytes: 2000 });
  let largest = 0;
  client.connect();
  const { send } = sockets[0];
  sockets[0].send = function (text) {
    largest = Math.max(largest, Buffer.byteLength(text));
    send.call(this, text);
  };
  for (let n = 0; n < 200; n += 1) client.channel(`ch\u00e4nnel-${n}`).on('message', () => {});
  await clock.advance(10);
  assert.ok(largest > 1800 && largest <= 2000, `${largest}`);
  assert.equal(client.channel('ch\u00e4nnel-199').state, 'subscribed');
});

test('what was missed comes once, in order, before what is new', async () => {
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

test('what comes twice is delivered once, and an offset that is missing is a gap', async () => {
  const { client, server, clock, sockets } = setUp();
  const seen = record(client.channel('news'));
  await clock.advance(10);
  const deliver = (offset) => sockets[0].onmessage({ data: JSON.stringify({ type: 'event', channel: 'news', data: { n: offset }, offset }) });
  for (const offset of [1, 1, 2, 1, 5, 3, 5, 6]) deliver(offset);
  assert.deepEqual(seen, [1, 2, { type: 'gap', channel: 'news', reason: 'hole', missed: 2, from: 3, to: 4, since: { offset: 2, epoch: 'epoch-1' } }, 5, 6]);
  server.kill();
  await clock.advance(1000);
});

test('a restarted server is a gap', async () => {
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

test('history that was too short is a gap with its bounds, and the newest follow when they were asked for', async () => {
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

test('a channel without history says that it cannot know', async () => {
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

test('what the server leaves out is a gap, with the offsets, and is not asked for again', async () => {
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

test('starts behind a stored position, or with the newest', async () => {
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

test('onGap holds deliveries back until it has resolved', async () => {
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
  assert.deepEqual(news.position, { offset: 0, epoch: 'epoch-2' }, 'the position is that of the delivered');
  calls[0].resolve();
  await clock.advance();
  assert.deepEqual(seen.slice(2).map((item) => item.reason ?? item), [2, 3, 'skipped']);
  assert.equal(calls.length, 2, 'the second gap waits in its turn');
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

test('what waited for onGap is gone with its subscription', async () => {
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
  assert.deepEqual(seen.map((item) => item.reason ?? item), ['skipped', 'skipped'], 'the second onGap still runs');
  resolves[1]();
  await clock.advance(10);
  assert.equal(seen.at(-1), 4);
});

test('what does not fit while onGap runs is a gap of its own', async () => {
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

test('a refused subscription rejects and ends', async () => {
  const { client, server, clock } = setUp();
  server.refusal = ({ type }) => type === 'subscribe' ? 'too_many_topics' : undefined;
  const news = client.channel('news');
  const ended = [];
  news.on('unsubscribed', (error) => ended.push(error?.code));
  const subscribed = assert.rejects(news.subscribe(), off('too_many_topics'));
  await clock.advance(10);
  await subscribed;
  assert.deepEqual([news.state, ended], ['unsubscribed', ['too_many_topics']]);
  server.refusal = () => {};
  const again = news.subscribe();
  await clock.advance(10);
  assert.equal((await again).wasRecovering, false);
});

test('a temporary refusal on the way back is tried again', async () => {
  const { client, server, clock } = setUp();
  const general = client.room('general');
  const errors = [];
  general.on('error', ({ code, temporary }) => errors.push([code, temporary]));
  general.join();
  await clock.advance(10);
  // The server has not noticed that the old connection is dead: the client's own ghost takes the place.
  server.refusal = ({ type }) => type === 'join' ? 'room_full' : undefined;
  server.kill();
  await clock.advance(3000);
  assert.ok(errors.length >= 2);
  assert.deepEqual(errors[0], ['room_full', true]);
  assert.equal(general.state, 'subscribing');
  const sent = general.send('when I am back', { timeoutMs: 20_000 });
  await clock.advance(1000);
  assert.ok(!server.received.flat().some(({ type }) => type === 'message'), 'it waits for the room');
  server.refusal = () => {};
  await clock.advance(10_000);
  assert.equal(general.state, 'subscribed');
  assert.deepEqual(await sent, { offset: 1 });
});

test('subscribe() gives up waiting, not trying', async () => {
  const { client, server, clock } = setUp();
  server.refuseConnections();
  const late = assert.rejects(client.channel('news').subscribe({ timeoutMs: 3000 }), off('timeout'));
  const abort = new AbortController();
  const aborted = assert.rejects(client.channel('news').subscribe({ signal: abort.signal }), /mine/);
  abort.abort(new Error('mine'));
  await aborted;
  await clock.advance(3010);
  await late;
  server.refuseConnections(false);
  await clock.advance(30_000);
  assert.equal(client.channel('news').state, 'subscribed');
  assert.equal((await client.channel('news').subscribe()).wasRecovering, false, 'at once when it is there');
});

test('a subscription that is never answered costs the connection, not the subscription', async () => {
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

test('the channels that everybody hears are not asked for', async () => {
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

test('a loop gets the messages, bounded, and ends with its signal', async () => {
  const { client, server, clock } = setUp();
  const news = client.channel('news'), abort = new AbortController();
  const got = [];
  const loop = (async () => {
    for await (const { data } of news.messages({ signal: abort.signal })) got.push(data.n);
  })();
  await clock.advance(10);
  for (const n of [1, 2, 3]) server.publish('news', { n });
  await clock.advance(10);
  abort.abort();
  await loop;
  await clock.advance(10);
  assert.deepEqual([got, news.state], [[1, 2, 3], 'unsubscribed']);
  for await (const _ of news.messages({ signal: abort.signal })) assert.fail('it was aborted');
});

test('a loop that falls behind ends with an error, or drops the oldest and says so', async () => {
  for (const overflow of ['error', 'drop-oldest']) {
    const { client, server, clock } = setUp();
    const news = client.channel('news'), gaps = [];
    news.on('gap', ({ reason, from }) => gaps.push([reason, from]));
    const loop = news.messages({ buffer: 3, overflow });
    const first = loop.next();
    await clock.advance(10);
    for (let n = 1; n <= 5; n += 1) server.publish('news', { n });
    await clock.advance(10);
    assert.equal((await first).value.data.n, 1);
    server.publish('news', { n: 6 });
    await clock.advance(10);
    const rest = [];
    const reading = (async () => { for await (const { data } of loop) rest.push(data.n); })();
    if (overflow === 'error') {
      await assert.rejects(reading, off('buffer_full'));
      assert.deepEqual([rest, gaps], [[2, 3, 4], []]);
    } else {
      news.unsubscribe();
      await reading;
      assert.deepEqual([rest, gaps], [[4, 5, 6], [['buffer_full', 2], ['buffer_full', 3]]]);
    }
  }
});

test('a loop over a refused channel throws, and leaving a loop lets go', async () => {
  const { client, server, clock } = setUp();
  server.refusal = () => 'invalid_channel';
  const refused = assert.rejects((async () => { for await (const _ of client.channel('x').messages()); })(), off('invalid_channel'));
  await clock.advance(10);
  await refused;
  server.refusal = () => {};
  const left = (async () => { for await (const _ of client.channel('y').messages()) break; })();
  await clock.advance(10);
  server.publish('y', 1);
  await clock.advance(10);
  await left;
  await clock.advance(10);
  assert.equal(client.channel('y').state, 'unsubscribed');
});

test('history is read page by page, with or without a subscription', async () => {
  const { client, server, clock } = setUp();
  for (let n = 1; n <= 5; n += 1) server.publish('news', { n });
  const read = async (options) => {
    const page = client.channel('news').history(options);
    await clock.advance(10);
    const { items, more, offset, epoch } = await page;
    return [items.map(({ data }) => data.n), more, offset, epoch];
  };
  assert.deepEqual(await read(), [[1, 2, 3, 4, 5], false, 5, 'epoch-1']);
  assert.deepEqual(await read({ limit: 2 }), [[4, 5], true, 5, 'epoch-1']);
  assert.deepEqual(await read({ limit: 2, before: 4 }), [[2, 3], true, 5, 'epoch-1']);
  assert.deepEqual(await read({ limit: 2, after: 3 }), [[4, 5], false, 5, 'epoch-1']);
  await assert.rejects(client.room('general').history(), off('not_in_room'));
  server.options.history = 0;
  const none = assert.rejects(client.channel('other').history(), off('no_history'));
  await clock.advance(10);
  await none;
});

test('commands are bounded in number, size and time', async () => {
  const { client, server, clock } = setUp({ maxPending: 3, maxMessageBytes: 300, commandTimeoutMs: 5000 });
  const general = client.room('general');
  await assert.rejects(general.send('hi'), off('not_in_room'));
  general.join();
  const large = assert.rejects(general.send('\u00e4'.repeat(150)), off('message_too_large'));
  const waiting = [1, 2, 3].map((n) => assert.rejects(general.send(n), off('timeout')));
  await large;
  const fourth = assert.rejects(general.send(4), off('queue_full'));
  server.freeze();
  await clock.advance(5010);
  await Promise.all([...waiting, fourth]);
  client.disconnect();
  await assert.rejects(general.send('hi'), off('closed'));
});
