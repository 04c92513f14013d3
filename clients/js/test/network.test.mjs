// What the client does when the browser says that the network or the page has changed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setUp } from './support/fake.mjs';

test('a wake pings an open connection, and brings a retry forward, with jitter', async () => {
  const { client, server, clock, wake } = setUp({ pingIntervalMs: 0 });
  client.connect();
  await clock.advance(10);
  server.received = [];
  for (const type of ['online', 'visibilitychange', 'pageshow']) wake(type);
  await clock.advance(10);
  assert.deepEqual(server.received, [{ type: 'ping' }], 'one ping at a time');
  server.refuseConnections();
  server.kill();
  clock.randoms = [1];
  await clock.advance(60_000);
  server.refuseConnections(false);
  clock.randoms = [0.5];
  const dials = server.dials;
  wake('online');
  await clock.advance(490);
  assert.equal(server.dials, dials);
  await clock.advance(20);
  assert.equal(client.state, 'connected');
});

test('when the browser is offline, a dead connection is found without waiting for the heartbeat', async () => {
  const { client, server, clock, wake } = setUp({ pingIntervalMs: 25_000, probeTimeoutMs: 3000 });
  client.connect();
  await clock.advance(10);
  server.freeze();
  wake('offline');
  await clock.advance(2990);
  assert.equal(client.state, 'connected');
  await clock.advance(20);
  assert.deepEqual([client.state, client.status.reason], ['connecting', 'no pong']);
  server.freeze(false);
  wake('online');
  await clock.advance(1010);
  assert.equal(client.state, 'connected');
});

test('when the browser is offline, a connection that answers stays, and no retry is brought forward', async () => {
  const { client, server, clock, wake } = setUp({ pingIntervalMs: 0 });
  client.connect();
  await clock.advance(10);
  server.received = [];
  wake('offline');
  await clock.advance(10_000);
  assert.deepEqual([client.state, server.dials, server.received], ['connected', 1, [{ type: 'ping' }]]);
  server.refuseConnections();
  server.kill();
  clock.randoms = [1];
  await clock.advance(60_000);
  server.refuseConnections(false);
  clock.randoms = [0];
  const { dials } = server;
  wake('offline');
  await clock.advance(100);
  assert.equal(server.dials, dials);
  wake('online');
  await clock.advance(100);
  assert.equal(client.state, 'connected');
});

test('a page in the background reacts to the network, and not to being hidden', async (t) => {
  globalThis.document = { hidden: true };
  t.after(() => delete globalThis.document);
  const { client, server, clock, wake } = setUp({ pingIntervalMs: 0 });
  client.connect();
  await clock.advance(10);
  const pings = [];
  for (const type of ['visibilitychange', 'offline', 'online']) {
    server.received = [];
    wake(type);
    await clock.advance(10);
    pings.push(server.received.length);
  }
  assert.deepEqual(pings, [0, 1, 1]);
});

test('a hidden page closes its socket, and reconnects when it is shown again', async () => {
  const { client, server, clock, wake } = setUp();
  client.connect();
  await clock.advance(10);
  wake('pagehide');
  assert.deepEqual([client.state, server.connections], ['connecting', 0]);
  await clock.freeze(600_000);
  wake('pageshow');
  await clock.advance(1100);
  assert.equal(client.state, 'connected');
  assert.equal(server.connections, 1);
});
