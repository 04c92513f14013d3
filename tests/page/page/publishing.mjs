// The form that publishes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, row, serve, status, subscribe } from './browser.mjs';

const publish = (page) => page.getByRole('button', { name: 'Publish', exact: true });
const channel = (page) => page.getByLabel('Channel', { exact: true });
const data = (page) => page.getByLabel('Data, as JSON');
const noted = (page, text) => page.locator('#publish-note').filter({ hasText: text }).waitFor({ state: 'attached' });

test('subscribes, publishes, shows the event, and unsubscribes', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await subscribe(page, 'orders');
  await channel(page).fill('orders');
  await page.getByLabel('Event name (optional)').fill('order.created');
  await data(page).fill('{ "order": 1042 }');
  await publish(page).click();
  await noted(page, /^Published to 1 subscriber\.$/);
  await row(page, 'order.created {"order":1042}orders').waitFor();
  await page.getByRole('button', { name: 'Unsubscribe from orders' }).click();
  await page.locator('#channels').getByText('orders').waitFor({ state: 'detached' });
  await page.getByLabel('All frames').check();
  await row(page, '"type":"unsubscribed"').waitFor();
  await publish(page).click();
  await noted(page, 'nobody is subscribed to orders');
});

test('data is published as it is written, with numbers of any length', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await data(page).fill('{\n  "total": 12345678901234567890,\n  "text": "a  b"\n}');
  await page.getByLabel('Data, as JSON').press('Control+Enter');
  await noted(page, 'Published to 1 subscriber.');
  await row(page, 'a  b').locator('summary').click();
  const json = await page.locator('#feed pre').textContent();
  assert.ok(json.includes('"total": 12345678901234567890,\n    "text": "a  b"'), json);
});

test('what is wrong with the form is said before anything is sent', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await data(page).fill('{ nope');
  await noted(page, /^The data is not JSON: /);
  assert.ok(await publish(page).isDisabled());
  assert.equal(await data(page).getAttribute('aria-invalid'), 'true');
  await data(page).fill('{}');
  await channel(page).fill(' ');
  await noted(page, 'A channel is needed.');
  await channel(page).fill('orders');
  await noted(page, /^$/);
  assert.ok(await publish(page).isEnabled());
});

test('a refusal is shown in plain words', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await channel(page).fill('x'.repeat(2000));
  await publish(page).click();
  await noted(page, /^Not published\. This is not a valid name for a channel: .*\.$/);
  await channel(page).fill('notifications');
  await data(page).fill(JSON.stringify('x'.repeat(70_000)));
  await publish(page).click();
  await noted(page, /^Not published\. This message is too large/);
  await page.getByLabel('Channel to subscribe to').fill('$user:somebody');
  await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
  await page.locator('#channels-note').filter({ hasText: /^\$user:somebody: This is not allowed/ }).waitFor();
});

test('what a proxy answers is shown in plain words', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await page.route('**/api/events', (route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }));
  await publish(page).click();
  await noted(page, /^Not published\. The server cannot be reached at the moment \(HTTP 502\)\.$/);
});

test('what was said about a lost connection is gone when the connection is back', async (t) => {
  const edge = await serve(t);
  const page = await open(t, edge.server.url);
  await edge.server.stop('SIGKILL');
  await status(page, 'Reconnecting');
  await publish(page).click();
  await noted(page, /^Not published: there is no connection to the server\.$/);
  await edge.restart();
  await status(page, 'Live');
  await noted(page, /^The connection is back; publish again\.$/);
  assert.doesNotMatch(await page.locator('body').innerText(), /Failed to fetch/);
  await publish(page).click();
  await noted(page, 'Published to 1 subscriber.');
});
