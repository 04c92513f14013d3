// Random actions in random order: there is one socket at a time, every wait ends, and nothing is lost or duplicated silently.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { record, setUp } from './support/fake.mjs';

const RUNS = Number(process.env.MODEL_RUNS ?? 60);
const STEPS = 60;

/** mulberry32: the seed determines the whole run. */
function chance(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Checks that everything from 1 to `last` was seen once and in order, except where there is a gap. */
function checkComplete(seen, last) {
  let before = 0, gaps = [];
  for (const item of [...seen, last + 1]) {
    if (item.type === 'gap') {
      gaps.push(item);
      continue;
    }
    assert.ok(item > before, `${item} after ${before}: duplicate or out of order`);
    if (item > before + 1) assert.ok(gaps.length, `${before + 1} to ${item - 1} lost silently`);
    if (gaps.length === 1 && gaps[0].missed !== undefined) assert.equal(gaps[0].missed, item - before - 1, 'the gap has the wrong count');
    [before, gaps] = [item, []];
  }
}

async function run(seed) {
  const random = chance(seed), pick = (...choices) => choices[Math.floor(random() * choices.length)];
  const { client, server, clock, sockets, wake } = setUp({
    server: { history: pick(0, 3, 20, 1000), latencyMs: pick(1, 40) },
    pingIntervalMs: 5000, probeTimeoutMs: 1000, connectTimeoutMs: 3000, commandTimeoutMs: 2000,
  });
  clock.random = random;
  const news = client.channel('news', { onGap: pick(undefined, () => new Promise((resolve) => clock.setTimeout(resolve, pick(0, 10, 3000)))) });
  const seen = record(news), room = client.room('general');
  let published = 0, sends = 0, settled = 0, said = 0;
  const received = record(room);
  const actions = {
    publish: () => server.publish('news', { n: ++published }),
    burst: () => { for (let n = pick(5, 30); n > 0; n -= 1) server.publish('news', { n: ++published }); },
    skip: () => server.skip('news', [{ n: ++published }, { n: ++published }]),
    say: () => server.say('general', 'bob', ++said),
    send: () => {
      sends += 1;
      room.send('own').then(() => settled++, () => settled++);
    },
    kill: () => server.kill(),
    restart: () => server.restart(),
    close: () => server.close(pick(1000, 1001, 1013, 4001)),
    drain: () => server.drain(pick(0, 2000)),
    freeze: () => server.freeze(pick(true, false, false)),
    refuse: () => server.refuseConnections(pick(true, false, false)),
    wake: () => wake(pick('online', 'visibilitychange', 'pageshow', 'pagehide')),
    disconnect: () => { client.disconnect(); client.connect(); },
    pass: () => {},
  };
  await clock.advance(200);
  assert.deepEqual([news.state, room.state], ['subscribed', 'subscribed']);
  for (let step = 0; step < STEPS; step += 1) {
    actions[pick(...Object.keys(actions), 'publish', 'publish', 'pass')]();
    await clock.advance(pick(0, 1, 50, 500, 5000));
    const live = sockets.filter(({ onclose }) => onclose).length;
    assert.ok(live <= 1, `${live} sockets`);
    const { state, nextRetryAt } = client.status;
    assert.equal(nextRetryAt !== undefined, state === 'connecting' && live === 0, `${state}, next ${nextRetryAt}, ${live} sockets`);
    assert.ok(news.state !== 'subscribed' || state === 'connected');
  }
  server.freeze(false);
  server.refuseConnections(false);
  await clock.advance(120_000);
  actions.publish();
  actions.say();
  await clock.advance(60_000);
  assert.deepEqual([client.state, news.state, room.state], ['connected', 'subscribed', 'subscribed']);
  assert.equal(settled, sends, 'a send neither succeeded nor failed');
  assert.equal(seen.at(-1), published);
  checkComplete(seen, published);
  // Own messages are received back if their reply was lost.
  checkComplete(received.filter((item) => item !== 'own'), said);
  client.disconnect();
  await clock.advance(30_000);
  assert.equal(clock.pending, 0, 'a timer is left running');
}

for (let seed = 1; seed <= RUNS; seed += 1) {
  test(`random run ${seed}`, () => run(seed));
}
