// Logging in with a token, replacing it, and what the page says when a right or the token ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revoke, sign, startWithTokens } from '../tokens.mjs';
import { confirmed, newPage, open, row, serve, status, subscribe } from './browser.mjs';

const NEWS = { sub: 'ada', channels: { notifications: ['subscribe', 'history'], orders: ['subscribe', 'history'] } };
const note = (page, text) => page.locator('#log-in-note').filter({ hasText: text }).waitFor();
const who = (page, text) => page.locator('#who').filter({ hasText: text }).waitFor();

/** Starts a server with tokens that serves its page, and opens that. */
async function openWithTokens(t, { settings = '', rest = '' } = {}) {
  const server = await startWithTokens(t, settings, rest, ['--dev']);
  const page = await newPage(t), frames = [];
  page.on('websocket', (socket) => {
    frames.push('open');
    socket.on('framesent', ({ payload }) => frames.push(payload));
  });
  await page.goto(server.url);
  return { server, page, frames };
}
async function logIn(page, token) {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Use token' }).click();
}
/** Where the page may not have left a token. */
const traces = (page) => page.evaluate(() => [location.href, document.documentElement.outerHTML, JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.cookie].join('\n'));

test('a user logs in, replaces the token without a new connection, loses a right, and sees it', async (t) => {
  const { server, page, frames } = await openWithTokens(t);
  await note(page, 'This server wants to know who you are. Paste a token to connect.');
  await status(page, 'Disconnected');
  await logIn(page, sign(NEWS));
  await status(page, 'Live');
  await who(page, /^Logged in as ada, until \d\d:\d\d:\d\d$/);
  await confirmed(page, 'channels', 'notifications').waitFor();
  assert.equal(await page.locator('#log-in').isVisible(), false);
  await subscribe(page, 'orders');

  const before = frames.filter((frame) => frame === 'open').length;
  await page.getByRole('button', { name: 'New token' }).click();
  await logIn(page, sign({ ...NEWS, exp: Math.floor(Date.now() / 1000) + 7200 }));
  await page.locator('#log-in').waitFor({ state: 'hidden' });
  await server.publish({ channel: 'orders', data: { message: 'still here' } });
  await row(page, 'still here').waitFor();

  await page.getByRole('button', { name: 'New token' }).click();
  await logIn(page, sign({ ...NEWS, channels: { notifications: ['subscribe', 'history'] } }));
  await page.locator('#channels-note').filter({ hasText: 'orders: This is not allowed.' }).waitFor();
  await confirmed(page, 'channels', 'notifications').waitFor();
  assert.equal(await page.locator('#channels li').count(), 1);
  assert.equal(frames.filter((frame) => frame === 'open').length, before, 'one connection all the time');
});

test('a token that is refused says why, and a good one works afterwards', async (t) => {
  const { page } = await openWithTokens(t);
  await note(page, 'Paste a token');
  await logIn(page, 'nonsense');
  await note(page, 'The server does not accept this token.');
  await status(page, 'Disconnected');
  await logIn(page, sign({ ...NEWS, exp: Math.floor(Date.now() / 1000) - 3600 }));
  await note(page, 'The token has expired.');
  await logIn(page, sign(NEWS));
  await status(page, 'Live');

  await page.getByRole('button', { name: 'New token' }).click();
  await logIn(page, 'nonsense');
  await note(page, 'The server does not accept this token. The one in force stays.');
  await status(page, 'Live');
  await logIn(page, sign({ ...NEWS, sub: 'bob' }));
  await who(page, /as bob,/);
  await page.getByRole('button', { name: 'Log out' }).click();
  await note(page, 'Paste a token to connect.');
  assert.equal(await page.locator('#who').isVisible(), false);
});

test('a revoked token ends the connection, and the page says so and asks for another', async (t) => {
  const { server, page } = await openWithTokens(t);
  await logIn(page, sign({ ...NEWS, jti: 'stolen' }));
  await who(page, /as ada,/);
  await revoke(server, { token_id: 'stolen' });
  await note(page, 'The token was revoked. Paste a new one to go on.');
  await status(page, 'Disconnected');
  await page.locator('#status-detail').filter({ hasText: 'the token was revoked' }).waitFor();
  await logIn(page, sign(NEWS));
  await status(page, 'Live');
  await confirmed(page, 'channels', 'notifications').waitFor();
});

test('the page says when a token is about to end, and when it has', async (t) => {
  const { page } = await openWithTokens(t, { settings: 'leeway = "0s"\nexpiry_warning = "60s"' });
  await logIn(page, sign({ ...NEWS, exp: Math.floor(Date.now() / 1000) + 4 }));
  await note(page, /^The token ends in \d+ s\. Paste a new one to stay connected\.$/);
  await note(page, 'The token has expired. Paste a new one to go on.');
  await status(page, 'Disconnected');
});

test('a token is kept for the tab only if that is wanted, and is in no address and no frame that is shown', async (t) => {
  const { page } = await openWithTokens(t), token = sign(NEWS);
  await logIn(page, token);
  await who(page, /as ada,/);
  await page.getByLabel('All frames').check();
  await row(page, '"token":"***"').first().waitFor();
  assert.ok(!(await traces(page)).includes(token));
  await page.reload();
  await note(page, 'Paste a token to connect.');
  await page.getByLabel('Keep it until this tab is closed').check();
  await logIn(page, token);
  await who(page, /as ada,/);
  await page.reload();
  await who(page, /as ada,/);
  await page.getByRole('button', { name: 'Log out' }).click();
  await note(page, 'Paste a token to connect.');
  assert.ok(!(await traces(page)).includes(token));
});

test('where anybody may connect, nobody is asked for a token', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await confirmed(page, 'channels', 'notifications').waitFor();
  for (const id of ['log-in', 'log-in-open', 'log-out', 'who']) assert.equal(await page.locator(`#${id}`).isVisible(), false, id);
});

test('an anonymous client that is refused something can log in', async (t) => {
  const { page } = await openWithTokens(t, { rest: '[anonymous]\nchannels = { notifications = ["subscribe"] }' });
  await status(page, 'Live');
  await page.getByLabel('Channel to subscribe to').fill('orders');
  await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
  await page.locator('#channels-note').filter({ hasText: 'orders: This is not allowed.' }).waitFor();
  await page.getByRole('button', { name: 'Log in' }).click();
  await logIn(page, sign(NEWS));
  await who(page, /as ada,/);
  await subscribe(page, 'orders');
});
