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

test('a frame that the server cannot read fails only the command at fault, and at once', async () => {
  const { client, server, clock } = setUp({ server: { maxMessageBytes: 500 } });
  const errors = [];
  client.on('error', ({ code, message }) => errors.push([code, message]));
  const large = assert.rejects(client.channel('x'.repeat(600)).subscribe(), failsWith('message_too_large'));
  for (let n = 0; n < 20; n += 1) client.channel(`c${n}`).on('message', () => {});
  const joined = client.room('general').join();
  await clock.advance(20);
  await Promise.all([large, joined]);
  for (let n = 0; n < 20; n += 1) assert.equal(client.channel(`c${n}`).state, 'subscribed', `c${n}`);
  assert.equal(server.dials, 1);
  assert.deepEqual(errors, [['message_too_large', 'Message too large']]);
  const tooLarge = assert.rejects(client.room('general').send('x'.repeat(600)), failsWith('message_too_large'));
  const sent = [1, 2].map((n) => client.room('general').send(n));
  await clock.advance(20);
  await tooLarge;
  assert.deepEqual(await Promise.all(sent), [{ offset: 1 }, { offset: 2 }]);
});

test('an error without an id goes to the oldest frame without an answer', async () => {
  const { client, clock, sockets } = setUp({ server: { latencyMs: 50 } });
  client.room('general').join();
  await clock.advance(500);
  const first = client.room('general').send(1);
  await clock.advance(1);
  const second = client.room('general').send(2);
  await clock.advance(1);
  sockets[0].onmessage({ data: '{"type":"error","code":"invalid_json"}' });
  await assert.rejects(first, failsWith('invalid_json'));
  await clock.advance(200);
  assert.deepEqual(await second, { offset: 2 });
});

test('text is made well-formed before it is sent, and names as well', async () => {
  const { client, server, clock, sockets } = setUp();
  const sent = [];
  client.connect();
  const { send } = sockets[0];
  sockets[0].send = function (text) {
    sent.push(text);
    send.call(this, text);
  };
  const room = client.room('general');
  room.join();
  room.send({ 'k\udc00': ['a\ud800b', 'literally \\ud800', '\ud83d\ude00', '\u0000"\n'] });
  const seen = [];
  client.channel('n\ud800').on('message', ({ data }) => seen.push(data.n));
  await clock.advance(10);
  const { content } = server.received.flat().find(({ type }) => type === 'message');
  assert.deepEqual(content, { 'k\ufffd': ['a\ufffdb', 'literally \\ud800', '\ud83d\ude00', '\u0000"\n'] });
  assert.ok(sent.every((text) => !/[^\\]\\ud8/.test(text)), `${sent}`);
  server.publish('n\ufffd', { n: 1 });
  await clock.advance(10);
  assert.deepEqual(seen, [1]);
});

test('what is not JSON rejects, and takes no place among the calls that wait', async () => {
  const { client, clock } = setUp({ maxPending: 2 });
  const room = client.room('general');
  room.join();
  for (let n = 0; n < 5; n += 1) await assert.rejects(room.send(1n), TypeError);
  const sent = room.send('fine');
  await clock.advance(10);
  assert.deepEqual(await sent, { offset: 1 });
});
