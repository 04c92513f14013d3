// Rooms.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_HISTORY, confirmed, joinRoom, open, row, said, say, serve, status } from './browser.mjs';

test('two pages join a room and exchange messages', async (t) => {
  const { server } = await serve(t);
  const [ann, bob] = [await open(t, server.url), await open(t, server.url)];
  await joinRoom(ann, 'general');
  await joinRoom(bob, 'general');
  await said(ann, /joined$/).waitFor();
  await say(ann, 'hello bob');
  await said(bob, 'hello bob').waitFor();
  await row(bob, /hello bobroom general/).waitFor();
  await say(bob, 'hello ann');
  await said(ann, 'hello ann').waitFor();
  assert.equal(await said(ann, 'hello bob').count(), 1, 'the sender sees its message once');
  await bob.getByRole('button', { name: 'Leave general' }).click();
  await said(ann, /left$/).waitFor();
});

test('messages in another room are counted', async (t) => {
  const { server } = await serve(t);
  const [ann, bob] = [await open(t, server.url), await open(t, server.url)];
  for (const page of [ann, bob]) await joinRoom(page, 'one');
  await joinRoom(ann, 'two');
  await say(bob, 'unread');
  await ann.locator('#rooms').getByText('1 new').waitFor();
  await ann.getByRole('button', { name: 'Show room one' }).click();
  await said(ann, 'unread').waitFor();
  await ann.locator('#rooms').getByText('1 new').waitFor({ state: 'detached' });
});

test('a room is joined again after a lost connection, and says that messages may be missing', async (t) => {
  const edge = await serve(t, NO_HISTORY);
  const page = await open(t, edge.server.url);
  await joinRoom(page, 'general');
  await edge.server.stop('SIGKILL');
  await status(page, 'Reconnecting');
  await edge.restart();
  await confirmed(page, 'rooms', 'general').waitFor();
  await said(page, 'The connection was lost: messages may be missing here.').waitFor();
});

test('a room that cannot be joined says why', async (t) => {
  const { server } = await serve(t, ['--max-clients-per-room', '1']);
  const [ann, bob] = [await open(t, server.url), await open(t, server.url)];
  await joinRoom(ann, 'general');
  await bob.getByLabel('Room to join').fill('general');
  await bob.getByRole('button', { name: 'Join', exact: true }).click();
  await bob.locator('#rooms-note').filter({ hasText: /^general: This room is full\.$/ }).waitFor();
  await bob.locator('#rooms li').waitFor({ state: 'detached' });
});
