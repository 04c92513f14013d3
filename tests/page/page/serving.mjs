// How the page is served: with a strict policy, without requests to elsewhere, and below a path.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { confirmed, joinRoom, newPage, open, row, said, say, serve, status, subscribe } from './browser.mjs';

/** A proxy that serves `target` below `/edge/`, and nothing else. */
async function belowPath(t, target) {
  const { hostname, port } = new URL(target), strays = [], upgraded = [];
  const inner = (url) => url.startsWith('/edge/') ? url.slice('/edge'.length) : (strays.push(url), undefined);
  const proxy = createServer((incoming, response) => {
    const path = inner(incoming.url);
    if (path === undefined) return response.writeHead(404).end();
    incoming.pipe(request({ hostname, port, path, method: incoming.method, headers: incoming.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    }).on('error', () => response.destroy()));
  });
  proxy.on('upgrade', (incoming, socket, head) => {
    const path = inner(incoming.url);
    if (path === undefined) return socket.destroy();
    const upstream = connect(port, hostname, () => {
      const headers = incoming.rawHeaders.reduce((text, part, index) => text + part + (index % 2 ? '\r\n' : ': '), '');
      upstream.write(`GET ${path} HTTP/1.1\r\n${headers}\r\n`);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upgraded.push(socket, upstream);
    for (const one of [socket, upstream]) one.on('error', () => [socket, upstream].forEach((other) => other.destroy()));
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.close();
    proxy.closeAllConnections();
    for (const socket of upgraded) socket.destroy();
  });
  return { url: `http://127.0.0.1:${proxy.address().port}/edge/`, strays };
}

test('the page works below a path', async (t) => {
  const { server } = await serve(t);
  const { url, strays } = await belowPath(t, server.url);
  const page = await open(t, url);
  await confirmed(page, 'channels', 'notifications').waitFor();
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  await row(page, 'New notification').waitFor();
  await page.locator('#counts dd').first().waitFor();
  assert.ok((await page.locator('#snippet-text').textContent()).startsWith(`curl ${url}api/events`));
  assert.deepEqual(strays, []);
  assert.deepEqual(page.complaints, []);
});

test('the policy allows no inline scripts or styles, the page breaks no rule of it, and loads nothing from elsewhere', async (t) => {
  const { server } = await serve(t);
  const page = await newPage(t), requested = [], complaints = [];
  page.on('request', (request) => requested.push(new URL(request.url()).origin));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  const response = await page.goto(server.url), policy = response.headers()['content-security-policy'];
  assert.doesNotMatch(policy, /unsafe|\*|data:|https?:/);
  for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) {
    assert.ok(policy.split('; ').includes(rule), `${rule}: ${policy}`);
  }
  await status(page, 'Live');
  await joinRoom(page, 'general');
  const other = await open(t, server.url);
  await joinRoom(other, 'general');
  await say(other, 'hello');
  await said(page, 'hello').waitFor();
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  await row(page, 'New notification').locator('summary').click();
  await page.locator('#feed pre').waitFor();
  assert.deepEqual([...new Set(requested)], [server.url]);
  assert.deepEqual(complaints, []);
});

test('the page says what Wavecast is, which version it is, and where to read more', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  const { version } = await (await fetch(`${server.url}/health`)).json();
  assert.equal(await page.locator('#version').textContent(), version);
  await page.getByText(/^Publish an event over HTTP; every subscribed browser, phone or service gets it/).waitFor();
  for (const name of ['Docs', 'Protocol', 'Repository']) {
    assert.match(await page.getByRole('link', { name }).getAttribute('href'), /^https:\/\/github\.com\/[\w-]+\/[\w-]+/);
  }
  assert.doesNotMatch(await page.content(), /[{](version|repository)[}]/);
});

test('counts come from the statistics, and are faded while they are old', async (t) => {
  const edge = await serve(t);
  const page = await open(t, edge.server.url);
  await open(t, edge.server.url);
  await page.locator('#counts').filter({ hasText: /connections2/ }).waitFor();
  await edge.server.stop('SIGKILL');
  await page.locator('#counts.old').waitFor();
  await edge.restart();
  await page.locator('#counts:not(.old)').waitFor();
});

test('counts are fetched again once a subscription is confirmed', async (t) => {
  const { server } = await serve(t);
  const page = await newPage(t);
  // Without the timer that fetches them every two seconds.
  await page.addInitScript(() => {
    const { setTimeout } = window;
    window.setTimeout = (act, ms, ...rest) => (ms === 2000 ? 0 : setTimeout(act, ms, ...rest));
  });
  await page.goto(server.url);
  await status(page, 'Live');
  await subscribe(page, 'orders');
  await page.locator('#counts').filter({ hasText: /connection1channels2/ }).waitFor();
});

test('on a server for development, the page can be a user', async (t) => {
  const { server } = await serve(t, ['--dev', '--history', '100']);
  const page = await open(t, `${server.url}/?user=ann`);
  await page.getByLabel('All frames').check();
  await row(page, '"type":"subscribed","channel":"$user:ann"').waitFor();
  await server.publish({ user: 'ann', data: { message: 'for ann' } });
  await row(page, 'for ann').first().waitFor();
});
