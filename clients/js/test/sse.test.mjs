// Channels over server-sent events, and publishing over HTTP, against the real server.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocket from 'ws';
import { SseSocket, publish as publishOne } from 'wavecast/sse';
import { FakeClock } from 'wavecast/testing';
import { record } from './support/fake.mjs';
import { Proxy } from './support/proxy.mjs';
import { HISTORY, Server, connect, publish, range, until } from './support/real.mjs';

async function start(t, flags = FLAGS, port = 0) {
  const server = await Server.start(port, flags);
  t.after(() => server.stop('SIGKILL'));
  return server;
}
// Notices a dead stream quickly, because the server pings quickly, too.
SseSocket.silenceMs = 600;
const FLAGS = [...HISTORY, '--ping-interval', '200ms'];
const overSse = (t, url, options) => connect(t, url, { transports: [SseSocket], ...options });

test('receives channels, adds one to the stream, and reads history', async (t) => {
  const server = await start(t);
  const client = overSse(t, server.url), [news, more] = [client.channel('news'), client.channel('m\u00f6re & more')];
  const [seen, other, all] = [news, more, client.channel('$all')].map(record);
  const { offset } = await news.subscribe();
  assert.equal(offset, 0);
  await publish(server, 'news', 1, 10);
  await until(() => seen.at(-1) === 10);
  await more.subscribe();
  await publish(server, more.name, 1, 10);
  await publish(server, 'news', 11, 20);
  await server.publish({ broadcast: true, data: { n: 1 } });
  await until(() => seen.at(-1) === 20 && other.at(-1) === 10 && all.at(-1) === 1);
  assert.deepEqual([seen, other, all], [range(1, 20), range(1, 10), [1]]);
  const { items, more: rest } = await more.history({ limit: 3, before: 6 });
  assert.deepEqual([items.map(({ data }) => data.n), rest], [[3, 4, 5], true]);
  await assert.rejects(client.room('general').join(), { code: 'unsupported' });
  more.unsubscribe();
  await publish(server, more.name, 11, 11);
  await publish(server, 'news', 21, 21);
  await until(() => seen.at(-1) === 21);
  assert.equal(other.length, 10);
});

for (const subscribes of [false, true]) {
  test(`stays connected while nothing is published, ${subscribes ? 'with a subscription' : 'after connect() alone'}`, async (t) => {
    const server = await start(t), clock = new FakeClock(), pings = [];
    const client = overSse(t, server.url, {
      clock, pingIntervalMs: 25_000, probeTimeoutMs: 3000, onFrame: (direction, text) => { if (direction === 'out' && text.includes('ping')) pings.push(text); },
    });
    if (subscribes) client.channel('news').on('message', () => {});
    client.connect();
    await until(() => client.state === 'connected');
    const before = pings.length, statuses = [];
    client.on('status', ({ state, reason }) => statuses.push([state, reason]));
    for (let n = 0; n < 100; n += 1) await clock.advance(1000);
    assert.ok(pings.length >= before + 3, `${pings.length} pings`);
    assert.deepEqual(statuses.filter(([state]) => state !== 'connected'), []);
  });
}

/** The channels of each event stream that is opened from now on. `answer` may give a response in place of the server's. */
function watchStreams(t, answer = () => undefined) {
  const streams = [], { fetch } = globalThis;
  t.mock.method(globalThis, 'fetch', (url, init) => {
    if (!String(url).includes('/sse?')) return fetch(url, init);
    streams.push(new URL(url).searchParams.getAll('channel').sort().join());
    return answer() ?? fetch(url, init);
  });
  return streams;
}

test('what is unsubscribed is not sent any more, and the stream is reopened once for what is unsubscribed together', async (t) => {
  const server = await start(t), client = overSse(t, server.url), channels = ['a', 'b', 'c'].map((name) => client.channel(name)), [a, b, c] = channels;
  const [, , seen] = channels.map(record), all = record(client.channel('$all')), statuses = [];
  await Promise.all(channels.map((channel) => channel.subscribe()));
  client.on('status', (status) => statuses.push(status));
  const streams = watchStreams(t), subscribers = async (name, n) => (await publishOne(server.url, { channel: name, data: { n } })).subscribers;
  a.unsubscribe();
  b.unsubscribe();
  for (let n = 1; n <= 5; n += 1) await publish(server, 'c', n, n);
  await until(async () => !await subscribers('a', 1) && !await subscribers('b', 1), 'the server has no subscriber left');
  await until(() => seen.at(-1) === 5);
  assert.deepEqual([streams.splice(0), seen], [['c'], range(1, 5)]);
  // Without a channel, the connection stays.
  c.unsubscribe();
  await until(async () => !await subscribers('c', 6), 'the server has no subscriber left');
  await until(async () => {
    await server.publish({ broadcast: true, data: { n: 7 } });
    return all.at(-1) === 7;
  });
  assert.deepEqual([streams.splice(0), seen.length, statuses], [['$all'], 5, []]);
  // Together with a subscription.
  await a.subscribe();
  a.unsubscribe();
  await b.subscribe();
  assert.deepEqual(streams.splice(0), ['a', 'b']);
});

test('a channel that is unsubscribed before its stream was opened is left, too', async (t) => {
  const server = await start(t), client = overSse(t, server.url), [a, b] = ['a', 'b'].map((name) => client.channel(name));
  client.connect();
  await until(() => client.state === 'connected');
  const streams = watchStreams(t);
  a.on('message', () => {});
  await null;
  await null;
  b.on('message', () => {});
  await null;
  await null;
  b.unsubscribe();
  await until(() => a.state === 'subscribed');
  // While the stream with both is being opened, the server does not know of it yet.
  const isLeft = () => streams.length > 1 && streams.at(-1) === 'a';
  await until(async () => isLeft() && (await publishOne(server.url, { channel: 'b', data: 1 })).subscribers === 0, 'the channel is left');
  assert.ok(isLeft());
});

test('a refusal to reopen the stream after unsubscribing is a lost connection', async (t) => {
  const server = await start(t), client = overSse(t, server.url), [a, b] = ['a', 'b'].map((name) => client.channel(name)), reasons = [];
  await Promise.all([a, b].map((channel) => channel.subscribe()));
  client.on('status', ({ state, reason }) => { if (state === 'connecting') reasons.push(reason); });
  let refusals = 1;
  watchStreams(t, () => refusals-- > 0 ? new Response('Blocked by policy', { status: 403, headers: { 'content-type': 'text/html' } }) : undefined);
  a.unsubscribe();
  await until(() => reasons.length > 0 && b.state === 'subscribed');
  assert.equal(reasons[0], '403 text/html: Blocked by policy');
});

for (const fault of ['cut', 'reset', 'halfOpen']) {
  test(`receives everything after: ${fault}`, async (t) => {
    const server = await start(t);
    const proxy = await Proxy.start(server.url);
    t.after(() => proxy.stop());
    const client = overSse(t, proxy.url), channels = ['a', 'b', 'c'].map((name) => client.channel(name)), seen = channels.map(record);
    const replies = [];
    await Promise.all(channels.map((channel) => channel.subscribe()));
    for (const channel of channels) channel.on('subscribed', ({ recovered }) => replies.push(recovered));
    for (const { name } of channels) await publish(server, name, 1, 50);
    await until(() => seen.every((one) => one.at(-1) === 50));
    proxy.refuses = fault !== 'halfOpen';
    proxy[fault]();
    for (const { name } of channels) await publish(server, name, 51, 100);
    await until(() => client.state === 'connecting');
    [proxy.refuses] = [false, proxy.halfOpen(false)];
    for (const { name } of channels) await publish(server, name, 101, 150);
    await until(() => seen.every((one) => one.at(-1) === 150));
    for (const one of seen) assert.deepEqual(one, range(1, 150));
    assert.deepEqual(replies, [true, true, true]);
  });
}

test("a user's own channel is resumed after a reset, and another user's is refused", async (t) => {
  const server = await start(t, [...FLAGS, '--dev']);
  const proxy = await Proxy.start(server.url);
  t.after(() => proxy.stop());
  const client = overSse(t, `${proxy.url}/ws?user=bob`), mine = client.channel('$user:bob'), seen = record(mine);
  await mine.subscribe();
  await server.publish({ user: 'bob', data: { n: 1 } });
  await until(() => seen.at(-1) === 1);
  proxy.refuses = true;
  proxy.reset();
  await server.publish({ user: 'bob', data: { n: 2 } });
  proxy.refuses = false;
  await server.publish({ user: 'bob', data: { n: 3 } });
  await until(() => seen.at(-1) === 3);
  await assert.rejects(client.channel('$user:ann').subscribe(), { code: 'forbidden' });
  await server.publish({ user: 'bob', data: { n: 4 } });
  await until(() => seen.at(-1) === 4);
  assert.deepEqual(seen, [1, 2, 3, 4]);
});

test('a restart of the server is a gap, and its close code is reported', async (t) => {
  const server = await start(t);
  const client = overSse(t, server.url), seen = record(client.channel('news')), codes = [];
  client.on('status', ({ state, code }) => { if (state === 'connecting' && code !== codes.at(-1)) codes.push(code); });
  await client.channel('news').subscribe();
  await publish(server, 'news', 1, 3);
  await until(() => seen.at(-1) === 3);
  await server.stop('SIGTERM');
  const again = await start(t, FLAGS, server.port);
  await until(() => client.channel('news').state === 'subscribed');
  await publish(again, 'news', 4, 6);
  await until(() => seen.at(-1) === 6);
  assert.deepEqual(seen.map((item) => item.reason ?? item), [1, 2, 3, 'epoch_changed', 4, 5, 6]);
  assert.ok(codes.includes(1001), `${codes}`);
});

test('each channel starts with the number of newest events that it asked for', async (t) => {
  const server = await start(t);
  for (const name of ['a', 'b', 'c']) await publish(server, name, 1, 10);
  const client = overSse(t, server.url);
  const [a, b, c] = [['a', { last: 5 }], ['b', { last: 2 }], ['c']].map(([name, options]) => record(client.channel(name, options)));
  await until(() => client.channel('c').state === 'subscribed' && client.channel('a').state === 'subscribed' && client.channel('b').state === 'subscribed');
  for (const name of ['a', 'b', 'c']) await publish(server, name, 11, 11);
  await until(() => [a, b, c].every((seen) => seen.at(-1) === 11));
  assert.deepEqual([a, b, c], [range(6, 11), range(9, 11), [11]]);
});

test('a refused channel does not affect the others', async (t) => {
  const server = await start(t);
  const client = overSse(t, server.url), good = record(client.channel('good'));
  await assert.rejects(client.channel('x'.repeat(201)).subscribe(), { code: 'invalid_channel' });
  await client.channel('good').subscribe();
  await publish(server, 'good', 1, 2);
  await until(() => good.at(-1) === 2);
  assert.equal(client.channel('x'.repeat(201)).state, 'unsubscribed');
});

test('without history, reopening the stream is a gap for the other channels', async (t) => {
  const server = await start(t, ['--history', '0']);
  const client = overSse(t, server.url), seen = record(client.channel('a'));
  await client.channel('a').subscribe();
  await publish(server, 'a', 1, 1);
  await until(() => seen.at(-1) === 1);
  await client.channel('b').subscribe();
  await publish(server, 'a', 2, 2);
  await until(() => seen.at(-1) === 2);
  assert.deepEqual(seen.map((item) => item.reason ?? item), [1, 'skipped', 2]);
});

test('is used where the network blocks WebSockets', async (t) => {
  const server = await start(t);
  const proxy = await Proxy.start(server.url);
  t.after(() => proxy.stop());
  proxy.blocksUpgrades = true;
  const client = connect(t, proxy.url, { transports: [globalThis.WebSocket ?? WebSocket, SseSocket] });
  const seen = record(client.channel('news'));
  await client.channel('news').subscribe({ timeoutMs: 15_000 });
  await publish(server, 'news', 1, 5);
  await until(() => seen.at(-1) === 5);
  const { connections } = await (await fetch(`${server.url}/api/connections`)).json();
  assert.deepEqual(connections.map(({ transport }) => transport), ['sse']);
});

for (const how of ['swallow', 'close']) {
  test(`is used where WebSocket handshakes pass and frames do not: ${how}`, async (t) => {
    const server = await start(t);
    const proxy = await Proxy.start(server.url);
    t.after(() => proxy.stop());
    proxy.blocksFrames = how;
    const client = connect(t, proxy.url, { transports: [globalThis.WebSocket ?? WebSocket, SseSocket] }), states = [];
    client.on('status', ({ state }) => states.push(state));
    const seen = record(client.channel('news'));
    await client.channel('news').subscribe({ timeoutMs: 15_000 });
    await publish(server, 'news', 1, 5);
    await until(() => seen.at(-1) === 5);
    assert.deepEqual(seen, range(1, 5));
    assert.equal(states.filter((state, n) => state === 'connected' && states[n - 1] !== state).length, 1, 'only SSE counts as connected');
    const { connections } = await (await fetch(`${server.url}/api/connections`)).json();
    assert.ok(connections.some(({ transport }) => transport === 'sse'));
  });
}

/** A site that answers everything with the same page, such as a sign-in portal. */
async function site(t, status, body, type = 'text/html; charset=utf-8') {
  let requests = 0;
  const portal = createServer((request, response) => {
    requests += 1;
    response.writeHead(status, { 'content-type': type });
    if (body) response.end(body);
    else response.flushHeaders();
  });
  portal.listen(0, '127.0.0.1');
  await once(portal, 'listening');
  t.after(() => {
    portal.close();
    portal.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${portal.address().port}`, requests: () => requests };
}

for (const [status, body, type, reason] of [
  [200, '<html><title> Sign in\n</title></html>', 'text/html', '200 text/html: Sign in'],
  [403, 'Blocked by policy', 'text/html', '403 text/html: Blocked by policy'],
  [503, '{"code":"too_many_connections","detail":"full"}', 'application/problem+json', 'full'],
  [200, '', 'text/event-stream', 'nothing arrived within 5000 ms'],
]) {
  test(`does not count as connected, and says why: ${status} ${type}`, async (t) => {
    const { url } = await site(t, status, body, type);
    const client = overSse(t, url, { connectTimeoutMs: 20_000 }), statuses = [];
    client.on('status', (one) => statuses.push(one));
    client.connect();
    await until(() => client.status.attempt > 0, 'an attempt has failed');
    assert.equal(client.status.reason, reason);
    assert.ok(statuses.every(({ state, everConnected }) => state === 'connecting' && !everConnected));
    await assert.rejects(client.channel('news').subscribe({ timeoutMs: 1 }), ({ code, message }) => code === 'timeout' && message.includes(reason) && message.includes('/ws'));
  });
}

test('publish() says what a proxy answered, and does not repeat what is refused', async (t) => {
  const blocked = await site(t, 403, '<!doctype html><title>Blocked by policy</title>');
  await assert.rejects(publishOne(blocked.url, { channel: 'a', data: 1 }),
    { name: 'WavecastError', code: 'http_403', temporary: false, message: '403 text/html; charset=utf-8: Blocked by policy' });
  assert.equal(blocked.requests(), 1);
  const portal = await site(t, 200, '<!doctype html><title>Sign in</title>');
  await assert.rejects(publishOne(portal.url, { channel: 'a', data: 1 }, { attempts: 2 }), { code: 'http_200', temporary: true, message: /Sign in/ });
  assert.equal(portal.requests(), 2, 'nothing was published, and a later attempt may succeed');
});

test('publish() retries temporary failures with the same id, and the event is delivered once', async (t) => {
  const server = await start(t);
  const client = connect(t, server.url), seen = record(client.channel('orders'));
  await client.channel('orders').subscribe();
  const published = await publishOne(server.url, { channel: 'orders', data: { n: 1 } });
  assert.equal(published.subscribers, 1);
  // The first responses are lost.
  let tries = 0;
  const ids = [];
  const lossy = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    tries += 1;
    ids.push(JSON.parse(Buffer.concat(chunks)).id);
    const answer = await fetch(server.url + request.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: Buffer.concat(chunks) });
    if (tries < 3) return request.socket.destroy();
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  lossy.listen(0, '127.0.0.1');
  await once(lossy, 'listening');
  t.after(() => lossy.close());
  const { id } = await publishOne(`http://127.0.0.1:${lossy.address().port}`, { channel: 'orders', data: { n: 2 } });
  await publishOne(server.url, { channel: 'orders', data: { n: 3 } });
  await until(() => seen.at(-1) === 3);
  assert.deepEqual([new Set(ids), tries], [new Set([id]), 3], 'every attempt has the same id');
  assert.deepEqual(seen, [1, 2, 3], 'it is delivered once');
});

test('publish() does not retry permanent failures, and gives up eventually', async (t) => {
  const server = await start(t);
  await assert.rejects(publishOne(server.url, { channel: '$secret', data: 1 }), { name: 'WavecastError', temporary: false });
  const { port } = server;
  await server.stop('SIGKILL');
  await assert.rejects(publishOne(`http://127.0.0.1:${port}`, { channel: 'a', data: 1 }, { attempts: 2 }), { code: 'connection_lost', temporary: true });
  await assert.rejects(publishOne(`http://127.0.0.1:${port}`, { channel: 'a', data: 1 }, { signal: AbortSignal.timeout(100) }), { name: 'TimeoutError' });
});
