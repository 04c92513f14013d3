// Widths, colors, motion, and what assistive technology is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinRoom, open, row, serve, subscribe } from './browser.mjs';

/** Fills the page with content that is long where it can be. */
async function fill(page, server) {
  await subscribe(page, `a-channel-with-${'a-very-'.repeat(20)}long-name`);
  await joinRoom(page, 'general');
  await server.publish({ channel: 'notifications', event: `an-${'event-'.repeat(20)}`, data: { text: 'x'.repeat(500) } });
  await server.publish({ channel: 'notifications', data: { message: 'short' } });
  await row(page, 'short').locator('summary').click();
  await page.locator('#counts dd').first().waitFor();
}

test('nothing is too wide for a narrow or a wide window', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await fill(page, server);
  for (const width of [320, 360, 768, 1024, 1280, 1920]) {
    await page.setViewportSize({ width, height: 720 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `at ${width} px, the page is ${overflow} px too wide`);
  }
});

/** Texts whose contrast with what is behind them is below 4.5. */
const faint = (page) => page.evaluate(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => [r, g, b].reduce((sum, part, index) => {
    const value = part / 255;
    return sum + (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4) * [0.2126, 0.7152, 0.0722][index];
  }, 0);
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest('.sr, :disabled, noscript, script')) continue;
    let behind = node;
    while (behind.parentElement && rgba(getComputedStyle(behind).backgroundColor)[3] < 255) behind = behind.parentElement;
    const [text, ground] = [node, behind].map((element, index) => luminance(rgba(getComputedStyle(element)[index ? 'backgroundColor' : 'color'])));
    const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    if (contrast < 4.5) found.push(`${walker.currentNode.data.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return found;
});

for (const colorScheme of ['light', 'dark']) {
  test(`in ${colorScheme} colors, every text can be read`, async (t) => {
    const { server } = await serve(t);
    const page = await open(t, server.url);
    await page.emulateMedia({ colorScheme });
    await fill(page, server);
    await page.getByLabel('Data, as JSON').fill('{');
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)[0]);
    assert.ok(colorScheme === 'dark' ? paper < 60 : paper > 200, `${paper}`);
    assert.deepEqual(await faint(page), []);
  });
}

test('nothing moves for people who want less motion', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await fill(page, server);
  const moving = await page.evaluate(() => [...document.querySelectorAll('*')].filter((node) => ['', '::before', '::after'].some((part) => {
    const { animationName, transitionDuration, scrollBehavior } = getComputedStyle(node, part);
    return animationName !== 'none' || !/^0s(, 0s)*$/.test(transitionDuration) || scrollBehavior === 'smooth';
  })).map((node) => node.id || node.tagName));
  assert.deepEqual(moving, []);
});

test('every control has a name, and can be reached with the keyboard', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await fill(page, server);
  const snapshot = await page.locator('body').ariaSnapshot();
  assert.doesNotMatch(snapshot, /- (button|textbox|combobox|searchbox|checkbox|radio|link|tab)(:| *$|\s+\[)/m, snapshot);
  const controls = await page.locator('button:enabled, input:enabled, textarea, summary, a[href]').evaluateAll((nodes) =>
    nodes.filter((node) => node.tabIndex >= 0 && node.type !== 'radio' && node.checkVisibility()).length);
  await page.evaluate(() => { document.activeElement.blur(); });
  const reached = new Set();
  for (let steps = 0; steps < 3 * controls; steps += 1) {
    await page.keyboard.press('Tab');
    const index = await page.evaluate(() => [...document.querySelectorAll('button:enabled, input:enabled, textarea, summary, a[href]')]
      .filter((node) => node.tabIndex >= 0 && node.type !== 'radio' && node.checkVisibility()).indexOf(document.activeElement));
    if (index >= 0) reached.add(index);
  }
  assert.equal(reached.size, controls);
});

test('the list of messages is not a live region, and new messages are announced as a number', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  assert.equal(await page.locator('#feed').evaluate((node) => node.closest('[aria-live], [role=status], [role=log], [role=alert]')), null);
  await server.publish({ channel: 'notifications', data: { message: 'one' } });
  await page.locator('#announcer').filter({ hasText: /^1 new message$/ }).waitFor({ state: 'attached' });
});
