// The page at GET /, in headless Chromium, against a real server on loopback.
//
//   SERVER_BIN     the server binary (default: target/release/wavecast)
//   CHROMIUM       the browser (default: /usr/bin/chromium)
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { chromium } from 'playwright-core';
import { Server } from './server.mjs';

const WAIT_MS = 10_000;
let profile, browser, server, pages, complaints;

before(async () => {
  profile = await mkdtemp(join(tmpdir(), 'wavecast-page-'));
  browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  browser.setDefaultTimeout(WAIT_MS);
});
after(async () => {
  await browser?.close();
  if (profile) await rm(profile, { recursive: true, force: true });
});
beforeEach(async () => {
  pages = [];
  complaints = [];
  server = await Server.start();
});
afterEach(async () => {
  for (const page of pages) await page.close();
  await server.stop();
});

async function open(path = '/') {
  const page = await browser.newPage();
  pages.push(page);
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.goto(server.url + path);
  await status(page, 'Connected');
  return page;
}
const status = (page, text) => page.locator('#status-text', { hasText: new RegExp(`^${text}$`) }).waitFor();
const event = (page, text) => page.getByRole('list', { name: 'Events' }).getByRole('listitem').filter({ hasText: text });
const frame = (page, text) => page.locator('#frames li').filter({ hasText: text });
const said = (page, text) => page.getByRole('list', { name: 'Messages' }).getByText(text);
// A name without its `pending` mark was confirmed by the server.
const confirmed = (page, list, name) => page.locator(`#${list} li:not(.pending)`).filter({ hasText: name });

async function subscribe(page, channel) {
  await page.getByLabel('Channel to subscribe to').fill(channel);
  await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
  await confirmed(page, 'channels', channel).waitFor();
}
async function joinRoom(page, room) {
  await page.getByLabel('Room to join').fill(room);
  await page.getByRole('button', { name: 'Join', exact: true }).click();
  await confirmed(page, 'rooms', room).waitFor();
}
async function say(page, text) {
  await page.getByLabel('Message to the room').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

test('connects by itself and shows an event that was published with HTTP', async () => {
  const page = await open();
  await confirmed(page, 'channels', 'notifications').waitFor();
  await server.publish({ channel: 'notifications', data: { message: 'from outside' } });
  await event(page, 'from outside').waitFor();
  await frame(page, '"message":"from outside"').waitFor();
  assert.deepEqual(complaints, []);
});

test('two pages join a room and exchange a message', async () => {
  const [ann, bob] = [await open(), await open()];
  await joinRoom(ann, 'general');
  await joinRoom(bob, 'general');
  await said(ann, /joined$/).waitFor();
  await say(ann, 'hello bob');
  await said(bob, 'hello bob').waitFor();
  await say(bob, 'hello ann');
  await said(ann, 'hello ann').waitFor();
  assert.equal(await said(ann, 'hello bob').count(), 1, 'the sender sees its message once');
  await bob.getByRole('button', { name: 'Leave general' }).click();
  await said(ann, /left$/).waitFor();
});

test('subscribes, publishes through the form, sees the event, and unsubscribes', async () => {
  const page = await open();
  await subscribe(page, 'orders');
  await page.getByLabel('Channel', { exact: true }).fill('orders');
  await page.getByLabel('Event name (optional)').fill('order.created');
  await page.getByLabel('Data, as JSON').fill('{ "order": 1042 }');
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText(/^Published to 1 subscriber$/).waitFor();
  await event(page, '{"order":1042}').waitFor();
  await event(page, 'order.created').waitFor();
  await page.getByRole('button', { name: 'Unsubscribe from orders' }).click();
  await frame(page, '"type":"unsubscribed","channel":"orders"').waitFor();
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText(/nobody is subscribed to orders/).waitFor();
});

test('data that is not JSON cannot be published, and the curl command follows the form', async () => {
  const page = await open();
  await page.getByLabel('Data, as JSON').fill('{ nope');
  await page.getByText(/^Data is not JSON/).waitFor();
  assert.ok(await page.getByRole('button', { name: 'Publish' }).isDisabled());
  await page.getByLabel('Data, as JSON').fill(`{"message":"it's on"}`);
  const curl = await page.locator('#curl').textContent();
  assert.ok(curl.startsWith(`curl ${server.url}/api/events`), curl);
  assert.ok(curl.includes(`it'\\''s on`), curl);
});

test('a refused publish shows the reason the server gave', async () => {
  const page = await open();
  await page.getByLabel('Channel', { exact: true }).fill('x'.repeat(2000));
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.locator('#publish-note.bad').filter({ hasText: /\S/ }).waitFor();
});

for (const [how, signal] of [['dies', 'SIGKILL'], ['shuts down', 'SIGTERM']]) {
  test(`reconnects, resubscribes and rejoins after the server ${how}`, async () => {
    const page = await open();
    await subscribe(page, 'orders');
    await joinRoom(page, 'general');
    const port = server.port;
    await server.stop(signal);
    await status(page, 'Reconnecting');
    server = await Server.start(port);
    await status(page, 'Connected');
    await confirmed(page, 'channels', 'orders').waitFor();
    await confirmed(page, 'rooms', 'general').waitFor();
    await server.publish({ channel: 'orders', data: { message: 'after the restart' } });
    await event(page, 'after the restart').waitFor();
    // The new server knows nothing of the old one's history, so the page says that messages may be missing.
    await event(page, 'orders: Some messages may be missing here: epoch_changed').waitFor();
  });
}

test('a frame that holds markup is shown as text', async () => {
  const markup = '<img src=x onerror=alert(1)>';
  const [page, other] = [await open(), await open()];
  await joinRoom(page, 'general');
  await joinRoom(other, 'general');
  await say(other, markup);
  await said(page, markup).waitFor();
  await server.publish({ channel: 'notifications', event: markup, data: { message: markup } }).catch(() => {});
  await server.publish({ channel: 'notifications', data: { [markup]: markup } });
  await event(page, markup).first().waitFor();
  await frame(page, markup).first().waitFor();
  assert.equal(await page.locator('main img').count(), 0);
  assert.deepEqual(complaints, []);
});

test('frames can be filtered, paused, resumed and cleared, and are bounded', async () => {
  const page = await open();
  await confirmed(page, 'channels', 'notifications').waitFor();
  for (let n = 0; n < 520; n += 1) await server.publish({ channel: 'notifications', data: { n } });
  await frame(page, '"n":519').waitFor();
  assert.equal(await page.locator('#frames li').count(), 500);
  await page.getByLabel('Filter frames').fill('"n":519');
  assert.equal(await page.locator('#frames li:visible').count(), 1);
  await page.getByLabel('Filter frames').fill('');
  await page.getByRole('button', { name: 'Pause' }).click();
  await server.publish({ channel: 'notifications', data: { message: 'while paused' } });
  await page.getByRole('button', { name: 'Resume (1)' }).waitFor();
  assert.equal(await frame(page, 'while paused').count(), 0);
  await page.getByRole('button', { name: 'Resume (1)' }).click();
  await frame(page, 'while paused').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  assert.equal(await page.locator('#frames li').count(), 0);
});

test('live counts come from the statistics', async () => {
  const page = await open();
  await open();
  await page.locator('#stats').getByText('2').first().waitFor();
  await page.locator('#stats').getByText('connections').waitFor();
});

test('fits a narrow and a wide screen', async () => {
  const page = await open();
  await page.locator('#stats dd').first().waitFor();
  for (const width of [360, 768, 1440]) {
    await page.setViewportSize({ width, height: 800 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `at ${width} px the page is ${overflow} px too wide`);
  }
});
