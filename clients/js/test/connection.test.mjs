// The state machine of the connection, on a clock that only the test moves.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { setUp } from './support/fake.mjs';

const states = (statuses) => statuses.map(({ state }) => state).filter((state, n, all) => state !== all[n - 1]);

test('connects with the first subscription', async () => {
  const { client, server, clock, statuses } = setUp();
  await clock.advance(1000);
  assert.equal(server.dials, 0);
  client.channel('news').on('message', () => {});
  assert.equal(client.state, 'connecting');
  await clock.advance(10);
  assert.deepEqual(states(statuses), ['connecting', 'connected']);
  assert.equal(client.status.everConnected, true);
  assert.equal(client.channel('news').state, 'subscribed');
});

test('retries forever, with full jitter up to a maximum', async () => {
  const { client, server, clock } = setUp();
  clock.randoms = [1];
  server.refuseConnections();
  client.connect();
  const delays = [];
  let last;
  client.on('status', ({ nextRetryAt }) => {
    if (nextRetryAt && nextRetryAt !== last) delays.push(nextRetryAt - clock.now());
    last = nextRetryAt;
  });
  await clock.advance(600_000);
  assert.deepEqual(delays.slice(0, 8), [600, 1100, 2100, 4100, 8100, 16_100, 20_100, 20_100]);
  assert.ok(server.dials > 25, `${server.dials} dials in ten minutes`);
  assert.equal(client.status.attempt, server.dials);
  clock.randoms = [0];
  await clock.advance(20_100);
  const before = server.dials;
  await clock.advance(1000);
  assert.ok(server.dials - before >= 8, 'only the smallest delay is left when the jitter is 0');
});

test('a connection that does not last does not reset the delay', async () => {
  const { client, server, clock } = setUp({ stableMs: 10_000 });
  client.connect();
  await clock.advance(10);
  for (const attempt of [1, 2, 3]) {
    server.kill();
    await clock.advance(5);
    assert.equal(client.status.attempt, attempt);
    await clock.advance(9000);
    assert.equal(client.state, 'connected');
  }
  await clock.advance(10_000);
  assert.equal(client.status.attempt, 0);
});

test('reconnects after a random part of the window that a shutdown announces', async () => {
  const { client, server, clock, wake } = setUp();
  client.connect();
  await clock.advance(10);
  clock.randoms = [0.25];
  server.drain(20_000);
  await clock.advance(5);
  assert.equal(client.status.code, 1001);
  assert.ok(Math.abs(client.status.nextRetryAt - clock.now() - 5000) < 10);
  wake('online');
  await clock.advance(4900);
  assert.equal(server.dials, 1, 'a wake does not cut the window short');
  await clock.advance(200);
  assert.equal(client.state, 'connected');
  // The window applies only once.
  server.kill();
  await clock.advance(1);
  assert.ok(client.status.nextRetryAt - clock.now() < 1000);
});

for (const [codes, expected] of [
  [[1000, 1001, 1006, 1011, 1012, 1013, 4000, 4001, 4499, 3000], 'connecting'],
  [[1002, 1003, 1007, 1008, 1009, 4500, 4999], 'disconnected'],
]) {
  for (const code of codes) {
    test(`is ${expected} after close code ${code}`, async () => {
      const { client, server, clock } = setUp();
      const ended = [];
      client.channel('news').on('unsubscribed', (error) => ended.push(error.code));
      client.on('error', () => {});
      const subscribed = client.channel('news').subscribe();
      await clock.advance(10);
      await subscribed;
      server.close(code, 'why');
      await clock.advance(2);
      assert.deepEqual([client.state, client.status.code, client.status.reason], [expected, code, 'why']);
      assert.deepEqual(ended, expected === 'disconnected' ? ['closed'] : []);
      await clock.advance(60_000);
      assert.equal(server.dials, expected === 'disconnected' ? 1 : 2);
    });
  }
}

test('gives up on a connection that does not open in time', async () => {
  const { client, server, clock } = setUp({ connectTimeoutMs: 10_000 });
  server.freeze();
  client.connect();
  await clock.advance(9990);
  assert.equal(client.status.attempt, 0);
  await clock.advance(20);
  assert.deepEqual([client.status.attempt, client.status.reason], [1, 'connect timeout']);
});

test('an error before the connection is open ends it, a later one does not', async () => {
  const { client, server, clock, sockets } = setUp({ minDelayMs: 1000 });
  server.freeze();
  client.connect();
  sockets[0].onerror({});
  assert.deepEqual([client.state, client.status.attempt], ['connecting', 1]);
  server.freeze(false);
  await clock.advance(2000);
  sockets[1].onerror({});
  assert.deepEqual([client.state, sockets.length], ['connected', 2]);
});

test('detects a half-open link, and closes no other', async () => {
  const { client, server, clock } = setUp({ pingIntervalMs: 25_000, probeTimeoutMs: 3000 });
  client.connect();
  await clock.advance(200_000);
  assert.equal(server.dials, 1, 'pongs keep it open');
  assert.equal(server.received.filter(({ type }) => type === 'ping').length, 8, 'one at the start, and one every 25 s');
  server.freeze();
  await clock.advance(4000);
  assert.deepEqual([client.state, client.status.reason], ['connecting', 'no pong']);
  server.freeze(false);
  await clock.advance(12_000);
  assert.equal(client.state, 'connected');
});

test('anything that arrives extends the deadline of a ping, but only a pong ends it', async () => {
  const { client, server, clock, wake } = setUp({ pingIntervalMs: 0, probeTimeoutMs: 3000 });
  client.connect();
  await clock.advance(10);
  server.refusal = ({ type }) => type === 'ping' ? 'internal' : undefined;   // never answered with a pong
  wake('online');
  for (let n = 0; n < 5; n += 1) {
    await clock.advance(2000);
    server.publish('$all', { n });
  }
  assert.deepEqual([client.state, server.dials], ['connected', 1]);
  await clock.advance(3100);
  assert.equal(client.status.reason, 'no pong');
});

test('a deadline that fires late after a freeze lets what has arrived be read first', async () => {
  const { client, server, clock, wake } = setUp({ pingIntervalMs: 0, probeTimeoutMs: 3000, server: { latencyMs: 100 } });
  client.connect();
  await clock.advance(300);
  wake('online');
  await clock.freeze(60_000);
  await clock.advance(1000);
  assert.equal(client.state, 'connected');
  assert.equal(client.status.attempt, 0);
  server.freeze();
  wake('online');
  await clock.freeze(60_000);
  await clock.advance(3100);
  assert.equal(client.status.reason, 'no pong', 'it waits once more, and no longer');
});

test('is offline only after a while, and reports it once', async () => {
  const { client, server, clock, statuses } = setUp({ offlineAfterMs: 5000 });
  client.connect();
  await clock.advance(10);
  server.kill();
  await clock.advance(2000);
  assert.ok(!statuses.some(({ offline }) => offline), 'a short interruption is not an outage');
  server.refuseConnections();
  server.kill();
  await clock.advance(4990);
  assert.equal(client.status.offline, false);
  await clock.advance(20);
  assert.equal(client.status.offline, true);
  server.refuseConnections(false);
  await clock.advance(30_000);
  assert.equal(client.status.offline, false);
});

test('stays disconnected after disconnect(), whatever was pending', async () => {
  const { client, server, clock, wake } = setUp();
  for (const wait of [0, 1, 2, 10]) {
    client.connect();
    await clock.advance(wait);
    client.disconnect();
    wake('online');
    client.channel('news').subscribe();
    await clock.advance(100_000);
    assert.deepEqual([client.state, server.connections, client.status.offline], ['disconnected', 0, true]);
    client.channel('news').unsubscribe();
  }
  server.refuseConnections();
  client.connect();
  await clock.advance(5);
  client.disconnect();
  const { dials } = server;
  await clock.advance(100_000);
  assert.equal(server.dials, dials);
  assert.equal(clock.pending, 0, 'no timer is left running');
});

for (const [how, ms] of [['back', 3_600_000], ['forward', -3_600_000]]) {
  test(`setting the time of day ${how} changes nothing but the times that people read`, async () => {
    const { client, server, clock, wake } = setUp({ minDelayMs: 10_000, baseDelayMs: 0, pingIntervalMs: 25_000, probeTimeoutMs: 3000, commandTimeoutMs: 5000 });
    const general = client.room('general');
    await clock.advance(10);
    const joined = general.join();
    await clock.advance(10);
    await joined;
    wake('online');
    clock.setBack(ms);
    await clock.advance(10);
    clock.setBack(-ms);
    await clock.advance(24_000);
    assert.deepEqual([client.state, client.status.attempt], ['connected', 0], 'neither early nor late deadlines');
    await clock.advance(2000);
    assert.equal(server.received.flat().filter(({ type }) => type === 'ping').length, 2, 'one for the wake, one for the silence');
    server.freeze();
    const late = assert.rejects(general.send('hi'), { code: 'timeout' });
    clock.setBack(ms);
    await clock.advance(5010);
    await late;
    wake('online');
    clock.setBack(ms);
    await clock.advance(3010);
    assert.equal(client.state, 'connecting');
    assert.equal(client.status.nextRetryAt - clock.date() < 10_000, true);
    clock.setBack(ms);
    wake('online');
    server.freeze(false);
    await clock.advance(1010);
    assert.equal(client.state, 'connected', 'a wake still brings the retry forward');
  });
}

test('connect() cuts the wait for a retry short', async () => {
  const { client, server, clock } = setUp({ minDelayMs: 50_000 });
  server.refuseConnections();
  client.connect();
  await clock.advance(10);
  server.refuseConnections(false);
  client.connect();
  await clock.advance(10);
  assert.equal(client.state, 'connected');
  await clock.advance(60_000);
  assert.equal(server.dials, 2);
});

test('the end of a connection is told to `error` of the client', async () => {
  const { client, server, clock } = setUp({ url: 'ws://fake/ws?token=secret' });
  const errors = [];
  client.on('error', ({ code, message }) => errors.push([code, message]));
  client.connect();
  await clock.advance(10);
  server.close(4502, 'banned');
  await clock.advance(10);
  assert.deepEqual(errors, [['closed', 'closed ws://fake/ws 4502 banned']]);
  client.connect();
  await clock.advance(10);
  client.disconnect();
  assert.equal(errors.length, 1);
});

test('`debug` writes every frame and every change of the status to the console', async (t) => {
  const lines = t.mock.method(console, 'debug', () => {});
  const frames = [];
  const { client, clock } = setUp({ debug: true, onFrame: (direction) => frames.push(direction) });
  client.channel('news').on('message', () => {});
  await clock.advance(10);
  const said = lines.mock.calls.map(({ arguments: [where, what] }) => [where, what.state ?? what]);
  assert.deepEqual(said, [
    ['wavecast state\t', 'connecting'],
    ['wavecast out\t', '{"type":"subscribe","positions":true,"channel":"news","id":1}'],
    ['wavecast in\t', '{"type":"subscribed","channel":"news","offset":0,"epoch":"epoch-1","id":1}'],
    ['wavecast state\t', 'connected'],
  ]);
  assert.deepEqual(frames, ['out', 'in']);
});

test('a listener that throws does not affect the others', () => {
  // In a separate process, because an uncaught error ends it.
  const code = `
    import { Wavecast } from 'wavecast';
    import { FakeServer } from 'wavecast/testing';
    process.on('uncaughtException', ({ message }) => console.log(message, client.state));
    const client = new Wavecast('ws://fake/ws', { WebSocket: new FakeServer().WebSocket });
    client.on('status', ({ state }) => { if (state === 'connected') throw new Error('mine'); });
    client.on('status', ({ state }) => { if (state === 'connected') setTimeout(() => client.disconnect(), 10); });
    client.connect();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8', timeout: 10_000 });
  assert.equal(stdout, 'mine connected\n', stderr);
});

test('a frame that is not JSON, and an error that belongs to no command, are `error` events', async () => {
  const { client, clock, sockets } = setUp();
  const errors = [];
  client.on('error', ({ code }) => errors.push(code));
  client.connect();
  await clock.advance(10);
  sockets[0].onmessage({ data: '{nope' });
  sockets[0].onmessage({ data: '[null, 1, {"type":"error","code":"message_too_large"}, {"type":"unheard_of"}]' });
  assert.deepEqual(errors, ['invalid_json', 'message_too_large']);
  assert.equal(client.state, 'connected');
});

test('a listener that disconnects receives nothing more, not even from the same frame', async () => {
  const { client, clock, sockets } = setUp();
  const received = [];
  client.channel('$all').on('message', ({ data }) => {
    received.push(data.n);
    client.disconnect();
    client.connect();
  });
  await clock.advance(10);
  sockets[0].onmessage({ data: JSON.stringify([1, 2].map((n) => ({ type: 'event', channel: '$all', data: { n } }))) });
  await clock.advance(10);
  assert.deepEqual([received, client.state], [[1], 'connected']);
});

test('there is never more than one socket', async () => {
  const { client, server, clock, sockets, wake } = setUp();
  client.connect();
  await clock.advance(10);
  const old = sockets[0];
  const { onclose } = old;
  server.freeze();
  wake('online');
  await clock.advance(3010);
  server.freeze(false);
  await clock.advance(1000);
  assert.equal(client.state, 'connected');
  // Nothing listens to the lost socket any more.
  assert.deepEqual([old.onopen, old.onmessage, old.onclose], [null, null, null]);
  assert.ok(onclose);
  assert.equal(sockets.length, 2);
});
