// Transports and addresses: which one is tried, when it works, and when it is given up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WavecastError } from 'wavecast';
import { setUp } from './support/fake.mjs';

const states = (statuses) => statuses.map(({ state }) => state).filter((state, n, all) => state !== all[n - 1]);

/** A client with two transports to one server, each of which can be blocked, and the names of those that were dialed. */
function setUpBlockable(options) {
  const dialed = [], blocked = new Set();
  const { server } = setUp();
  const [First, Second] = ['first', 'second'].map((name) => class extends server.WebSocket {
    constructor(url) {
      super(url);
      dialed.push(name);
      if (!blocked.has(name)) return;
      this.close();
      queueMicrotask(() => this.onclose?.({ code: 1006, reason: '' }));
    }
  });
  const { client, clock, wake } = setUp({ transports: [First, Second], ...options });
  server.options.clock = clock;
  return { client, clock, server, wake, blocked, dialed };
}

test('falls back to the next transport when the first one fails twice and has never worked', async () => {
  const { client, clock, server, blocked, dialed } = setUpBlockable();
  blocked.add('first');
  client.connect();
  await clock.advance(5000);
  assert.deepEqual([dialed.splice(0), client.state], [['first', 'first', 'second'], 'connected']);
  server.kill();
  await clock.advance(5000);
  assert.deepEqual([dialed.splice(0), client.state], [['first', 'second'], 'connected'], 'from then on, it is tried once');
  blocked.clear();
  server.kill();
  await clock.advance(5000);
  assert.deepEqual([dialed, client.state], [['first'], 'connected'], 'it is back');
});

test('falls back when the first transport has worked, and fails three times in a row', async () => {
  const { client, clock, server, blocked, dialed } = setUpBlockable();
  client.connect();
  await clock.advance(20_000);
  for (const round of [1, 2]) {
    assert.deepEqual([dialed.splice(0), client.state], [['first'], 'connected'], `round ${round}`);
    blocked.add('first');
    server.kill();
    await clock.advance(20_000);
    assert.deepEqual([dialed.splice(0), client.state], [['first', 'first', 'first', 'second'], 'connected'], `round ${round}`);
    // The user moves to a network that blocks nothing.
    blocked.clear();
    server.kill();
    await clock.advance(20_000);
  }
});

test('the next transport is tried at once, and after the last one the client waits', async () => {
  const { client, clock, blocked, dialed } = setUpBlockable({ minDelayMs: 1000, baseDelayMs: 0 });
  blocked.add('first').add('second');
  client.connect();
  await clock.advance(990);
  const dials = [];
  for (let n = 0; n < 4; n += 1) {
    dials.push(dialed.splice(0));
    await clock.advance(1000);
  }
  assert.deepEqual(dials, [['first'], ['first', 'second'], ['first', 'second'], ['first', 'second']]);
});

test('after an outage of the server, the first transport is the first to succeed', async () => {
  // Whenever it ends.
  for (let outage = 0; outage < 20_000; outage += 500) {
    const { client, clock, server, blocked, dialed } = setUpBlockable();
    client.connect();
    await clock.advance(20_000);
    blocked.add('first').add('second');
    server.kill();
    await clock.advance(outage);
    blocked.clear();
    await clock.advance(40_000);
    assert.deepEqual([client.state, dialed.at(-1)], ['connected', 'first'], `${outage}`);
    client.disconnect();
  }
});

test('after disconnect(), connect() begins with the first transport', async () => {
  const { client, clock, blocked, dialed } = setUpBlockable();
  blocked.add('first');
  client.connect();
  await clock.advance(5000);
  assert.deepEqual([dialed.splice(0).at(-1), client.state], ['second', 'connected']);
  client.disconnect();
  client.connect();
  await clock.advance(10);
  assert.deepEqual([dialed, client.state], [['first', 'second'], 'connected']);
});

test('a transport works when something came: one that only opens is given up for the next', async () => {
  const dialed = [];
  // The handshake passes and no frame does, as behind some proxies; or the proxy closes at the first frame.
  for (const send of [() => {}, function () { queueMicrotask(() => this.onclose?.({ code: 1006, reason: '' })); }]) {
    class Mute {
      send = send;
      constructor() {
        dialed.push('mute');
        queueMicrotask(() => this.onopen?.({}));
      }
      close() {}
    }
    const { server } = setUp();
    const { client, clock, statuses } = setUp({ transports: [Mute, server.WebSocket], connectTimeoutMs: 10_000, probeTimeoutMs: 3000 });
    server.options.clock = clock;
    client.connect();
    await clock.advance(2000);
    assert.ok(statuses.every(({ everConnected }) => !everConnected) || client.status.everConnected);
    await clock.advance(10_000);
    assert.equal(client.state, 'connected');
    assert.equal(dialed.splice(0).length, 2);
    assert.deepEqual(states(statuses), ['connecting', 'connected'], 'it was not connected before');
  }
});

test('subscribe() waits long enough for the next transport, where handshakes pass and frames do not', async () => {
  let dialed = 0;
  class Mute {
    constructor() {
      dialed += 1;
      queueMicrotask(() => this.onopen?.({}));
    }
    send() {}
    close() {}
  }
  const { server } = setUp();
  const { client, clock } = setUp({ transports: [Mute, server.WebSocket] });
  server.options.clock = clock;
  // The longest delays.
  clock.randoms = [1];
  const outcome = client.channel('news').subscribe().then(() => 'subscribed', ({ code }) => code);
  await clock.advance(9900);
  assert.equal(client.channel('news').state, 'subscribed');
  assert.deepEqual([await outcome, dialed, client.state], ['subscribed', 2, 'connected']);
});

test('a server that refuses with a close code is not taken for a proxy', async () => {
  let others = 0;
  class Other {
    constructor() {
      others += 1;
    }
    close() {}
  }
  const { server } = setUp();
  const { client, clock } = setUp({ transports: [server.WebSocket, Other] });
  server.options.clock = clock;
  client.connect();
  for (let n = 0; n < 5; n += 1) {
    while (server.connections === 0) await clock.advance(1);
    server.close(1013, 'overloaded');
    await clock.advance(10);
    assert.deepEqual([client.state, client.status.code], ['connecting', 1013]);
  }
  await clock.advance(20_000);
  assert.deepEqual([client.state, others], ['connected', 0]);
});

test('an open connection on which nothing arrives is closed in time, with or without subscriptions', async () => {
  for (const subscribes of [false, true]) {
    const { client, server, clock, statuses, sockets } = setUp({ connectTimeoutMs: 10_000, probeTimeoutMs: 3000, commandTimeoutMs: 60_000 });
    if (subscribes) client.channel('news').on('message', () => {});
    client.connect();
    await clock.advance(2);
    assert.ok(sockets[0].onopen);
    server.freeze();
    await clock.advance(subscribes ? 10_000 : 3010);
    assert.deepEqual(states(statuses), ['connecting']);
    assert.deepEqual([client.status.attempt, client.status.reason], [1, subscribes ? 'no message' : 'no pong']);
    server.freeze(false);
    await clock.advance(11_000);
    assert.equal(client.state, 'connected');
    client.disconnect();
  }
});

test('the address may be a function, which is asked before every attempt', async () => {
  let asked = 0;
  const { client, server, clock, sockets } = setUp({ url: () => `ws://fake/ws?token=${++asked}` });
  client.channel('news').on('message', () => {});
  await clock.advance(10);
  server.kill();
  await clock.advance(1000);
  assert.deepEqual(sockets.map(({ url }) => url), ['ws://fake/ws?token=1', 'ws://fake/ws?token=2']);
  assert.equal(client.state, 'connected');
});

test('an address that is late, fails, or is refused', async () => {
  let answer = () => new Promise(() => {});
  const { client, server, clock, sockets, statuses } = setUp({ url: () => answer(), connectTimeoutMs: 10_000, minDelayMs: 1000, baseDelayMs: 0 });
  const errors = [];
  client.on('error', ({ code }) => errors.push(code));
  client.connect();
  await clock.advance(10_010);
  assert.deepEqual([client.status.attempt, client.status.reason], [1, 'connect timeout']);
  answer = async () => { throw new Error('the token service is down'); };
  await clock.advance(1000);
  assert.deepEqual([client.status.attempt, client.status.reason], [2, 'Error: the token service is down']);
  // The answer to an attempt that was given up is not used.
  let late;
  answer = () => new Promise((resolve) => { late = resolve; });
  await clock.advance(1000);
  client.disconnect();
  late('ws://fake/late');
  await clock.advance(100);
  assert.deepEqual([sockets, server.dials], [[], 0]);
  answer = async () => { throw new WavecastError('unauthorized', 'sign in again'); };
  client.connect();
  const subscribed = assert.rejects(client.channel('news').subscribe(), { code: 'unauthorized' });
  await clock.advance(100_000);
  await subscribed;
  assert.deepEqual([client.state, client.status.reason, errors], ['disconnected', 'sign in again', ['unauthorized']]);
  answer = async () => 'ws://fake/ws';
  client.connect();
  await clock.advance(10);
  assert.equal(client.state, 'connected');
  assert.ok(statuses.every(({ state, nextRetryAt }) => state === 'connecting' || nextRetryAt === undefined));
});

for (const [url, code] of [['/ws', 'invalid_url'], ['localhost:3000/ws', 'invalid_url'], ['', 'invalid_url'], ['wss://example.com/ws', 'no_websocket']]) {
  test(`without a page and a WebSocket, only connecting to "${url}" fails`, async () => {
    const printed = [];
    const { client, clock, statuses } = setUp({ url, WebSocket: undefined, transports: [undefined] });
    client.on('error', (error) => printed.push(error.code));
    const news = client.channel('news');
    assert.deepEqual([client.state, news.state, client.room('general').members], ['disconnected', 'unsubscribed', 0]);
    await assert.rejects(news.subscribe(), { name: 'WavecastError', code, temporary: false });
    await clock.advance(100_000);
    assert.deepEqual([states(statuses), printed, client.status.code], [['connecting', 'disconnected'], [code], 1006]);
  });
}

for (const closes of [true, false]) {
  test(`a dropped socket is terminated after a second${closes ? ', unless it has closed: then no timer is left' : ''}`, async () => {
    let terminated = 0;
    const { server } = setUp();
    class Terminable extends server.WebSocket {
      close() {
        super.close();
        if (closes) queueMicrotask(() => this.onclose?.({ code: 1000, reason: '' }));
      }
      terminate() {
        terminated += 1;
      }
    }
    const { client, clock } = setUp({ transports: [Terminable] });
    server.options.clock = clock;
    client.connect();
    await clock.advance(10);
    assert.equal(client.state, 'connected');
    client.disconnect();
    await clock.advance(10);
    assert.equal(clock.pending, closes ? 0 : 1);
    await clock.advance(1000);
    assert.deepEqual([clock.pending, terminated], [0, closes ? 0 : 1]);
  });
}
