// A page that the browser freezes in the background, in headless Chromium.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { Proxy } from './support/proxy.mjs';
import { RawBrowser } from './support/raw-browser.mjs';
import { HISTORY, Server, publish, range, until } from './support/real.mjs';

const PAGE = `<!doctype html><title>test</title><script src="/wavecast.iife.js"></script><script>
  const client = new Wavecast(new URLSearchParams(location.search).get('server') + '/ws', { minDelayMs: 20, baseDelayMs: 50, maxDelayMs: 500, pingIntervalMs: 500, probeTimeoutMs: 500 });
  const seen = [], attempts = [], log = [];
  const channel = client.channel('news');
  channel.on('gap', ({ reason }) => seen.push(reason));
  channel.on('message', ({ data }) => seen.push(data.n));
  client.on('status', ({ state, attempt, code, reason }) => log.push([state, attempt, code, reason].join(' ').trim()));
  for (const name of ['freeze', 'resume']) document.addEventListener(name, () => log.push(name));
</script>`;

for (const fails of [false, true]) {
  test(`a page that was frozen, while the network ${fails ? 'failed' : 'worked'}, receives everything once`, { timeout: 60_000 }, async (t) => {
    // The page is of an origin of its own.
    const server = await Server.start(0, [...HISTORY, '--origin', '*']);
    t.after(() => server.stop('SIGKILL'));
    const proxy = await Proxy.start(server.url);
    t.after(() => proxy.stop());
    const site = createServer(async (request, response) => {
      if (request.url.endsWith('.js')) response.setHeader('content-type', 'text/javascript').end(await readFile(new URL(`../dist${request.url}`, import.meta.url)));
      else response.setHeader('content-type', 'text/html').end(PAGE);
    });
    site.listen(0, '127.0.0.1');
    await once(site, 'listening');
    t.after(() => {
      site.close();
      site.closeAllConnections();
    });
    const browser = await RawBrowser.start(t), page = await browser.open(`http://127.0.0.1:${site.address().port}/?server=${proxy.url}`);
    await until(() => page.evaluate('typeof channel === "object" && channel.state === "subscribed"').catch(() => false), 'the page has subscribed');
    await publish(server, 'news', 1, 10);
    await until(async () => await page.evaluate('seen.at(-1)') === 10, 'event 10 was received');
    await browser.open('about:blank');
    await until(() => page.evaluate('document.hidden'), 'the page is hidden');
    await page.freeze(true);
    await publish(server, 'news', 11, 60);
    if (fails) proxy.reset();
    await publish(server, 'news', 61, 100);
    // Longer than a late timer has to be for the client to notice that the page was frozen.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await page.freeze(false);
    await page.show();
    await publish(server, 'news', 101, 110);
    await until(async () => await page.evaluate('seen.at(-1)') === 110, 'event 110 was received');
    assert.deepEqual(await page.evaluate('seen'), range(1, 110));
    const log = await page.evaluate('log');
    t.diagnostic(log.join(', '));
    assert.ok(log.includes('freeze') && log.includes('resume'), `${log}`);
  });
}
