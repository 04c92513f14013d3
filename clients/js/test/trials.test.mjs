// While a client uses server-sent events, it tries whether WebSockets work by now.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import WebSocket from 'ws';
import { SseSocket } from 'wavecast/sse';
import { record } from './support/fake.mjs';
import { Proxy } from './support/proxy.mjs';
import { HISTORY, Server, connect, publish, range, until } from './support/real.mjs';

async function start(t) {
  const server = await Server.start(0, [...HISTORY, '--ping-interval', '200ms']);
  t.after(() => server.stop('SIGKILL'));
  return server;
}
// Notices a dead stream quickly, because the server pings quickly, too.
SseSocket.silenceMs = 600;

test('ends when WebSockets work: the client returns to its first transport, and loses nothing', async (t) => {
  const server = await start(t);
  const proxy = await Proxy.start(server.url);
  t.after(() => proxy.stop());
  const before = { WebSocket: SseSocket.WebSocket, returnMs: SseSocket.returnMs };
  t.after(() => Object.assign(SseSocket, before));
  const trials = [];
  class Trial extends (globalThis.WebSocket ?? WebSocket) {
    constructor(url) {
      super(url);
      trials.push(this);
    }
  }
  Object.assign(SseSocket, { WebSocket: Trial, returnMs: 100 });
  proxy.blocksUpgrades = true;
  const client = connect(t, proxy.url, { transports: [globalThis.WebSocket ?? WebSocket, SseSocket] }), losses = [];
  const seen = record(client.channel('news'));
  await client.channel('news').subscribe({ timeoutMs: 15_000 });
  client.on('status', ({ state, code, reason }) => state === 'connecting' && losses.push(`${code} ${reason}`));
  await publish(server, 'news', 1, 5);
  await until(() => trials.length >= 3);
  proxy.blocksFrames = 'close';
  proxy.blocksUpgrades = false;
  const { length } = trials;
  await until(() => trials.length >= length + 3);
  assert.deepEqual([client.state, losses], ['connected', []], 'it takes a message to return');
  assert.ok(trials.slice(0, -1).every(({ readyState }) => readyState >= 2), 'one at a time');
  proxy.blocksFrames = '';
  await until(() => losses.length > 0 && client.channel('news').state === 'subscribed');
  await publish(server, 'news', 6, 10);
  await until(() => seen.at(-1) === 10);
  assert.deepEqual(seen, range(1, 10));
  assert.equal(losses[0], '1001 WebSockets work');
  const connections = async () => (await (await fetch(`${server.url}/api/connections`)).json()).connections;
  await until(async () => (await connections()).every(({ transport }) => transport === 'websocket'), 'no stream is left');
  assert.ok(trials.every(({ readyState }) => readyState >= 2), 'no trial is left');
  const { length: total } = trials;
  client.disconnect();
  client.connect();
  await until(() => client.state === 'connected');
  assert.equal(trials.length, total, 'with a WebSocket, nothing is tried');
});

test('tries no WebSocket after disconnect(), or when told not to', async (t) => {
  const server = await start(t);
  const before = { WebSocket: SseSocket.WebSocket, returnMs: SseSocket.returnMs };
  t.after(() => Object.assign(SseSocket, before));
  let trials = 0;
  class Trial {
    constructor() {
      trials += 1;
    }
    send() {}
    close() {}
  }
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  for (const [returnMs, disconnects] of [[50, true], [0, false]]) {
    Object.assign(SseSocket, { WebSocket: Trial, returnMs });
    const client = connect(t, server.url, { transports: [SseSocket] });
    await client.channel('news').subscribe({ timeoutMs: 15_000 });
    if (returnMs) await until(() => trials > 0);
    if (disconnects) client.disconnect();
    trials = 0;
    // Several times as long as it takes until the next.
    await later(300);
    assert.equal(trials, 0);
  }
});
