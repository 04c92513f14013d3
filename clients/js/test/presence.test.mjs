// Who is in a channel or a room: the list, its changes, and what a lost connection does to it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wavecast } from 'wavecast';
import { presence } from 'wavecast/presence';
import { FakeClock, FakeServer } from 'wavecast/testing';

/** Clients by the name of their user, on one server. Those without a name are anonymous. */
function setUp(options) {
  const clock = new FakeClock(), server = new FakeServer({ clock, presence: true, ...options });
  const connect = (user, more) => new Wavecast(`ws://fake/ws${user ? `?user=${user}` : ''}`, { WebSocket: server.WebSocket, clock, events: new EventTarget(), ...more });
  return { clock, server, connect };
}

/** What an application is told, in order. */
function record({ presence: who }) {
  const seen = [];
  for (const name of ['join', 'leave', 'update']) who.on(name, ({ user, info, before }) => seen.push([name, user, ...info ? [info] : [], ...before ? [before] : []]));
  who.on('change', () => seen.push(stateOf(who)));
  return seen;
}
const stateOf = ({ users, connections, anonymous, members }) => [[...members.keys()].join(), users, connections, anonymous].join(' ');
const KINDS = ['channel', 'room'];

for (const kind of KINDS) {
  test(`a ${kind} lists who is in it, in the order of their arrival, and says who comes and goes`, async () => {
    const { clock, connect } = setUp();
    const [ada, bob, eve, tab] = ['ada', 'bob', 'eve', 'eve'].map((user) => connect(user));
    for (const client of [bob, connect()]) client[kind]('team').subscribe();
    await clock.advance(10);
    const team = ada[kind]('team', { presence }), seen = record(team);
    await clock.advance(10);
    assert.deepEqual(seen.splice(0), ['bob,ada 2 3 1']);
    eve[kind]('team').subscribe();
    await clock.advance(10);
    assert.deepEqual(seen.splice(0), [['join', 'eve'], 'bob,ada,eve 3 4 1']);
    tab[kind]('team').subscribe();
    await clock.advance(10);
    assert.deepEqual(seen.splice(0), ['bob,ada,eve 3 5 1']);
    eve.disconnect();
    tab[kind]('team').unsubscribe();
    bob[kind]('team').unsubscribe();
    await clock.advance(10);
    assert.deepEqual(seen.filter(Array.isArray), [['leave', 'eve'], ['leave', 'bob']]);
    assert.equal(stateOf(team.presence), 'ada 1 2 1');
    assert.equal(team.presence.isListed, true);
  });

  test(`after a lost connection, a ${kind} says who came and who left meanwhile`, async () => {
    const { clock, server, connect } = setUp();
    const [ada, bob, eve] = ['ada', 'bob', 'eve'].map((user) => connect(user));
    bob[kind]('team').subscribe();
    const team = ada[kind]('team', { presence }), seen = record(team);
    await clock.advance(10);
    seen.length = 0;
    server.kill();
    bob.disconnect();
    await clock.advance(5);
    assert.deepEqual([stateOf(team.presence), team.state], ['bob,ada 2 2 0', 'subscribing'], 'it stays as it was');
    eve[kind]('team').subscribe();
    await clock.advance(5000);
    assert.deepEqual(seen.filter(Array.isArray).sort(), [['join', 'eve'], ['leave', 'bob']]);
    assert.deepEqual([...team.presence.members.keys()].sort(), ['ada', 'eve']);
  });
}

test('a snapshot replaces what is known, changes change it, and numbers alone end the list', async () => {
  const { clock, server, connect } = setUp({ presence: { maxListed: 2 } });
  const team = connect('ada').channel('team', { presence }), seen = record(team);
  const others = ['bob', 'eve'].map((user) => connect(user));
  await clock.advance(10);
  for (const other of others) {
    other.channel('team').subscribe();
    await clock.advance(10);
  }
  assert.deepEqual(seen.splice(0), ['ada 1 1 0', ['join', 'bob'], 'ada,bob 2 2 0', ' 3 3 0']);
  assert.equal(team.presence.isListed, false);
  others[0].disconnect();
  await clock.advance(10);
  assert.deepEqual(seen.splice(0), ['ada,eve 2 2 0'], 'nobody has joined: the list is new');
  assert.equal(team.presence.isListed, true);
  server.end('channel', 'team', 'forbidden');
  await clock.advance(10);
  assert.deepEqual([seen.splice(0), team.presence.isListed, team.state], [[' 0 0 0'], false, 'unsubscribed']);
});

test('a user with a new token has new information, and keeps the place in the order', async () => {
  const users = { ada: { user: 'ada', info: { name: 'Ada' } }, bob: { user: 'bob' } };
  const { clock, server, connect } = setUp({ tokens: (token) => ({ expires_in: 60, ...users[token] }) });
  const [ada, bob] = Object.keys(users).map((token) => connect('', { getToken: () => token }));
  ada.channel('team').subscribe();
  await clock.advance(10);
  const team = bob.channel('team', { presence }), seen = record(team);
  await clock.advance(10);
  assert.deepEqual(seen.splice(0).at(-1), 'ada,bob 2 2 0');
  assert.deepEqual([...team.presence.members.values()], [{ user: 'ada', info: { name: 'Ada' } }, { user: 'bob' }]);
  users.ada.info = { name: 'Countess' };
  await clock.advance(60_000);
  assert.deepEqual(seen.filter(Array.isArray), [['update', 'ada', { name: 'Countess' }, { name: 'Ada' }]]);
  assert.deepEqual([...team.presence.members.keys()], ['ada', 'bob']);
  assert.equal(server.dials, 2);
});

test('every change makes a new map, so that an older one can be compared with it', async () => {
  const { clock, connect } = setUp();
  const team = connect('ada').channel('team', { presence }), maps = [];
  team.presence.on('change', (who) => maps.push(who.members));
  await clock.advance(10);
  connect('bob').channel('team').subscribe();
  await clock.advance(10);
  assert.deepEqual(maps.map(({ size }) => size), [1, 2]);
});

test('presence can be asked for when the subscription has begun, and nothing is missed', async () => {
  const { clock, server, connect } = setUp();
  const client = connect('ada'), numbers = [], gaps = [], errors = [];
  const team = client.channel('team');
  client.on('error', (error) => errors.push(error));
  team.on('message', ({ data }) => numbers.push(data.n));
  team.on('gap', (gap) => gaps.push(gap));
  for (let n = 1; n <= 20; n += 1) {
    server.publish('team', { n });
    if (n === 10) assert.equal(client.channel('team', { presence }), team);
    await clock.advance(1);
  }
  await clock.advance(10);
  assert.deepEqual([numbers.at(-1), numbers.length, gaps, errors], [20, 20 - numbers[0] + 1, [], []]);
  assert.equal(stateOf(team.presence), 'ada 1 1 0');
  connect('bob').channel('team').subscribe();
  await clock.advance(10);
  assert.equal(stateOf(team.presence), 'ada,bob 2 2 0');
});

test('a listener for presence holds the subscription, as one for messages does', async () => {
  const { clock, server, connect } = setUp();
  const team = connect('ada').channel('team', { presence });
  await clock.advance(10);
  assert.deepEqual([server.dials, team.state, team.presence.users], [0, 'unsubscribed', 0]);
  const off = team.presence.on('join', () => {});
  await clock.advance(10);
  assert.deepEqual([team.state, team.presence.users], ['subscribed', 1]);
  off();
  await clock.advance(10);
  assert.deepEqual([team.state, team.presence.users], ['unsubscribed', 0]);
});

test('a query answers the one who asks, and changes nothing', async () => {
  const { clock, server, connect } = setUp();
  const team = connect('ada').channel('team', { presence }), seen = record(team);
  await clock.advance(10);
  const [all, numbers] = [team.presence.query(), team.presence.query({ counts: true, timeoutMs: 100 })];
  await clock.advance(10);
  assert.deepEqual(await all, { users: 1, connections: 1, anonymous: 0, members: [{ user: 'ada' }] });
  assert.deepEqual(await numbers, { users: 1, connections: 1, anonymous: 0, members: undefined });
  assert.deepEqual(seen, ['ada 1 1 0']);
  assert.deepEqual(server.received.flat().filter(({ type }) => type === 'presence').map(({ counts, by }) => [counts, by]), [[undefined, undefined], [true, undefined]]);
});

test('an announcement waits for no onGap, and so never comes after a newer list', async () => {
  const { clock, server, connect } = setUp({ history: 0 });
  let resolve;
  const team = connect('ada').channel('team', { presence, onGap: () => new Promise((done) => { resolve = done; }) });
  const bob = connect('bob');
  team.subscribe();
  await clock.advance(10);
  server.kill();
  await clock.advance(3000);
  bob.channel('team').subscribe();
  await clock.advance(10);
  assert.equal(stateOf(team.presence), 'ada,bob 2 2 0', 'while messages are held back');
  resolve();
  bob.disconnect();
  await clock.advance(10);
  assert.equal(stateOf(team.presence), 'ada 1 1 0');
});

test('where no presence is kept, the subscription is refused with the reason', async () => {
  const { clock, connect } = setUp({ presence: false });
  const client = connect('ada'), errors = [];
  client.on('error', ({ code }) => errors.push(code));
  const refused = client.channel('team', { presence }).subscribe();
  await clock.advance(10);
  await assert.rejects(refused, ({ code }) => code === 'no_presence');
  assert.deepEqual(errors, ['no_presence']);
});

test('a client that asks for no presence says nothing about it', async () => {
  const { clock, server, connect } = setUp();
  connect('ada').channel('team').subscribe();
  await clock.advance(10);
  assert.doesNotMatch(JSON.stringify(server.received), /presence/);
});
