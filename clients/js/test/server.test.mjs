// Against the real server, in its own process.
//
//   SERVER_BIN     the binary (default: target/release/wavecast)
import assert from 'node:assert/strict';
import { test } from 'node:test';
import WebSocket from 'ws';
import { record } from './support/fake.mjs';
import { Proxy } from './support/proxy.mjs';
import { HISTORY, Server, connect, publish, range, until } from './support/real.mjs';

async function start(t, flags = HISTORY, port = 0) {
  const server = await Server.start(port, flags);
  t.after(() => server.stop('SIGKILL'));
  return server;
}

test('subscribes and receives events', async (t) => {
  const server = await start(t);
  const client = connect(t, server.url), news = client.channel('news');
  const messages = [];
  news.on('message', (message) => messages.push(message));
  const { offset, epoch } = await news.subscribe();
  assert.equal(offset, 0);
  await server.publish({ channel: 'news', event: 'story', id: 'story-1', data: { title: 'one' } });
  await server.publish({ channel: 'news', data: 7 });
  await until(() => messages.length === 2);
  const [{ data: { timestamp, ...data }, ...story }, { data: { value } }] = messages;
  assert.deepEqual([story, data, value], [{ type: 'event', channel: 'news', event: 'story', offset: 1 }, { id: 'story-1', title: 'one' }, 7]);
  assert.ok(Date.parse(timestamp));
  assert.deepEqual(news.position, { offset: 2, epoch });
  news.unsubscribe();
  await until(async () => (await server.publish({ channel: 'news', data: 8 })).subscribers === 0);
});

test('members of a room talk, and every message is acknowledged', async (t) => {
  const server = await start(t);
  const [ann, bob] = [connect(t, server.url).room('general'), connect(t, server.url).room('general')];
  const seen = record(ann), joined = [];
  ann.on('user_joined', ({ user_id }) => joined.push(user_id));
  await ann.join();
  assert.equal((await bob.join()).members, 2);
  for (const n of range(1, 10)) assert.deepEqual(await bob.send(n), { offset: n });
  await until(() => seen.length === 10);
  assert.deepEqual(seen, range(1, 10));
  assert.deepEqual([joined.length, ann.members], [1, 2]);
  const { items } = await ann.history({ limit: 3 });
  assert.deepEqual(items.map(({ from, content }) => [from, content]), [8, 9, 10].map((n) => [joined[0], n]));
  const left = new Promise((resolve) => ann.on('user_left', resolve));
  bob.leave();
  assert.equal((await left).user_id, joined[0]);
  assert.equal(ann.members, 1);
  await assert.rejects(bob.send('gone'), { code: 'not_in_room' });
});

test('frames that the server refuses as a whole fail only the command at fault', async (t) => {
  const server = await start(t, [...HISTORY, '--max-message-size', '2KiB']);
  const client = connect(t, server.url), errors = [];
  client.on('error', ({ code }) => errors.push(code));
  const names = range(1, 200).map((n) => `channel-${n}`), seen = names.map((name) => record(client.channel(name)));
  const room = client.room('general'), joined = room.join();
  const large = assert.rejects(room.send('x'.repeat(4000)), { code: 'message_too_large' });
  await Promise.all([joined, large, ...names.map((name) => client.channel(name).subscribe())]);
  assert.deepEqual(await room.send('fits'), { offset: 1 });
  for (const name of names) await server.publish({ channel: name, data: { n: 1 } });
  await until(() => seen.every((one) => one.length === 1));
  assert.deepEqual([errors, client.status.attempt], [[], 0]);
});

test('a lone surrogate in a name or a message becomes U+FFFD, and harms nothing else', async (t) => {
  const server = await start(t);
  const client = connect(t, server.url), [odd, even] = ['odd\ud800', 'even'].map((name) => record(client.channel(name)));
  const [ann, bob] = [client, connect(t, server.url)].map((one) => one.room('general')), heard = record(bob);
  await Promise.all([ann.join(), bob.join(), client.channel('odd\ud800').subscribe(), client.channel('even').subscribe()]);
  await ann.send('a\udfffb');
  for (const channel of ['odd\ufffd', 'even']) await server.publish({ channel, data: { n: 1 } });
  await until(() => odd.length && even.length && heard.length);
  assert.deepEqual([odd, even, heard, client.status.attempt], [[1], [1], ['a\ufffdb'], 0]);
});

test('a full room refuses to be joined', async (t) => {
  const server = await start(t, ['--max-clients-per-room', '1']);
  const [one, other] = [connect(t, server.url).room('general'), connect(t, server.url).room('general')];
  await one.join();
  await assert.rejects(other.join(), { code: 'room_full', temporary: true });
  assert.equal(other.state, 'unsubscribed');
});

test('reads history in both directions', async (t) => {
  const server = await start(t);
  await publish(server, 'news', 1, 10);
  const news = connect(t, server.url).channel('news');
  const numbers = ({ items, more }) => [items.map(({ data }) => data.n), more];
  assert.deepEqual(numbers(await news.history({ limit: 3 })), [[8, 9, 10], true]);
  assert.deepEqual(numbers(await news.history({ limit: 3, before: 4 })), [[1, 2, 3], false]);
  assert.deepEqual(numbers(await news.history({ limit: 3, after: 4 })), [[5, 6, 7], true]);
  const bare = await start(t, ['--history', '0']);
  await assert.rejects(connect(t, bare.url).channel('news').history(), { code: 'no_history' });
});

test('starts with the newest, or after a stored position', async (t) => {
  const server = await start(t);
  await publish(server, 'news', 1, 10);
  const { epoch } = await connect(t, server.url).channel('news').history();
  const channels = [{ last: 3 }, { since: { offset: 4, epoch } }].map((options) => connect(t, server.url).channel('news', options));
  const [last, since] = channels.map(record);
  await Promise.all(channels.map((channel) => channel.subscribe()));
  await publish(server, 'news', 11, 12);
  await until(() => last.at(-1) === 12 && since.at(-1) === 12);
  assert.deepEqual([last.slice(0, 3), since], [[8, 9, 10], range(5, 12)]);
});

for (const how of ['cut', 'reset']) {
  test(`receives everything after a ${how}, once and in order`, async (t) => {
    const server = await start(t);
    const proxy = await Proxy.start(server.url);
    t.after(() => proxy.stop());
    const client = connect(t, proxy.url), news = client.channel('news'), seen = record(news);
    const replies = [];
    news.on('subscribed', (reply) => replies.push(reply));
    await news.subscribe();
    await publish(server, 'news', 1, 20);
    await until(() => seen.at(-1) === 20);
    proxy.refuses = true;
    proxy[how]();
    await publish(server, 'news', 21, 700);
    proxy.refuses = false;
    await publish(server, 'news', 701, 720);
    await until(() => seen.at(-1) === 720);
    assert.deepEqual(seen, range(1, 720));
    assert.deepEqual([replies.length, replies[1].recovered], [2, true]);
  });
}

for (const how of ['cut', 'reset']) {
  test(`a user receives every notification after a ${how}, once and in order`, async (t) => {
    const server = await start(t, [...HISTORY, '--dev']);
    const proxy = await Proxy.start(server.url);
    t.after(() => proxy.stop());
    const client = connect(t, `${proxy.url}/ws?user=bob`), mine = client.channel('$user:bob'), seen = record(mine), replies = [];
    mine.on('subscribed', ({ recovered, wasRecovering }) => replies.push([recovered, wasRecovering]));
    await mine.subscribe();
    const notify = async (from, to) => {
      for (const n of range(from, to)) await server.publish({ user: 'bob', data: { n } });
    };
    await notify(1, 20);
    await until(() => seen.at(-1) === 20);
    proxy.refuses = true;
    proxy[how]();
    await notify(21, 60);
    proxy.refuses = false;
    // Some of these arrive on the new connection before it has subscribed.
    await notify(61, 120);
    await until(() => seen.at(-1) === 120);
    assert.deepEqual(seen, range(1, 120));
    assert.deepEqual(replies, [[undefined, false], [true, true]]);
    const { items } = await mine.history({ limit: 2 });
    assert.deepEqual(items.map(({ data }) => data.n), [119, 120]);
    await assert.rejects(client.channel('$user:ann').subscribe(), { code: 'forbidden', temporary: false });
  });
}

test('reports a gap after SIGKILL and a restart', async (t) => {
  const server = await start(t);
  const client = connect(t, server.url), news = client.channel('news'), bare = client.channel('$all');
  const seen = record(news), all = record(bare);
  await news.subscribe();
  await publish(server, 'news', 1, 10);
  await until(() => seen.at(-1) === 10);
  const since = news.position;
  await server.stop('SIGKILL');
  await until(() => client.state === 'connecting');
  const again = await start(t, HISTORY, server.port);
  await until(() => news.state === 'subscribed');
  await publish(again, 'news', 11, 20);
  await until(() => seen.at(-1) === 20);
  assert.deepEqual(seen, [...range(1, 10), { type: 'gap', channel: 'news', reason: 'epoch_changed', since }, ...range(11, 20)]);
  assert.deepEqual(all.map(({ reason }) => reason), ['no_history']);
});

test('a shutdown is announced, and reconnecting is spread over its window', async (t) => {
  const server = await start(t);
  let spread = 0;
  const clock = { now: () => performance.now(), date: Date.now, random: () => 0.5 };
  const client = connect(t, server.url, { clock: { ...clock, setTimeout: (act, ms) => setTimeout(act, ms), clearTimeout: (timer) => clearTimeout(timer) } });
  const notices = [];
  client.channel('$system').on('message', (message) => notices.push(message));
  await client.channel('$system').subscribe();
  const lost = new Promise((resolve) => client.on('status', (status) => {
    if (status.state !== 'connecting') return;
    spread = status.nextRetryAt - Date.now();
    resolve(status);
  }));
  await server.stop('SIGTERM');
  const { code } = await lost;
  assert.equal(code, 1001);
  assert.equal(notices[0].event, 'shutdown');
  const window = notices[0].data.reconnect_within_ms;
  assert.ok(window > 0);
  assert.ok(Math.abs(spread - window / 2) < 50, `${spread} of ${window}`);
});

test('a client that is evicted for reading slowly reconnects and receives everything', async (t) => {
  const server = await start(t, [...HISTORY, '--outbox-messages', '64']);
  const sockets = [];
  class Stallable extends WebSocket {
    constructor(url) {
      super(url);
      sockets.push(this);
    }
  }
  const client = connect(t, server.url, { WebSocket: Stallable, pingIntervalMs: 0 });
  const news = client.channel('news'), seen = record(news);
  const codes = [];
  client.on('status', ({ state, code }) => { if (state === 'connecting') codes.push(code); });
  await news.subscribe();
  sockets[0].pause();
  let published = 0;
  const padding = 'x'.repeat(60_000);
  // The kernel's buffers at both ends fill up first.
  await until(async () => {
    for (let n = 0; n < 20; n += 1) await server.publish({ channel: 'news', data: { n: ++published, padding } });
    const { active_connections: connections } = await (await fetch(`${server.url}/api/stats`)).json();
    return connections === 0;
  }, 'it was evicted');
  sockets[0].resume();
  await until(() => seen.at(-1) === published);
  assert.deepEqual(seen, range(1, published));
  t.diagnostic(`${published} published, closed with ${codes}`);
  assert.ok(sockets.length >= 2);
});
