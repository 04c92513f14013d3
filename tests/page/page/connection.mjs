// What the page says about its connection, and about what a lost one cost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_HISTORY, confirmed, open, row, serve, status, subscribe } from './browser.mjs';

const detail = (page, text) => page.locator('#status-detail').filter({ hasText: text }).waitFor();
const notice = (page, text) => page.locator('#feed .notice').filter({ hasText: text }).first();

/** Ends the page's connection, as an operator does. */
async function cut(server) {
  const { connections } = await (await fetch(`${server.url}/api/connections`)).json();
  for (const { id } of connections) await fetch(`${server.url}/api/connections/${id}`, { method: 'DELETE' });
}

test('after a lost connection the page catches up, and says with how much', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await confirmed(page, 'channels', 'notifications').waitFor();
  await page.context().setOffline(true);
  await cut(server);
  await status(page, 'Offline');
  await detail(page, 'reconnects when the network is back');
  for (const n of [1, 2, 3]) await server.publish({ channel: 'notifications', data: { message: `missed ${n}` } });
  await page.context().setOffline(false);
  await status(page, 'Live');
  await notice(page, /^Reconnected after \d+ s; 3 missed messages were replayed on notifications\./).waitFor();
  assert.equal(await row(page, /missed \d/).count(), 3);
  assert.match(await page.locator('#announcer').textContent(), /^Reconnected after \d+ s; 3 missed messages/);
  assert.deepEqual(page.complaints, []);
});

test('after a lost connection during which nothing was published, the page says that nothing was missed', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  await subscribe(page, 'orders');
  await cut(server);
  await notice(page, /^Reconnected after \d+ s; nothing was missed on notifications and orders\./).waitFor();
  await status(page, 'Live');
});

test('a channel without a history says that messages may be missing', async (t) => {
  const { server } = await serve(t, NO_HISTORY);
  const page = await open(t, server.url);
  await confirmed(page, 'channels', 'notifications').waitFor();
  await cut(server);
  await notice(page, /^Reconnected after \d+ s; notifications keeps no history, so messages sent in the meantime may be missing\./).waitFor();
});

test('messages that the history no longer has are counted', async (t) => {
  const { server } = await serve(t, ['--history', '25']);
  const page = await open(t, server.url);
  await confirmed(page, 'channels', 'notifications').waitFor();
  await page.context().setOffline(true);
  await cut(server);
  await status(page, 'Offline');
  for (let n = 0; n < 30; n += 1) await server.publish({ channel: 'notifications', data: { n } });
  await page.context().setOffline(false);
  // The newest 20 are shown.
  await notice(page, /^Reconnected after \d+ s; 10 messages on notifications are missing, because the history does not reach back that far\./).waitFor();
  await row(page, '{"n":10}').waitFor();
  assert.equal(await row(page, '{"n":9}').count(), 0);
});

for (const [how, signal, waiting] of [['dies', 'SIGKILL', 'Reconnecting'], ['shuts down', 'SIGTERM', 'Waiting for the server to restart']]) {
  test(`when the server ${how} and restarts, the page reconnects and says that a new history has begun`, async (t) => {
    const edge = await serve(t);
    const page = await open(t, edge.server.url);
    await subscribe(page, 'orders');
    await edge.server.stop(signal);
    await status(page, waiting);
    await detail(page, signal === 'SIGKILL' ? /^in \d+ s: the server cannot be reached$/ : /^next try in \d+ s$/);
    await edge.restart();
    await status(page, 'Live');
    await notice(page, /^Reconnected after \d+ s; the server was restarted and has a new history of notifications and orders\. Messages sent in the meantime may be missing\./).waitFor();
    await edge.server.publish({ channel: 'orders', data: { message: 'after the restart' } });
    await row(page, 'after the restart').waitFor();
    assert.equal(await page.locator('#status-detail').textContent(), '');
    assert.deepEqual(page.complaints, []);
  });
}

test('the page can be disconnected and connected, and tried again while it waits', async (t) => {
  const edge = await serve(t);
  const page = await open(t, edge.server.url);
  await page.getByRole('button', { name: 'Disconnect' }).click();
  await status(page, 'Disconnected');
  await edge.server.publish({ channel: 'notifications', data: { message: 'meanwhile' } });
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await status(page, 'Live');
  await row(page, 'meanwhile').waitFor();
  await edge.server.stop('SIGKILL');
  await status(page, 'Reconnecting');
  await page.getByRole('button', { name: 'Try now' }).click();
  await edge.restart();
  await status(page, 'Live');
});

test('a server that was never reached is told apart from one that was lost', async (t) => {
  const { server } = await serve(t);
  const page = await open(t, server.url);
  const describe = (status, extra = {}) => page.evaluate(async ([status, extra]) => {
    const { describe } = await import('/page/status.js');
    const { text, detail } = describe(status, { online: true, isRestarting: false, now: 1000, ...extra });
    return `${text} ${detail}`.trim();
  }, [status, extra]);
  const lost = { state: 'connecting', attempt: 2, code: 1006, reason: 'connect failed', nextRetryAt: 3500, everConnected: false };
  assert.equal(await describe(lost), 'Cannot connect next try in 3 s: the server cannot be reached');
  assert.equal(await describe({ ...lost, everConnected: true }), 'Reconnecting in 3 s: the server cannot be reached');
  assert.equal(await describe({ ...lost, everConnected: true, nextRetryAt: undefined }), 'Reconnecting now: the server cannot be reached');
  assert.equal(await describe({ ...lost, everConnected: true, code: 4000, reason: 'maintenance' }),
    'Reconnecting in 3 s: an operator closed the connection: maintenance (4000)');
  assert.equal(await describe(lost, { online: false }), 'Offline reconnects when the network is back');
  assert.equal(await describe({ state: 'connected', attempt: 0 }), 'Live');
  assert.equal(await describe({ state: 'connected', attempt: 0 }, { online: false }), 'Live though the browser reports no network');
  assert.equal(await describe({ state: 'connected', attempt: 0 }, { isRestarting: true }), 'The server is shutting down this page reconnects by itself');
  assert.equal(await describe({ state: 'disconnected', attempt: 0, code: 1008, reason: 'refused' }),
    'Disconnected the application does not accept this connection (1008)');
});
