// Messages as a loop: `for await (const message of channel.messages())`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WavecastError } from 'wavecast';
import { setUp } from './support/fake.mjs';

const failsWith = (code) => (error) => error instanceof WavecastError && error.code === code;

test('a loop receives the messages and ends with its signal', async () => {
  const { client, server, clock } = setUp();
  const news = client.channel('news'), abort = new AbortController();
  const got = [];
  const loop = (async () => {
    for await (const { data } of news.messages({ signal: abort.signal })) got.push(data.n);
  })();
  await clock.advance(10);
  for (const n of [1, 2, 3]) server.publish('news', { n });
  await clock.advance(10);
  abort.abort();
  await loop;
  await clock.advance(10);
  assert.deepEqual([got, news.state], [[1, 2, 3], 'unsubscribed']);
  for await (const _ of news.messages({ signal: abort.signal })) assert.fail('it was aborted');
});

test('a loop that falls behind ends with an error, or drops the oldest and reports a gap', async () => {
  for (const overflow of ['error', 'drop-oldest']) {
    const { client, server, clock } = setUp();
    const news = client.channel('news'), gaps = [];
    news.on('gap', ({ reason, from }) => gaps.push([reason, from]));
    const loop = news.messages({ buffer: 3, overflow });
    const first = loop.next();
    await clock.advance(10);
    for (let n = 1; n <= 5; n += 1) server.publish('news', { n });
    await clock.advance(10);
    assert.equal((await first).value.data.n, 1);
    server.publish('news', { n: 6 });
    await clock.advance(10);
    const rest = [];
    const reading = (async () => { for await (const { data } of loop) rest.push(data.n); })();
    if (overflow === 'error') {
      await assert.rejects(reading, failsWith('buffer_full'));
      assert.deepEqual([rest, gaps], [[2, 3, 4], []]);
    } else {
      news.unsubscribe();
      await reading;
      assert.deepEqual([rest, gaps], [[4, 5, 6], [['buffer_full', 2], ['buffer_full', 3]]]);
    }
  }
});

test('a loop over a refused channel throws, and leaving a loop releases the subscription', async () => {
  const { client, server, clock } = setUp();
  server.refusal = () => 'invalid_channel';
  const refused = assert.rejects((async () => { for await (const _ of client.channel('x').messages()); })(), failsWith('invalid_channel'));
  await clock.advance(10);
  await refused;
  server.refusal = () => {};
  const left = (async () => { for await (const _ of client.channel('y').messages()) break; })();
  await clock.advance(10);
  server.publish('y', 1);
  await clock.advance(10);
  await left;
  await clock.advance(10);
  assert.equal(client.channel('y').state, 'unsubscribed');
});
