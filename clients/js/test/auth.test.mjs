// Tokens of connections, on a clock that only the test moves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WavecastError } from 'wavecast';
import { record, setUp } from './support/fake.mjs';

/** A client of a server that accepts every token, and what `getToken` was asked. */
function authenticating({ tokens = () => ({ user: 'ada', expires_in: 3600 }), getToken, ...options } = {}) {
  const asked = [];
  const all = setUp({
    server: { tokens },
    getToken: (context) => {
      asked.push(context);
      return getToken ? getToken(context, asked.length) : Promise.resolve(`t${asked.length}`);
    },
    ...options,
  });
  const errors = [];
  all.client.on('error', (error) => errors.push(error));
  const sent = () => all.server.received.flat().filter(({ type }) => type === 'auth').map(({ token }) => token);
  return { ...all, asked, errors, sent, reasons: () => asked.map(({ reason }) => reason) };
}

test('the token is the first message, and subscriptions follow when it is accepted', async () => {
  const { client, server, clock, sockets, statuses } = authenticating();
  const seen = record(client.channel('news'));
  await clock.advance(3);
  assert.deepEqual(server.received, [{ type: 'auth', token: 't1', id: 'auth' }]);
  assert.equal(client.state, 'connecting');
  await clock.advance(10);
  assert.equal(sockets[0].url, 'ws://fake/ws', 'there is nothing in the address');
  assert.deepEqual(server.received.flat().map(({ type }) => type), ['auth', 'subscribe']);
  assert.deepEqual([client.state, client.channel('news').state], ['connected', 'subscribed']);
  server.publish('news', { n: 1 });
  await clock.advance(10);
  assert.deepEqual(seen, [1]);
  assert.deepEqual(statuses.map(({ state }) => state), ['connecting', 'connected']);
});

test('every connection asks for a token, and resumes with it', async () => {
  const { client, server, clock, sent, reasons } = authenticating();
  const seen = record(client.channel('news'));
  await clock.advance(10);
  server.publish('news', { n: 1 });
  await clock.advance(10);
  server.kill();
  server.publish('news', { n: 2 });
  await clock.advance(2000);
  assert.deepEqual([seen, sent(), reasons()], [[1, 2], ['t1', 't2'], ['connect', 'connect']]);
});

test('tokens are not among the frames that are shown', async () => {
  const frames = [];
  const { client, clock } = authenticating({ onFrame: (direction, text) => frames.push(text), getToken: () => 'secret' });
  client.channel('news', { getToken: () => 'secret' }).on('message', () => {});
  await clock.advance(20);
  assert.ok(frames.some((text) => text.includes('"token":"***"')), `${frames}`);
  assert.ok(!frames.some((text) => text.includes('secret')), `${frames}`);
});

test('a token is replaced before it expires, and nothing is lost', async () => {
  const { client, server, clock, sent, reasons } = authenticating({ tokens: () => ({ user: 'ada', expires_in: 60 }) });
  const seen = record(client.channel('news'));
  await clock.advance(10);
  for (let n = 1; n <= 600; n += 1) {
    server.publish('news', { n });
    await clock.advance(1000);
  }
  assert.equal(server.dials, 1);
  assert.deepEqual(seen, Array.from({ length: 600 }, (_, n) => n + 1));
  assert.ok(sent().length >= 11 && sent().length <= 14, `${sent().length} tokens for ten minutes`);
  assert.deepEqual([...new Set(reasons().slice(1))], ['refresh']);
});

test('a token is replaced when the server warns of its end', async () => {
  const { client, server, clock, reasons } = authenticating({ tokens: () => ({ user: 'ada' }) });
  client.connect();
  await clock.advance(10);
  server.publish('$system', { expires_in: 0 }, { event: 'token_expiring' });
  await clock.advance(10);
  assert.deepEqual(reasons(), ['connect', 'refresh']);
});

test('a warning at the beginning of a short life does not make the client ask without end', async () => {
  const { client, server, clock, asked } = authenticating({ tokens: () => ({ user: 'ada', expires_in: 20 }) });
  client.connect();
  await clock.advance(10);
  for (let second = 0; second < 8; second += 1) {
    server.publish('$system', { expires_in: 20 - second }, { event: 'token_expiring' });
    await clock.advance(1000);
  }
  assert.equal(asked.length, 1);
});

test('a token that does not expire is not replaced', async () => {
  const { client, clock, asked } = authenticating({ tokens: () => ({ user: 'ada' }) });
  client.connect();
  await clock.advance(100_000_000);
  assert.equal(asked.length, 1);
});

test('a token that lives longer than a timer can run is not replaced at once', async () => {
  const { client, clock, asked } = authenticating({ tokens: () => ({ user: 'ada', expires_in: 1e9 }) });
  client.connect();
  await clock.advance(100_000_000);
  assert.equal(asked.length, 1);
});

for (const [what, getToken] of [
  ['throws', () => { throw new WavecastError('unauthorized'); }],
  ['rejects', () => Promise.reject(new Error('offline'))],
  ['hangs', () => new Promise(() => {})],
]) {
  test(`a refresh whose getToken ${what} keeps the connection and is tried again until it is closed`, async () => {
    const { client, server, clock, asked, errors, reasons } = authenticating({
      tokens: () => ({ user: 'ada', expires_in: 100 }),
      getToken: (context, n) => n === 1 || context.reason === 'expired' ? 'good' : getToken(),
    });
    const seen = record(client.channel('news'));
    await clock.advance(10);
    await clock.advance(99_000);
    assert.ok(asked.length >= 3 && asked.length <= 12, `asked ${asked.length} times`);
    assert.ok(errors.length >= 1, 'it is heard');
    assert.equal(server.dials, 1);
    server.publish('news', { n: 1 });
    await clock.advance(10);
    assert.deepEqual(seen, [1]);
    server.close(4003, 'token expired');
    await clock.advance(2000);
    assert.equal(client.state, 'connected');
    assert.equal(reasons().at(-1), 'expired');
    assert.ok(asked.slice(0, -1).every(({ signal }, n) => n === 0 || signal.aborted || what !== 'hangs'));
  });
}

test('a token that is refused while connected keeps the connection, and another one is asked for', async () => {
  const { client, server, clock, errors, sent } = authenticating({
    tokens: (token) => token === 't2' ? 'user_changed' : { user: 'ada', expires_in: 100 },
  });
  client.connect();
  await clock.advance(96_000);
  assert.deepEqual(sent().slice(0, 3), ['t1', 't2', 't3']);
  assert.deepEqual(errors.map(({ code }) => code), ['user_changed']);
  assert.equal(server.dials, 1);
});

test('getToken that hangs while connecting ends with the deadline, and is asked again', async () => {
  const { client, server, clock, asked } = authenticating({ getToken: (_, n) => n === 1 ? new Promise(() => {}) : 'good' });
  client.connect();
  await clock.advance(9000);
  assert.deepEqual([asked.length, server.dials, asked[0].signal.aborted], [1, 0, false]);
  await clock.advance(3000);
  assert.equal(client.state, 'connected');
  assert.ok(asked[0].signal.aborted);
});

test('getToken that throws is asked again later, unless its error is final', async () => {
  const { client, clock, asked, server } = authenticating({ getToken: (_, n) => {
    if (n === 1) throw new Error('offline');
    if (n === 2) return 'good';
    throw new WavecastError('unauthorized', 'nobody is logged in');
  } });
  client.connect();
  await clock.advance(2000);
  assert.deepEqual([client.state, asked.length], ['connected', 2]);
  const stopped = new Promise((resolve) => client.on('error', resolve));
  server.kill();
  await clock.advance(60_000);
  assert.equal((await stopped).code, 'unauthorized');
  assert.deepEqual([client.state, asked.length], ['disconnected', 3]);
});

test('getToken that rejects with nothing is asked again, too', async () => {
  const { client, clock, asked } = authenticating({ getToken: (_, n) => n === 1 ? Promise.reject() : 'good' });
  client.connect();
  await clock.advance(2000);
  assert.deepEqual([client.state, asked.length], ['connected', 2]);
});

test('a late token of a client that has disconnected changes nothing', async () => {
  let resolve;
  const { client, server, clock, asked } = authenticating({ getToken: () => new Promise((done) => { resolve = done; }) });
  client.connect();
  await clock.advance(10);
  client.disconnect();
  assert.ok(asked[0].signal.aborted);
  resolve('late');
  await clock.advance(10_000);
  assert.deepEqual([server.dials, client.state, clock.pending], [0, 'disconnected', 0]);
});

test('4003 reconnects with a new token', async () => {
  const { client, server, clock, sent, reasons } = authenticating();
  client.connect();
  await clock.advance(10);
  server.close(4003, 'token expired');
  await clock.advance(2000);
  assert.deepEqual([client.state, sent(), reasons()], ['connected', ['t1', 't2'], ['connect', 'expired']]);
});

test('an expired token at the beginning is replaced', async () => {
  const { client, clock, reasons, errors } = authenticating({ tokens: (token) => token === 't1' ? 'token_expired' : { user: 'ada' } });
  client.connect();
  await clock.advance(2000);
  assert.deepEqual([client.state, reasons(), errors], ['connected', ['connect', 'expired'], []]);
});

test('4004 reconnects with a new token, and says so until one is accepted', async () => {
  const { client, server, clock, reasons } = authenticating({ getToken: (_, n) => {
    if (n === 2) throw new Error('offline');
    return `t${n}`;
  } });
  client.connect();
  await clock.advance(10);
  server.close(4004, 'token revoked');
  await clock.advance(5000);
  assert.deepEqual([client.state, reasons()], ['connected', ['connect', 'revoked', 'revoked']]);
  server.kill();
  await clock.advance(5000);
  assert.equal(reasons().at(-1), 'connect');
});

test('4004 and the same token again stop the client', async () => {
  const { client, server, clock, errors, asked } = authenticating({ getToken: () => 'same' });
  const news = client.channel('news');
  record(news);
  await clock.advance(10);
  server.close(4004, 'token revoked');
  await clock.advance(60_000);
  assert.deepEqual([client.state, news.state, asked.length, server.dials], ['disconnected', 'unsubscribed', 2, 1]);
  assert.deepEqual(errors.map(({ code, message }) => [code, message]), [['token_revoked', 'getToken returned a revoked token']]);
});

for (const code of [4002, 4005]) {
  test(`${code} reconnects after a delay that grows`, async () => {
    const { client, server, clock } = authenticating();
    clock.randoms = [1];
    client.connect();
    const delays = [];
    for (let n = 0; n < 4; n += 1) {
      while (client.state !== 'connected') await clock.advance(1);
      server.close(code);
      await clock.advance(2);
      delays.push(client.status.nextRetryAt - clock.date());
    }
    assert.ok(delays.every((delay, n) => n === 0 || delay > delays[n - 1]), `${delays}`);
  });
}

for (const [code, reason] of [[4500, 'authentication required'], [4501, 'invalid token']]) {
  test(`${code} stops the client, and the error says what to do`, async () => {
    const { client, server, clock, errors } = authenticating();
    client.connect();
    await clock.advance(10);
    server.close(code, reason);
    await clock.advance(60_000);
    assert.deepEqual([client.state, client.status.code, server.dials], ['disconnected', code, 1]);
    assert.deepEqual(errors.map(({ code, message }) => [code, message]), [['closed', `closed ws://fake/ws ${code} ${reason} (check getToken)`]]);
  });
}

test('a token that is invalid stops the client', async () => {
  const { client, clock, statuses, errors, server } = authenticating({ tokens: () => 'invalid_token' });
  client.connect();
  await clock.advance(60_000);
  assert.deepEqual([client.state, client.status.code, client.status.everConnected, server.dials], ['disconnected', 4501, false, 1]);
  assert.deepEqual(statuses.map(({ state }) => state), ['connecting', 'disconnected']);
  assert.equal(errors.length, 1);
});

test('a server that cannot verify tokens for now is tried again', async () => {
  let isReady = false;
  const { client, clock, errors, statuses, sent } = authenticating({ tokens: () => isReady ? { user: 'ada' } : 'keys_unavailable' });
  client.connect();
  await clock.advance(10);
  assert.deepEqual([client.state, client.status.code], ['connecting', 1013]);
  isReady = true;
  await clock.advance(2000);
  assert.deepEqual([client.state, sent().length, errors, statuses.some(({ state }) => state === 'disconnected')], ['connected', 2, [], false]);
});

test('without a token from getToken, it connects without one, and it asks again at the next connection', async () => {
  let token;
  const reasons = [];
  const { clock, server, client } = setUp({ getToken: ({ reason }) => { reasons.push(reason); return token; } });
  client.connect();
  await clock.advance(10);
  assert.deepEqual([client.state, server.received.flat().map(({ type }) => type)], ['connected', ['ping']]);
  token = 'ada';
  server.options.tokens = (given) => ({ user: given });
  client.disconnect();
  client.connect();
  await clock.advance(10);
  assert.deepEqual([client.state, reasons, server.received.flat().at(-1).token], ['connected', ['connect', 'connect'], 'ada']);
});
