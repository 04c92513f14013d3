// Thousands of events per second.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { confirmed, open, publishMany, row, serve } from './browser.mjs';

/** So that a slow machine does not make the page a slow consumer. */
const PATIENT = ['--history', '0', '--outbox-messages', '1000000', '--outbox-bytes', '256MiB'];
const SECONDS = 3, PER_SECOND = 2000;

/** Counts, in the page, the drawings of the list, the rows they build, the announcements, and the frames and their gaps. */
const watch = (page) => page.evaluate(() => {
  const startedAt = performance.now(), seen = globalThis.seen = { ms: 0, drawings: 0, rows: 0, mostAtOnce: 0, announcements: 0, frames: 0, longestGap: 0 };
  new MutationObserver((changes) => {
    const added = changes.reduce((sum, { addedNodes }) => sum + addedNodes.length, 0);
    seen.drawings += 1;
    seen.rows += added;
    seen.mostAtOnce = Math.max(seen.mostAtOnce, document.getElementById('feed').childElementCount);
  }).observe(document.getElementById('feed'), { childList: true });
  new MutationObserver(() => { seen.announcements += 1; }).observe(document.getElementById('announcer'), { childList: true });
  let before = performance.now();
  requestAnimationFrame(function next(now) {
    seen.frames += 1;
    seen.ms = now - startedAt;
    seen.longestGap = Math.max(seen.longestGap, now - before);
    before = now;
    requestAnimationFrame(next);
  });
});

test(`${PER_SECOND} events per second leave the page usable`, { timeout: 90_000 }, async (t) => {
  const { server } = await serve(t, PATIENT);
  const page = await open(t, server.url);
  await confirmed(page, 'channels', 'notifications').waitFor();
  await watch(page);
  const total = SECONDS * PER_SECOND, slice = PER_SECOND / 10, startedAt = Date.now();
  const load = (async () => {
    for (let sent = 0; sent < total; sent += slice) {
      await publishMany(server, 'notifications', slice, sent + 1);
      const due = startedAt + (sent + slice) * 1000 / PER_SECOND;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - Date.now())));
    }
  })();
  // The page answers in the middle of it.
  await row(page, '"n"').first().waitFor();
  await page.locator('#rate').filter({ hasText: 'per second' }).waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: /^Resume/ }).click();
  await load;
  await row(page, `{"n":${total}}`).waitFor();
  await page.getByText('6,000 received, the newest 200 shown').waitFor();
  const seen = await page.evaluate(() => globalThis.seen);
  t.diagnostic(JSON.stringify(seen));
  assert.ok(seen.mostAtOnce <= 200, `${seen.mostAtOnce} rows`);
  assert.ok(seen.announcements <= 2 + seen.ms / 10_000, `${seen.announcements} announcements`);
  assert.ok(seen.rows <= 200 * seen.drawings, `${seen.rows} rows in ${seen.drawings} drawings`);
  // Five times per second are enough for people, and leave most of the time to everything else.
  assert.ok(seen.drawings <= 2 + seen.ms / 200, `${seen.drawings} drawings in ${seen.ms} ms`);
  assert.deepEqual(page.complaints, []);
});

test('of a burst, only the rows that can be seen are built', async (t) => {
  const { server } = await serve(t, PATIENT);
  const page = await open(t, server.url);
  await confirmed(page, 'channels', 'notifications').waitFor();
  await watch(page);
  await page.getByRole('button', { name: 'Pause' }).click();
  await publishMany(server, 'notifications', 5000);
  await page.getByRole('button', { name: 'Resume (5,000 new)' }).click();
  await row(page, '{"n":5000}').waitFor();
  const { rows } = await page.evaluate(() => globalThis.seen);
  assert.equal(rows, 200);
  const numbers = await page.locator('#feed .payload').allTextContents();
  assert.deepEqual(numbers, Array.from({ length: 200 }, (_, index) => `{"n":${5000 - index}}`));
});
