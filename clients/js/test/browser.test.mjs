// The builds in headless Chromium, while the server is killed and restarted and the network fails.
//
//   CHROMIUM   the browser (default: /usr/bin/chromium)
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { Proxy } from './support/proxy.mjs';
import { HISTORY, Server, publish, range, until } from './support/real.mjs';

/** The pages are of an origin of their own. */
const FLAGS = [...HISTORY, '--origin', '*'];

const PAGE = `<!doctype html><title>test</title><script src="/wavecast.iife.js"></script><script>
  const client = new Wavecast(new URLSearchParams(location.search).get('server') + '/ws', { minDelayMs: 20, baseDelayMs: 50, maxDelayMs: 500, pingIntervalMs: 500, probeTimeoutMs: 500 });
  const seen = [], errors = [];
  const channel = client.channel('news');
  channel.on('gap', ({ reason }) => seen.push(reason));
  channel.on('message', ({ data }) => seen.push(data.n));
  client.on('error', ({ code }) => errors.push(code));
</script>`;

/** A page whose client may use server-sent events. */
const withFallback = (url) => `<!doctype html><script type="module">
    import { Wavecast } from '/index.js';
    import { SseSocket } from '/sse.js';
    const client = window.client = new Wavecast('${url}/ws', { transports: [WebSocket, SseSocket], minDelayMs: 20, baseDelayMs: 50, maxDelayMs: 500 });
    const seen = window.seen = [];
    client.channel('news').on('gap', ({ reason }) => seen.push(reason));
    client.channel('news').on('message', ({ data }) => seen.push(data.n));
  </script>`;

async function open(t, url, html = PAGE) {
  const site = createServer(async (request, response) => {
    if (request.url.endsWith('.js')) response.setHeader('content-type', 'text/javascript').end(await readFile(new URL(`../dist${request.url}`, import.meta.url)));
    else response.setHeader('content-type', 'text/html').end(request.url === '/favicon.ico' ? '' : html);
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  const profile = await mkdtemp(join(tmpdir(), 'wavecast-js-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  t.after(async () => {
    await browser.close();
    site.close();
    await rm(profile, { recursive: true, force: true });
  });
  const page = await browser.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(`http://127.0.0.1:${site.address().port}/?server=${url}`);
  const look = (expression) => page.evaluate(expression);
  await until(() => look('typeof client === "object" && client.state === "connected" && client.channel("news").state !== "subscribing"'), 'the page has subscribed');
  return { page, browser, look, complaints };
}

test('the server dies and restarts: every event is seen once, and every restart is a gap', async (t) => {
  let server = await Server.start(0, FLAGS);
  t.after(() => server.stop('SIGKILL'));
  const { look, complaints } = await open(t, server.url);
  const expected = [];
  let published = 0;
  const more = async (count) => {
    await publish(server, 'news', published + 1, published + count);
    expected.push(...range(published + 1, published + count));
    published += count;
    await until(async () => await look('seen.at(-1)') === published, `event ${published} was received`);
  };
  await more(50);
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL']) {
    const { port } = server;
    await server.stop(signal);
    await until(() => look('client.state === "connecting"'), 'the page noticed');
    server = await Server.start(port, FLAGS);
    await until(() => look('channel.state === "subscribed"'), 'the page has reconnected');
    expected.push('epoch_changed');
    await more(50);
  }
  assert.deepEqual(await look('seen'), expected);
  assert.deepEqual([complaints, await look('errors')], [[], []]);
});

test('the network fails and recovers: nothing is lost, and no gap is reported', async (t) => {
  const server = await Server.start(0, FLAGS);
  t.after(() => server.stop('SIGKILL'));
  const proxy = await Proxy.start(server.url);
  t.after(() => proxy.stop());
  const { page, browser, look, complaints } = await open(t, proxy.url);
  let published = 0;
  for (const fault of ['cut', 'reset', 'halfOpen', 'offline']) {
    proxy.refuses = fault === 'cut' || fault === 'reset';
    if (fault === 'offline') await browser.setOffline(true);
    else proxy[fault]();
    if (fault === 'offline') proxy.reset();
    await publish(server, 'news', published + 1, published + 50);
    await until(() => look('client.state === "connecting"'), `the page noticed: ${fault}`);
    proxy.refuses = false;
    if (fault === 'offline') await browser.setOffline(false);
    else proxy.halfOpen(false);
    await publish(server, 'news', published + 51, published + 100);
    published += 100;
    await until(async () => await look('seen.at(-1)') === published, `event ${published} was received`);
  }
  // The user leaves the page and returns: the browser restores it from memory, or loads it again.
  await page.goto('about:blank');
  await publish(server, 'news', published + 1, published + 10);
  await page.goBack();
  await until(() => look('channel.state === "subscribed"'), 'the page has reconnected');
  const kept = await look('seen.length > 0');
  t.diagnostic(kept ? 'the page was restored from memory' : 'the page was loaded again');
  if (kept) {
    await until(async () => await look('seen.at(-1)') === published + 10, 'the missed events were received');
    assert.deepEqual(await look('seen'), range(1, published + 10));
  }
  assert.deepEqual(complaints, []);
});

test('the browser goes offline: a connection that works stays, and a dead one is found without the heartbeat', async (t) => {
  const server = await Server.start(0, FLAGS);
  t.after(() => server.stop('SIGKILL'));
  const proxy = await Proxy.start(server.url);
  t.after(() => proxy.stop());
  const { browser, look, complaints } = await open(t, proxy.url, PAGE.replace('pingIntervalMs: 500', 'pingIntervalMs: 0, onFrame: (direction, text) => frames.push(text)')
    .replace('const client', `const frames = [], changes = [];
  const client`).replace('const seen', `client.on('status', ({ state, reason }) => changes.push(state + ' ' + reason));
  const seen`));
  // The browser is mistaken, as with a server on the same machine.
  await look('frames.length = changes.length = 0, dispatchEvent(new Event("offline"))');
  await until(() => look('frames.some((text) => text.includes("pong"))'), 'the ping was answered');
  await publish(server, 'news', 1, 10);
  await until(async () => await look('seen.at(-1)') === 10, 'event 10 was received');
  assert.deepEqual(await look('changes'), []);
  proxy.halfOpen();
  await browser.setOffline(true);
  await until(() => look('changes.includes("connecting no pong")'), 'the page noticed');
  proxy.halfOpen(false);
  await browser.setOffline(false);
  await publish(server, 'news', 11, 20);
  await until(async () => await look('seen.at(-1)') === 20, 'event 20 was received');
  assert.deepEqual([await look('seen'), complaints], [range(1, 20), []]);
});

test('a page on a network that blocks WebSockets receives its channels over server-sent events', async (t) => {
  const server = await Server.start(0, [...FLAGS, '--cors-origin', '*']);
  t.after(() => server.stop('SIGKILL'));
  const proxy = await Proxy.start(server.url);
  t.after(() => proxy.stop());
  proxy.blocksUpgrades = true;
  const { look, complaints } = await open(t, proxy.url, withFallback(proxy.url));
  await until(() => look('client.channel("news").state === "subscribed"'), 'it has subscribed');
  await publish(server, 'news', 1, 10);
  await until(async () => await look('seen.at(-1)') === 10, 'event 10 was received');
  proxy.reset();
  await publish(server, 'news', 11, 20);
  await until(async () => await look('seen.at(-1)') === 20, 'event 20 was received');
  assert.deepEqual(await look('seen'), range(1, 20));
  const { connections } = await (await fetch(`${server.url}/api/connections`)).json();
  assert.ok(connections.length && connections.every(({ transport }) => transport === 'sse'));
  assert.deepEqual(complaints, []);
});

test('a page that moves to a network that blocks WebSockets, and back, changes the transport and loses nothing', async (t) => {
  const server = await Server.start(0, [...FLAGS, '--cors-origin', '*']);
  t.after(() => server.stop('SIGKILL'));
  const proxy = await Proxy.start(server.url);
  t.after(() => proxy.stop());
  const { look, complaints } = await open(t, proxy.url, withFallback(proxy.url));
  const transports = async () => {
    const { connections } = await (await fetch(`${server.url}/api/connections`)).json();
    return connections.map(({ transport }) => transport).join();
  };
  let published = 0;
  for (const [blocks, transport] of [[false, 'websocket'], [true, 'sse'], [false, 'websocket'], [true, 'sse']]) {
    proxy.blocksUpgrades = blocks;
    if (published) proxy.reset();
    await publish(server, 'news', published + 1, published + 10);
    published += 10;
    await until(async () => await look('seen.at(-1)') === published, `event ${published} was received`);
    await until(async () => await transports() === transport, `it is connected over ${transport}`);
  }
  assert.deepEqual(await look('seen'), range(1, published));
  assert.deepEqual(complaints, []);
});

for (const how of ['swallow', 'close']) {
  test(`a page behind a proxy that lets only WebSocket handshakes pass receives its channels over server-sent events: ${how}`, async (t) => {
    const server = await Server.start(0, [...FLAGS, '--cors-origin', '*']);
    t.after(() => server.stop('SIGKILL'));
    const proxy = await Proxy.start(server.url);
    t.after(() => proxy.stop());
    proxy.blocksFrames = how;
    const { look, complaints } = await open(t, proxy.url, `<!doctype html><script type="module">
      import { Wavecast } from '/index.js';
      import { SseSocket } from '/sse.js';
      const client = window.client = new Wavecast('${proxy.url}/ws', { transports: [WebSocket, SseSocket], minDelayMs: 20, baseDelayMs: 50, maxDelayMs: 500, connectTimeoutMs: 2000 });
      const seen = window.seen = [];
      client.channel('news').on('message', ({ data }) => seen.push(data.n));
    </script>`);
    await publish(server, 'news', 1, 10);
    await until(async () => await look('seen.at(-1)') === 10, 'event 10 was received');
    assert.deepEqual(await look('seen'), range(1, 10));
    assert.deepEqual(complaints, []);
  });
}

test('React in strict mode: one subscription for as long as a component needs it, and every message once', async (t) => {
  const server = await Server.start(0, FLAGS);
  t.after(() => server.stop('SIGKILL'));
  const { outputFiles: [{ text }] } = await build({
    stdin: {
      contents: `
        import { StrictMode, createElement as h, useEffect, useState } from 'react';
        import { createRoot } from 'react-dom/client';
        import { Wavecast } from 'wavecast';
        import { useChannel, useStatus } from 'wavecast/react';
        window.sent = [];
        const client = window.client = new Wavecast('${server.url}/ws', { onFrame: (direction, frame) => direction === 'out' && sent.push(...[JSON.parse(frame)].flat().map(({ type }) => type)) });
        function List({ factor }) {
          const [items, setItems] = useState([]), [created, setCreated] = useState(0);
          const state = useChannel(client.channel('news'), {
            message: ({ data }) => setItems((all) => [...all, data.n * factor]),
            'event:created': () => setCreated((count) => count + 1),
          });
          useEffect(() => { window.shown = factor; });
          return h('p', null, state, ' ', items.join(), ' ', created);
        }
        function App() {
          const [factor, setFactor] = useState(1);
          Object.assign(window, { setFactor });
          return h('main', null, useStatus(client).state, ' ', factor ? h(List, { factor }) : 'nothing');
        }
        createRoot(document.body).render(h(StrictMode, null, h(App)));`,
      resolveDir: fileURLToPath(new URL('..', import.meta.url)),
    },
    bundle: true, write: false, format: 'iife', define: { 'process.env.NODE_ENV': '"development"' },
  });
  const { look, complaints } = await open(t, server.url, `<!doctype html><body><script>${text.replaceAll('</script', '<\\/script')}</script>`);
  const shows = (expected) => until(async () => await look('document.querySelector("main").textContent') === expected, `it shows ${expected}`);
  await shows('connected subscribed  0');
  await server.publish({ channel: 'news', event: 'created', data: { n: 1 } });
  await server.publish({ channel: 'news', data: { n: 2 } });
  await shows('connected subscribed 1,2 1');
  await look('setFactor(10)');
  await until(async () => await look('shown') === 10, 'it is rendered');
  await server.publish({ channel: 'news', data: { n: 3 } });
  await shows('connected subscribed 1,2,30 1');
  assert.deepEqual(await look('sent'), ['subscribe'], 'a listener of a later render needs no new subscription');
  await look('setFactor(0)');
  await shows('connected nothing');
  await until(async () => (await server.publish({ channel: 'news', data: { n: 4 } })).subscribers === 0, 'it has unsubscribed');
  await look('setFactor(1)');
  await shows('connected subscribed  0');
  assert.deepEqual([await look('sent'), complaints], [['subscribe', 'unsubscribe', 'subscribe'], []]);
});

test('the script tag in the README', async (t) => {
  const server = await Server.start(0, FLAGS);
  t.after(() => server.stop('SIGKILL'));
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [, html] = /^```html\n(.*?)^```$/ms.exec(readme);
  const { look, complaints } = await open(t, server.url, `<!doctype html><body>${html.replace('wss://rt.example.com', server.url.replace('http', 'ws')).replace('https://rt.example.com', server.url)}`);
  await until(() => look('client.channel("orders").state === "subscribed"'), 'it has subscribed');
  await server.publish({ channel: 'orders', data: { total: 12 } });
  await until(async () => (await look('document.body.textContent')).includes('total 12'), 'it shows the event');
  assert.deepEqual(complaints, []);
});
