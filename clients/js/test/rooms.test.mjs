// Rooms: members, messages, and the client's own messages in the history.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, FakeServer } from 'wavecast/testing';
import { Wavecast } from 'wavecast';
import { record, setUp } from './support/fake.mjs';

const hasCode = (wanted) => ({ code }) => code === wanted;

function pair() {
  const clock = new FakeClock(), server = new FakeServer({ clock });
  const [ann, bob] = [1, 2].map(() => new Wavecast('ws://fake/ws', { WebSocket: server.WebSocket, clock, events: new EventTarget() }));
  return { clock, server, ann, bob };
}

test('members join, talk and leave', async () => {
  const { clock, server, ann, bob } = pair();
  const news = [];
  const room = ann.room('general');
  room.on('user_joined', ({ user_id }) => news.push(['joined', user_id]));
  room.on('user_left', ({ user_id }) => news.push(['left', user_id]));
  room.on('message', ({ from, content }) => news.push([from, content]));
  const joined = room.join();
  await clock.advance(10);
  assert.equal((await joined).members, 1);
  bob.room('general').join();
  await clock.advance(10);
  assert.deepEqual([room.members, bob.room('general').members], [2, 2]);
  const sent = bob.room('general').send({ text: 'hello' });
  await clock.advance(10);
  assert.deepEqual(await sent, { offset: 1 });
  bob.room('general').leave();
  await clock.advance(10);
  const [[, user]] = news;
  assert.deepEqual(news, [['joined', user], [user, { text: 'hello' }], ['left', user]]);
  assert.deepEqual([room.members, bob.room('general').members], [1, 0]);
  assert.equal(server.connections, 2);
});

test('messages sent while joining are sent once joined, in order', async () => {
  const { clock, ann, bob } = pair();
  const seen = record(bob.room('general'));
  await clock.advance(10);
  ann.room('general').join();
  const sent = [1, 2, 3].map((n) => ann.room('general').send(n));
  await clock.advance(20);
  await Promise.all(sent);
  assert.deepEqual(seen, [1, 2, 3]);
});

test('a message without a reply is not sent again', async () => {
  const { clock, server, ann } = pair();
  const room = ann.room('general'), seen = record(room);
  await clock.advance(10);
  const lost = assert.rejects(room.send('maybe'), hasCode('connection_lost'));
  await clock.advance(1);
  server.kill();
  await clock.advance(1000);
  await lost;
  assert.equal(server.received.flat().filter(({ type }) => type === 'message').length, 1);
  // The server did accept it, so the replay from history includes it.
  assert.deepEqual(seen, ['maybe']);
});

test('own messages are not gaps, and nothing is received twice', async () => {
  const { clock, server, ann } = pair();
  const room = ann.room('general'), seen = record(room);
  await clock.advance(10);
  server.say('general', 'bob', 1);
  const own = [room.send('mine'), room.send('too')];
  await clock.advance(10);
  await Promise.all(own);
  server.say('general', 'bob', 2);
  await clock.advance(10);
  const last = room.send('last');
  await clock.advance(10);
  await last;
  server.kill();
  server.say('general', 'bob', 3);
  await clock.advance(1000);
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual(room.position, { offset: 6, epoch: 'epoch-1' });
  const [rejoin] = server.received.slice(-1);
  assert.deepEqual(rejoin.since, { offset: 5, epoch: 'epoch-1' });
});

test('a late reply to an own message does not turn other messages into duplicates', async () => {
  const { client, clock, sockets } = setUp();
  const room = client.room('general'), seen = record(room);
  await clock.advance(10);
  const tell = (message) => sockets[0].onmessage({ data: JSON.stringify({ room: 'general', ...message }) });
  tell({ type: 'sent', offset: 3, id: 99 });
  for (const offset of [1, 2, 3, 4]) tell({ type: 'message', from: 'x', content: offset, offset });
  assert.deepEqual(seen, [1, 2, 4]);
  tell({ type: 'message', from: 'x', content: 6, offset: 6 });
  tell({ type: 'sent', offset: 5, id: 100 });
  tell({ type: 'message', from: 'x', content: 7, offset: 7 });
  assert.deepEqual(seen, [1, 2, 4, 6, 7]);
});

test('a refused first join rejects, and leaving rejects the messages that wait', async () => {
  const { client, server, clock } = setUp({ server: { maxMembers: 0 } });
  const full = assert.rejects(client.room('general').join(), hasCode('room_full'));
  const waiting = assert.rejects(client.room('general').send('hi'), hasCode('not_in_room'));
  await clock.advance(10);
  await Promise.all([full, waiting]);
  await clock.advance(60_000);
  assert.equal(server.received.flat().filter(({ type }) => type === 'join').length, 1, 'it does not join later');
  client.room('other').join();
  const left = assert.rejects(client.room('other').send('hi'), hasCode('not_in_room'));
  client.room('other').leave();
  await left;
});
