// One browser for all tests of the page, and what they look for in it.
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';
import { Server } from '../server.mjs';

export const WAIT_MS = 15_000;
export const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** A history that no test fills. */
export const HISTORY = ['--history', '100'];
export const NO_HISTORY = ['--history', '0'];

let browser;

before(async () => { browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS }); });
after(() => browser?.close());

/** An empty page in a window of its own: a browser draws only the front page of a window. */
export async function newPage(t) {
  const context = await browser.newContext();
  t.after(() => context.close());
  context.setDefaultTimeout(WAIT_MS);
  return context.newPage();
}

/** Starts a server for this test. `restart` is for one that has to be on the same port. */
export async function serve(t, flags = HISTORY) {
  const edge = { server: await Server.start(0, flags) };
  edge.restart = async () => { edge.server = await Server.start(edge.server.port, flags); };
  t.after(() => edge.server.stop('SIGKILL'));
  return edge;
}

/** Opens the page and waits until it is live. `complaints` has what must never happen. */
export async function open(t, address) {
  const page = await newPage(t);
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    page.complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('console', (message) => {
    // A request that fails while the server is away is printed by the browser itself.
    const isFailedRequest = /^Failed to load resource|^WebSocket connection to/.test(message.text());
    if (message.type() === 'error' && !isFailedRequest) page.complaints.push(message.text());
  });
  await page.goto(address);
  await status(page, 'Live');
  return page;
}

const exactly = (text) => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);

/** Waits for this state of the connection. */
export const status = (page, text) => page.locator('#status-text', { hasText: exactly(text) }).waitFor();
export const row = (page, text) => page.locator('#feed li').filter({ hasText: text });
export const said = (page, text) => page.getByRole('list', { name: 'Conversation' }).getByRole('listitem').filter({ hasText: text });
/** A name without its `pending` mark was confirmed by the server. */
export const confirmed = (page, list, name) => page.locator(`#${list} li:not(.pending)`).filter({ hasText: name });

export async function subscribe(page, channel) {
  await page.getByLabel('Channel to subscribe to').fill(channel);
  await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
  await confirmed(page, 'channels', channel).waitFor();
}
export async function joinRoom(page, room) {
  await page.getByLabel('Room to join').fill(room);
  await page.getByRole('button', { name: 'Join', exact: true }).click();
  await confirmed(page, 'rooms', room).waitFor();
}
export async function say(page, text) {
  await page.getByLabel('Message to the room').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}
/** Publishes `count` numbered events with few requests. */
export async function publishMany(server, channel, count, first = 1) {
  for (let next = first; next < first + count; next += 1000) {
    const size = Math.min(1000, first + count - next);
    const events = Array.from({ length: size }, (_, index) => ({ channel, event: 'number', data: { n: next + index } }));
    const response = await fetch(`${server.url}/api/events/batch`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ events }),
    });
    if (!response.ok) throw new Error(`batch: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  }
}
/** Publishes a body as it is written. */
export async function publishText(server, body) {
  const response = await fetch(`${server.url}/api/events`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  if (!response.ok) throw new Error(`publish: ${response.status} ${await response.text()}`);
}
