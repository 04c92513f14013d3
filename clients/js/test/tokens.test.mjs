// Tokens and rights against the real server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseSocket } from 'wavecast/sse';
import { connect, publish, range, until } from './support/real.mjs';
import { revoke, sign, startWithTokens } from './support/tokens.mjs';

const TIMEOUT = { timeout: 60_000 };
const NEWS = { sub: 'ada', channels: { news: ['subscribe', 'history'] } };

/** A client whose errors are collected. */
function authenticated(t, server, getToken, options) {
  const client = connect(t, server.url, { getToken, ...options }), errors = [];
  client.on('error', (error) => errors.push(error));
  return { client, errors };
}
/** What a channel delivers, gaps too. */
function collect(channel) {
  const seen = [];
  channel.on('message', ({ data }) => seen.push(data.n));
  channel.on('gap', (gap) => seen.push(gap));
  return seen;
}

test('a client that has a token subscribes, and one that has none is told what to do', TIMEOUT, async (t) => {
  const server = await startWithTokens(t, 'auth_timeout = "1s"');
  const frames = [];
  const { client } = authenticated(t, server, () => sign(NEWS), { onFrame: (direction, text) => frames.push(`${direction} ${text}`) });
  const seen = collect(client.channel('news'));
  await client.channel('news').subscribe();
  await publish(server, 'news', 1, 3);
  await until(() => seen.length === 3, 'three events');
  assert.match(frames[0], /^out \{"type":"auth","token":"\*\*\*","id":"auth"\}$/);
  assert.match(frames[1], /^in \{"type":"authenticated","user":"ada","expires_in":3\d\d\d,"id":"auth"\}$/);

  const other = authenticated(t, server, undefined);
  other.client.connect();
  await until(() => other.client.status.code === 4500, 'the server has waited for a token');
  assert.equal(other.client.state, 'disconnected');
  assert.match(other.errors.at(-1).message, /^closed ws:\S+ 4500 .*\(check getToken\)$/);
});

test('refreshes while events are published lose nothing', TIMEOUT, async (t) => {
  const server = await startWithTokens(t, 'leeway = "0s"\nexpiry_warning = "2s"');
  const reasons = [];
  const { client, errors } = authenticated(t, server, ({ reason }) => {
    reasons.push(reason);
    return sign({ ...NEWS, exp: Math.floor(Date.now() / 1000) + 3 });
  });
  const seen = collect(client.channel('news'));
  await client.channel('news').subscribe();
  let n = 0;
  while (reasons.length < 4) {
    await publish(server, 'news', n + 1, n + 20);
    n += 20;
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (n > 100_000) throw new Error(`${reasons}`);
  }
  await until(() => seen.length >= n, 'everything arrived');
  assert.deepEqual(seen, range(1, n));
  assert.deepEqual(errors, []);
  assert.ok(reasons.includes('refresh'), `${reasons}`);
});

test('a narrower token ends what it does not allow, with the reason', TIMEOUT, async (t) => {
  const server = await startWithTokens(t);
  const first = { ...NEWS, exp: Math.floor(Date.now() / 1000) + 4, channels: { news: ['subscribe', 'history'], prices: ['subscribe'] }, rooms: { team: ['join', 'say'] } };
  const { client, errors } = authenticated(t, server, ({ reason }) => sign(reason === 'connect' ? first : NEWS));
  const [news, prices, team] = [client.channel('news'), client.channel('prices'), client.room('team')], ended = [];
  const seen = collect(news);
  for (const topic of [prices, team]) topic.on('unsubscribed', ({ code }) => ended.push(`${topic.name} ${code}`));
  await Promise.all([news, prices, team].map((topic) => topic.subscribe()));
  await until(() => ended.length === 2, 'both have ended');
  assert.deepEqual(ended.sort(), ['prices forbidden', 'team forbidden']);
  assert.deepEqual(errors.map(({ code }) => code), ['forbidden', 'forbidden']);
  await publish(server, 'prices', 1, 1);
  await publish(server, 'news', 1, 1);
  await until(() => seen.length === 1, 'the other one goes on');
  assert.deepEqual([news.state, prices.state, team.state], ['subscribed', 'unsubscribed', 'unsubscribed']);
});

for (const [what, rest] of [['stops the client', ''], ['stops the client of a server that is open to anyone', '[anonymous]\nchannels = { news = ["subscribe"] }']]) test(`an invalid token ${what}`, TIMEOUT, async (t) => {
  const server = await startWithTokens(t, '', rest);
  let asked = 0;
  const { client, errors } = authenticated(t, server, () => {
    asked += 1;
    return sign(NEWS, 'another secret of more than 32 bytes');
  });
  await assert.rejects(client.channel('news').subscribe(), { code: 'closed' });
  assert.deepEqual([client.state, client.status.code, asked], ['disconnected', 4501, 1]);
  assert.match(errors[0].message, / 4501 Invalid token \(check getToken\)$/);
});

test('an expired token is replaced', TIMEOUT, async (t) => {
  const server = await startWithTokens(t, 'leeway = "0s"');
  const reasons = [];
  const { client } = authenticated(t, server, ({ reason }) => {
    reasons.push(reason);
    return sign(reason === 'expired' ? NEWS : { ...NEWS, iat: 1, exp: 2 });
  });
  client.connect();
  await until(() => client.state === 'connected', 'it is connected');
  assert.deepEqual(reasons, ['connect', 'expired']);
});

test('a revoked client comes back with a new token only', TIMEOUT, async (t) => {
  const server = await startWithTokens(t);
  const reasons = [], old = sign({ ...NEWS, jti: 'old' });
  let next = sign({ ...NEWS, jti: 'new' });
  const { client, errors } = authenticated(t, server, ({ reason }) => {
    reasons.push(reason);
    return reason === 'revoked' ? next : old;
  });
  const seen = collect(client.channel('news'));
  await client.channel('news').subscribe();
  await revoke(server, { token_id: 'old' });
  await until(() => reasons.length === 2 && client.channel('news').state === 'subscribed', 'it is back');
  await publish(server, 'news', 1, 1);
  await until(() => seen.length === 1, 'an event');
  await revoke(server, { token_id: 'new' });
  await until(() => client.state === 'disconnected', 'it has stopped');
  assert.deepEqual([reasons, errors.at(-1).code], [['connect', 'revoked', 'revoked'], 'token_revoked']);
});

test('a client publishes where it may', TIMEOUT, async (t) => {
  const server = await startWithTokens(t);
  const { client } = authenticated(t, server, () => sign({ sub: 'ada', channels: { 'chat:*': ['subscribe', 'publish'] } }));
  const chat = client.channel('chat:1');
  const received = new Promise((resolve) => chat.on('message', resolve));
  await chat.subscribe();
  const { event_id, offset } = await client.publish('chat:1', { text: 'hi' }, { event: 'said', id: 'mine' });
  assert.deepEqual([event_id, offset], ['mine', 1]);
  const { from, event, data } = await received;
  assert.deepEqual([from, event, data.text, data.id], ['ada', 'said', 'hi', 'mine']);
  assert.equal((await client.publish('chat:1', { text: 'hi' }, { event: 'said', id: 'mine' })).offset, 1);
  await assert.rejects(client.publish('news', 1), { code: 'forbidden', temporary: false });
});

test('a subscription token is replaced at its end, and nothing is lost', TIMEOUT, async (t) => {
  const server = await startWithTokens(t, 'leeway = "0s"');
  const { client, errors } = authenticated(t, server, () => sign({ sub: 'ada' }));
  let asked = 0;
  const doc = client.channel('doc:17', {
    getToken: async ({ channel }) => {
      asked += 1;
      return sign({ sub: 'ada', channel, exp: Math.floor(Date.now() / 1000) + 2 });
    },
  });
  const seen = collect(doc);
  await doc.subscribe();
  let n = 0;
  while (asked < 3) {
    await publish(server, 'doc:17', n + 1, n + 5);
    n += 5;
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (n > 100_000) throw new Error(`asked ${asked} times`);
  }
  await until(() => seen.length >= n, 'everything arrived');
  assert.deepEqual([seen, errors], [range(1, n), []]);
});

test('over server-sent events the token is in a header, and a new one is asked for at its end', TIMEOUT, async (t) => {
  const server = await startWithTokens(t, 'leeway = "0s"');
  const reasons = [];
  const { client, errors } = authenticated(t, server, ({ reason }) => {
    reasons.push(reason);
    return sign({ ...NEWS, exp: Math.floor(Date.now() / 1000) + (reason === 'connect' ? 2 : 3600) });
  }, { transports: [SseSocket] });
  const seen = collect(client.channel('news'));
  await client.channel('news').subscribe();
  await publish(server, 'news', 1, 2);
  await until(() => reasons.length === 2 && client.state === 'connected', 'it is back');
  await publish(server, 'news', 3, 4);
  await until(() => seen.length === 4, 'four events');
  assert.deepEqual([seen, reasons, errors], [range(1, 4), ['connect', 'expired'], []]);

  const other = authenticated(t, server, () => sign(NEWS, 'another secret of more than 32 bytes'), { transports: [SseSocket] });
  other.client.connect();
  await until(() => other.client.state === 'disconnected', 'it has stopped');
  assert.match(other.errors[0].message, / 4501 .*\(check getToken\)$/);
});
