// Presence against the real server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presence } from 'wavecast/presence';
import { connect, until } from './support/real.mjs';
import { startWith } from './support/tokens.mjs';

const TIMEOUT = { timeout: 60_000 };
const RULE = 'presence = { linger = "200ms", interval = "50ms", max_listed = 4 }';

async function start(t) {
  const server = await startWith(t, `[[channels]]\npattern = "*"\n${RULE}\n[[rooms]]\npattern = "*"\n${RULE}\n`, ['--dev']);
  return (user) => connect(t, `${server.url}${user ? `?user=${user}` : ''}`);
}

const names = ({ members }) => [...members.keys()].join();

for (const kind of ['channel', 'room']) {
  test(`a ${kind} knows who is in it, who comes and who goes, and agrees with the server's answer`, TIMEOUT, async (t) => {
    const user = await start(t), [ada, bob, tab, nobody] = ['ada', 'bob', 'bob', ''].map(user);
    const team = ada[kind]('team', { presence }), news = [];
    for (const name of ['join', 'leave']) team.presence.on(name, (member) => news.push(`${name} ${member.user}`));
    await team.subscribe();
    for (const other of [bob, tab, nobody]) await other[kind]('team').subscribe();
    await until(() => names(team.presence) === 'ada,bob', 'it was told of bob');
    assert.deepEqual(await team.presence.query(), { users: 2, connections: 4, anonymous: 1, members: [{ user: 'ada' }, { user: 'bob' }] });
    assert.equal((await team.presence.query({ counts: true })).members, undefined);
    const { members } = await team.presence.query({ by: 'connection' });
    assert.deepEqual(members.map(({ user }) => user).sort(), ['ada', 'bob', 'bob', undefined]);
    bob.disconnect();
    tab.disconnect();
    await until(() => names(team.presence) === 'ada', 'both tabs are gone');
    assert.deepEqual(news, ['join bob', 'leave bob']);
  });
}

test('a large channel is only counted, and listed again when it has become small', TIMEOUT, async (t) => {
  const user = await start(t), watcher = user('ada');
  const team = watcher.channel('team', { presence });
  await team.subscribe();
  const others = ['b', 'c', 'd', 'e', 'f'].map(user);
  for (const other of others) await other.channel('team').subscribe();
  await until(() => team.presence.users === 6 && !team.presence.isListed, 'numbers only');
  for (const other of others.slice(1)) other.disconnect();
  await until(() => team.presence.isListed, 'a list again');
  assert.equal(names(team.presence), 'ada,b');
});

test('presence that is asked for later begins without a gap, and a lost connection gets a new list', TIMEOUT, async (t) => {
  const user = await start(t), [ada, bob] = ['ada', 'bob'].map(user), gaps = [];
  const channel = ada.channel('team');
  channel.on('gap', (gap) => gaps.push(gap));
  await channel.subscribe();
  await bob.channel('team').subscribe();
  const { presence: who } = ada.channel('team', { presence });
  await until(() => names(who) === 'ada,bob', () => names(who));
  ada.disconnect();
  ada.connect();
  await until(() => channel.state === 'subscribed' && who.isListed, 'it is back');
  assert.deepEqual([...who.members.keys()].sort(), ['ada', 'bob']);
  assert.deepEqual(gaps, []);
});

test('a client asks for the presence of many channels as fast as the server allows, also after a reconnect', TIMEOUT, async (t) => {
  const limits = '[limits]\npresence_updates = "10/s"\n[[channels]]\npattern = "*"\npresence = true\n';
  const server = await startWith(t, limits, ['--dev']), errors = [], states = [];
  const ada = connect(t, `${server.url}?user=ada`);
  ada.on('error', (error) => errors.push(error));
  ada.on('status', ({ state }) => state !== 'connecting' && states.push(state));
  const channels = Array.from({ length: 25 }, (_, at) => ada.channel(`c${at}`, { presence }));
  await Promise.all(channels.map((channel) => channel.subscribe()));
  const allListed = () => channels.every(({ presence: { isListed, users } }) => isListed && users === 1);
  await until(allListed, 'all lists');
  ada.disconnect();
  await until(() => channels.every(({ state }) => state === 'unsubscribed'), 'the end');
  ada.connect();
  await until(() => channels.every(({ state }) => state === 'subscribed') && allListed(), 'all lists again');
  assert.deepEqual(errors, []);
  assert.deepEqual(states, ['connected', 'disconnected', 'connected']);
});
