// The list of messages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_HISTORY, confirmed, joinRoom, open, publishMany, publishText, row, say, serve, subscribe } from './browser.mjs';

test('connects by itself and shows an event that was published over HTTP', async (t) => {
  const { server } = await serve(t, NO_HISTORY);
  const page = await open(t, server.url);
  await confirmed(page, 'channels', 'notifications').waitFor();
  await server.publish({ channel: 'notifications', data: { message: 'from outside' } });
  await row(page, 'from outside').waitFor();
  assert.deepEqual(page.complaints, []);
});

test('a row shows the event name and the payload first, and the channel and the time after', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await subscribe(page, 'orders');
  await server.publish({ channel: 'orders', event: 'order.created', data: { order: 1042, open: true } });
  await row(page, '1042').waitFor();
  const cells = await row(page, '1042').locator('summary > *').allTextContents();
  assert.equal(cells[0], 'order.created {"order":1042,"open":true}');
  assert.equal(cells[1], 'orders');
  assert.match(cells[2], /^\d\d:\d\d:\d\d\.\d\d\d$/);
  await server.publish({ channel: 'orders', data: [1, 2] });
  await row(page, '[1,2]').waitFor();
  // The publisher's own id is part of the payload.
  await server.publish({ channel: 'orders', data: { total: 7, id: 18 } });
  await row(page, '{"total":7,"id":18}').waitFor();
});

test('a row opens with the keyboard and shows the whole JSON as it was sent', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await confirmed(page, 'channels', 'notifications').waitFor();
  const long = 'x'.repeat(5000);
  await publishText(server, `{"channel":"notifications","event":"big","data":{"number":12345678901234567890.50,"empty":{},"long":"${long}"}}`);
  await row(page, 'big').waitFor();
  assert.ok((await row(page, 'big').textContent()).length < 1000, 'the row is a preview');
  assert.equal(await page.locator('#feed pre').count(), 0, 'nothing is built before it is looked at');
  await row(page, 'big').locator('summary').focus();
  await page.keyboard.press('Enter');
  const json = await page.locator('#feed pre').textContent();
  assert.ok(json.startsWith('{\n  "type": "event",\n  "channel": "notifications",\n  "event": "big",\n  "data": {\n    "id": "evt_'), json.slice(0, 200));
  assert.ok(json.includes('\n    "number": 12345678901234567890.50,\n    "empty": {},\n'), json.slice(0, 400));
  assert.ok(json.includes(long));
});

test('a new subscription shows what the channel has kept, with the time it was published', async (t) => {
  const { server } = await serve(t);
  await server.publish({ channel: 'notifications', data: { message: 'before the page' } });
  const { timestamp } = await server.publish({ channel: 'notifications', data: { message: 'also before' } });
  const page = await open(t, server.url);
  await row(page, 'before the page').waitFor();
  assert.equal(await row(page, 'also before').locator('time').getAttribute('datetime'), new Date(timestamp).toISOString());
});

test('what a channel has kept does not count into the messages per second', async (t) => {
  const { server } = await serve(t);
  await publishMany(server, 'notifications', 10);
  const page = await open(t, server.url);
  const rate = async () => (await page.waitForFunction(() => document.getElementById('rate').textContent)).jsonValue();
  assert.equal(await rate(), '10 received');
  await server.publish({ channel: 'notifications', data: {} });
  await page.locator('#rate').filter({ hasText: '11 received' }).waitFor();
});

test('whatever arrives is shown as text', async (t) => {
  const { server } = await serve(t);
  const markup = '<img src=x onerror=alert(1)>';
  const [page, other] = [await open(t, server.url), await open(t, server.url)];
  await subscribe(page, markup);
  await server.publish({ channel: markup, event: markup, data: { message: markup } });
  await server.publish({ channel: 'notifications', data: { [markup]: markup } });
  await row(page, markup).nth(1).waitFor();
  for (const one of [page, other]) await joinRoom(one, markup);
  await say(other, markup);
  await page.locator('#chat .said').filter({ hasText: markup }).waitFor();
  for (const summary of await page.locator('#feed summary').all()) await summary.click();
  assert.equal(await page.locator('img').count(), 0);
  assert.deepEqual(page.complaints, []);
});

test('messages can be filtered, paused, resumed and cleared, and only the newest are kept', async (t) => {
  const { server } = await serve(t, NO_HISTORY);
  const page = await open(t, server.url);
  await confirmed(page, 'channels', 'notifications').waitFor();
  await publishMany(server, 'notifications', 250);
  await row(page, '{"n":250}').waitFor();
  assert.equal(await page.locator('#feed li').count(), 200);
  await page.getByText('250 received, the newest 200 shown').waitFor();
  await page.getByLabel('Filter messages').fill('"N":249');
  assert.equal(await page.locator('#feed li').count(), 1);
  await page.getByLabel('Filter messages').fill('nowhere');
  await page.getByText('Nothing matches the filter.').waitFor();
  await page.getByLabel('Filter messages').fill('');
  await page.getByRole('button', { name: 'Pause' }).click();
  await server.publish({ channel: 'notifications', data: { message: 'while paused' } });
  await page.getByRole('button', { name: 'Resume (1 new)' }).click();
  await row(page, 'while paused').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByText('Messages appear here.').waitFor();
  assert.equal(await page.locator('#feed li').count(), 1, 'only the hint');
});

test('a paused list does not change', async (t) => {
  const { server } = await serve(t, NO_HISTORY);
  const page = await open(t, server.url);
  await confirmed(page, 'channels', 'notifications').waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await publishMany(server, 'notifications', 700);
  await page.getByRole('button', { name: 'Resume (700 new)' }).waitFor();
  assert.equal(await row(page, '"n"').count(), 0);
});

test('the frames of the protocol are shown when asked for', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await confirmed(page, 'channels', 'notifications').waitFor();
  assert.equal(await row(page, '"type":"subscribe"').count(), 0);
  await page.getByLabel('All frames').check();
  await row(page, /sent.*"type":"subscribe".*notifications/).waitFor();
  await row(page, /received.*"type":"subscribed"/).waitFor();
});

test('an announcement to everyone is shown without a subscription', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await server.publish({ broadcast: true, data: { message: 'to everybody' } });
  await row(page, /to everybody\$all/).waitFor();
});
