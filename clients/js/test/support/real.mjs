// The real server, in its own process, and clients for it.
import WebSocket from 'ws';
import { Wavecast } from 'wavecast';
export { Server } from '../../../../tests/page/server.mjs';

/** Server flags that keep everything a test publishes. */
export const HISTORY = ['--history', '1000000', '--history-bytes', '100MiB'];
const PATIENCE_MS = 20_000;

/** A client that detects failures and reconnects quickly, even on a busy machine. It is closed when the test ends. */
export function connect(test, url, options) {
  const client = new Wavecast(new URL(`/ws${new URL(url).search}`, url), {
    WebSocket: globalThis.WebSocket ?? WebSocket,
    minDelayMs: 20, baseDelayMs: 50, maxDelayMs: 500, pingIntervalMs: 500, probeTimeoutMs: 1500, connectTimeoutMs: 2000, commandTimeoutMs: 20_000,
    ...options,
  });
  test.after(() => client.disconnect());
  return client;
}

/** Waits until `holds()` returns something truthy, and returns that. */
export async function until(holds, what) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${what ?? holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Publishes `{n}` for each n, in order, in one batch. */
export async function publish(server, channel, from, to) {
  const events = [];
  for (let n = from; n <= to; n += 1) events.push({ channel, data: { n } });
  const response = await fetch(`${server.url}/api/events/batch`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ events }),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

export const range = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => from + n);
