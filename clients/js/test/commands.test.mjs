// Commands: packed into frames, bounded, and matched with their replies.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WavecastError } from 'wavecast';
import { setUp } from './support/fake.mjs';

const failsWith = (code) => (error) => error instanceof WavecastError && error.code === code;

test('a frame never exceeds the size that the server accepts', async () => {
  const { client, clock, sockets } = setUp({ maxMessageBytes: 2000 });
  let largest = 0;
  client.connect();
  const { send } = sockets[0];
  sockets[0].send = function (text) {
    largest = Math.max(largest, Buffer.byteLength(text));
    send.call(this, text);
  };
  for (let n = 0; n < 200; n += 1) client.channel(`ch\u00e4nnel-${n}`).on('message', () => {});
  await clock.advance(10);
  assert.ok(largest > 1800 && largest <= 2000, `${largest}`);
  assert.equal(client.channel('ch\u00e4nnel-199').state, 'subscribed');
});

test('history is read page by page, with or without a subscription', async () => {
  const { client, server, clock } = setUp();
  for (let n = 1; n <= 5; n += 1) server.publish('news', { n });
  const read = async (options) => {
    const page = client.channel('news').history(options);
    await clock.advance(10);
    const { items, more, offset, epoch } = await page;
    return [items.map(({ data }) => data.n), more, offset, epoch];
  };
  assert.deepEqual(await read(), [[1, 2, 3, 4, 5], false, 5, 'epoch-1']);
  assert.deepEqual(await read({ limit: 2 }), [[4, 5], true, 5, 'epoch-1']);
  assert.deepEqual(await read({ limit: 2, before: 4 }), [[2, 3], true, 5, 'epoch-1']);
  assert.deepEqual(await read({ limit: 2, after: 3 }), [[4, 5], false, 5, 'epoch-1']);
  await assert.rejects(client.room('general').history(), failsWith('not_in_room'));
  server.options.history = 0;
  const none = assert.rejects(client.channel('other').history(), failsWith('no_history'));
  await clock.advance(10);
  await none;
});

test('commands are bounded in number, size and time', async () => {
  const { client, server, clock } = setUp({ maxPending: 3, maxMessageBytes: 300, commandTimeoutMs: 5000 });
  const general = client.room('general');
  await assert.rejects(general.send('hi'), failsWith('not_in_room'));
  general.join();
  const large = assert.rejects(general.send('\u00e4'.repeat(150)), failsWith('message_too_large'));
  const waiting = [1, 2, 3].map((n) => assert.rejects(general.send(n), failsWith('timeout')));
  await large;
  const fourth = assert.rejects(general.send(4), failsWith('queue_full'));
  server.freeze();
  await clock.advance(5010);
  await Promise.all([...waiting, fourth]);
  client.disconnect();
  await assert.rejects(general.send('hi'), failsWith('closed'));
});
