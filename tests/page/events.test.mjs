// A browser's own EventSource on GET /sse, in headless Chromium, against a real server on loopback.
//
//   SERVER_BIN     the server binary (default: target/release/wavecast)
//   CHROMIUM       the browser (default: /usr/bin/chromium)
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { Server } from './server.mjs';

const WAIT_MS = 20_000;
let browser, server, page;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
  server = await Server.start(0, ['--history', '100']);
  page = await browser.newPage();
  page.setDefaultTimeout(WAIT_MS);
  await page.goto(`${server.url}/healthz`);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What the page has received so far. */
const received = () => page.evaluate(() => globalThis.received);
const until = (what, ...args) => page.waitForFunction(what, ...args);
const numbers = (list) => list.filter((m) => m.type === 'event').map((m) => `${m.channel} ${m.data.n}`);
const publish = (channel, n) => server.publish({ channel, data: { n } });
const events = (count) => until((n) => globalThis.received.filter((m) => m.type === 'event').length >= n, count);
const answers = (count) => until((n) => globalThis.received.filter((m) => m.type === 'subscribed').length >= n, count);

async function cut(reason) {
  const { connections } = await (await fetch(`${server.url}/api/connections`)).json();
  assert.equal(connections.length, 1);
  assert.equal(connections[0].transport, 'sse');
  await fetch(`${server.url}/api/connections/${connections[0].id}?reason=${reason}`, { method: 'DELETE' });
}

test('a browser reconnects by itself and has every event of every channel once', async () => {
  await page.evaluate(() => {
    globalThis.received = [];
    globalThis.closes = [];
    globalThis.source = new EventSource('/sse?channel=orders&channel=k%C3%B6ln');
    source.onmessage = (message) => received.push({ ...JSON.parse(message.data), id: message.lastEventId });
    source.addEventListener('close', (message) => closes.push(JSON.parse(message.data)));
  });
  await answers(2);
  await publish('orders', 1);
  await publish('köln', 2);
  await events(2);
  for (const [round, reason] of ['first', 'second'].entries()) {
    await cut(reason);
    await until((n) => globalThis.closes.length === n, round + 1);
    // Meanwhile, while the browser waits for the time in `retry:`:
    await publish('köln', 10 * round + 11);
    await publish('orders', 10 * round + 12);
    await events(4 + 2 * round);
  }
  const list = await received();
  assert.deepEqual(numbers(list).sort(), ['köln 11', 'köln 2', 'köln 21', 'orders 1', 'orders 12', 'orders 22']);
  assert.deepEqual(
    list.filter((m) => m.type === 'subscribed').map((m) => m.recovered),
    [undefined, undefined, true, true, true, true],
  );
  assert.ok(list.every((m) => m.id !== ''), 'each message moves the id');
  assert.deepEqual(await page.evaluate(() => closes), [{ code: 4000, reason: 'first' }, { code: 4000, reason: 'second' }]);
});

test('after a crash of the server it is told that nothing can be recovered, and receives new events', async () => {
  await page.evaluate(() => { received.length = 0; });
  const { port } = server;
  await server.stop('SIGKILL');
  server = await Server.start(port, ['--history', '100']);
  await answers(2);
  await publish('orders', 100);
  await events(1);
  const list = await received();
  assert.deepEqual(list.filter((m) => m.type === 'subscribed').map((m) => [m.recovered, m.reason]),
    [[false, 'epoch_changed'], [false, 'epoch_changed']]);
  assert.deepEqual(numbers(list), ['orders 100']);
});

test('a refused stream is not tried again', async () => {
  const state = await page.evaluate(() => new Promise((resolve) => {
    const refused = new EventSource('/sse?channel=$user:bob');
    refused.onerror = () => resolve(refused.readyState);
  }));
  assert.equal(state, 2, 'CLOSED');
});

test('a browser comes back to a server that was full', async () => {
  const full = await Server.start(0, ['--max-connections', '1']);
  const visitor = await browser.newPage();
  const first = new AbortController();
  try {
    await fetch(`${full.url}/sse?channel=a`, { signal: first.signal });
    visitor.setDefaultTimeout(WAIT_MS);
    await visitor.goto(`${full.url}/healthz`);
    await visitor.evaluate(() => {
      globalThis.received = [];
      globalThis.closes = [];
      globalThis.source = new EventSource('/sse?channel=a');
      source.onmessage = (message) => received.push(JSON.parse(message.data));
      source.addEventListener('close', (message) => closes.push(JSON.parse(message.data)));
    });
    await visitor.waitForFunction(() => globalThis.closes.length > 0);
    assert.deepEqual(await visitor.evaluate(() => globalThis.closes[0]), { code: 1013, reason: 'Too many connections' });
    first.abort();
    await visitor.waitForFunction(() => globalThis.received[0]?.type === 'subscribed');
  } finally {
    first.abort();
    await visitor.close();
    await full.stop();
  }
});
