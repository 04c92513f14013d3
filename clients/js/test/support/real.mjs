// The real server as its own process, and clients of it.
import WebSocket from 'ws';
import { Wavecast } from 'wavecast';
export { Server } from '../../../../tests/page/server.mjs';

/** Flags of a server that keeps everything a test publishes. */
export const HISTORY = ['--history', '1000000', '--history-bytes', '100MiB'];
const PATIENCE_MS = 20_000;

/** Quick to notice and quick to come back, on a busy machine too; the clients of a test are closed with it. */
export function connect(test, url, options) {
  const client = new Wavecast(new URL('/ws', url), {
    WebSocket: globalThis.WebSocket ?? WebSocket,
    minDelayMs: 20, baseDelayMs: 50, maxDelayMs: 500, pingIntervalMs: 500, probeTimeoutMs: 1500, connectTimeoutMs: 2000, commandTimeoutMs: 20_000,
    ...options,
  });
  test.after(() => client.disconnect());
  return client;
}

/** Waits until `holds()` says so. */
export async function until(holds, what) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${PATIENCE_MS} ms until ${what ?? holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Publishes `{n}` for each n, in order, a batch a request. */
export async function publish(server, channel, from, to) {
  const events = [];
  for (let n = from; n <= to; n += 1) events.push({ channel, data: { n } });
  const response = await fetch(`${server.url}/api/events/batch`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ events }),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

export const range = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => from + n);
