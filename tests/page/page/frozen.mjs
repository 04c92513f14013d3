// A page that the browser freezes in the background.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WAIT_MS, publishMany, serve } from './browser.mjs';
import { RawBrowser } from './raw-browser.mjs';

async function until(what, condition) {
  for (const deadline = Date.now() + WAIT_MS; !(await condition().catch(() => false));) {
    if (Date.now() > deadline) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

for (const isCut of [false, true]) {
  test(`a page that was frozen${isCut ? ', and whose connection broke meanwhile,' : ''} has everything once it is shown again`, { timeout: 60_000 }, async (t) => {
    const { server } = await serve(t);
    const browser = await RawBrowser.start(t), page = await browser.open(server.url);
    const has = (selector, text) => () => page.evaluate(`[...document.querySelectorAll('${selector}')].some((node) => node.textContent.includes(${JSON.stringify(text)}))`);
    await until('the page is subscribed', has('#channels li:not(.pending)', 'notifications'));
    await publishMany(server, 'notifications', 5);
    await until('event 5 is shown', has('#feed li', '{"n":5}'));
    await browser.open('about:blank');
    await until('the page is hidden', () => page.evaluate('document.hidden'));
    await page.freeze(true);
    await publishMany(server, 'notifications', 20, 6);
    if (isCut) {
      const { connections } = await (await fetch(`${server.url}/api/connections`)).json();
      for (const { id } of connections) await fetch(`${server.url}/api/connections/${id}`, { method: 'DELETE' });
    }
    await publishMany(server, 'notifications', 20, 26);
    await page.freeze(false);
    await page.show();
    await until('event 45 is shown', has('#feed li', '{"n":45}'));
    const numbers = await page.evaluate(`[...document.querySelectorAll('#feed .payload')].map((node) => JSON.parse(node.textContent).n).reverse()`);
    assert.deepEqual(numbers, Array.from({ length: 45 }, (_, index) => index + 1));
    await until('the page is live', has('#status-text', 'Live'));
    if (isCut) await until('it says what was replayed', has('#feed .notice', 'replayed on notifications'));
  });
}
