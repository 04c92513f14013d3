// Cuts, resets, half-open links, delays and refusals between clients and server, while events are published: nothing is lost
// or duplicated.
//
//   CHAOS_MS   how long (default 20,000)
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseSocket } from 'wavecast/sse';
import { record } from './support/fake.mjs';
import { Proxy } from './support/proxy.mjs';
import { HISTORY, Server, connect, publish, range, until } from './support/real.mjs';

const CHAOS_MS = Number(process.env.CHAOS_MS ?? 20_000);
const CLIENTS = 4;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

for (const transport of ['WebSocket', 'SSE']) {
  test(`${CHAOS_MS / 1000} s of chaos over ${transport}: nothing lost, nothing duplicated, in order`, { timeout: CHAOS_MS + 60_000 }, (t) => chaos(t, transport === 'SSE'));
}

async function chaos(t, isSse) {
  SseSocket.silenceMs = 600;
  const server = await Server.start(0, [...HISTORY, '--ping-interval', '200ms']);
  t.after(() => server.stop('SIGKILL'));
  const proxy = await Proxy.start(server.url);
  t.after(() => proxy.stop());
  const clients = range(1, CLIENTS).map(() => connect(t, proxy.url, isSse ? { transports: [SseSocket] } : {}));
  const channels = clients.map((client) => record(client.channel('chaos')));
  const rooms = isSse ? [] : clients.map((client) => record(client.room('chaos')));
  await Promise.all(clients.flatMap((client) => [client.channel('chaos').subscribe(), ...(isSse ? [] : [client.room('chaos').join()])]));
  // The speaker bypasses the proxy, so that its messages are sent once and in order.
  const speaker = connect(t, server.url).room('chaos');
  await speaker.join();

  const end = Date.now() + CHAOS_MS;
  let published = 0, said = 0, faults = 0;
  const publishing = (async () => {
    while (Date.now() < end) {
      await publish(server, 'chaos', published + 1, published + 10);
      published += 10;
      await speaker.send(++said);
      await pause(20);
    }
  })();
  const faulting = (async () => {
    while (Date.now() < end) {
      await pause(100 + Math.random() * 900);
      faults += 1;
      const fault = ['cut', 'reset', 'halfOpen', 'delay', 'refuse'][faults % 5];
      if (fault === 'cut' || fault === 'reset') proxy[fault]();
      else if (fault === 'halfOpen') {
        proxy.halfOpen();
        await pause(200 + Math.random() * 1000);
        proxy.halfOpen(false);
      } else if (fault === 'delay') {
        proxy.delayMs = 100 + Math.random() * 200;
        await pause(500);
        proxy.delayMs = 0;
      } else {
        proxy.refuses = true;
        proxy.reset();
        await pause(300);
        proxy.refuses = false;
      }
    }
  })();
  await Promise.all([publishing, faulting]);
  await until(() => [...channels].every((seen) => seen.at(-1) === published), 'all clients have received the last event').catch(() => {});
  await until(() => [...rooms].every((seen) => seen.at(-1) === said), 'all clients have received the last message').catch(() => {});
  const resumed = proxy.counts.connections - CLIENTS;
  t.diagnostic(`${published} events and ${said} messages to ${CLIENTS} clients, ${faults} faults, ${resumed} reconnects, ${JSON.stringify(proxy.counts)}`);
  for (const seen of channels) assert.deepEqual(seen, range(1, published));
  for (const seen of rooms) assert.deepEqual(seen, range(1, said));
  assert.ok(resumed >= faults / 2, 'the faults broke connections');
}
