/** @import { MessagesOptions } from '../types.js' */
/** @import { Topic } from './topic.js' */
import { WavecastError } from './error.js';

/**
 * The messages of a channel or room, one after the other, through a bounded buffer.
 *
 * @template Message
 * @param {Topic<Message, any>} topic
 * @param {MessagesOptions} options
 * @returns {AsyncGenerator<Message, void, void>}
 */
export async function* loop(topic, { signal, buffer = 1024, overflow = 'error' }) {
  /** @type {Message[]} */
  const queue = [];
  /** @type {WavecastError | undefined} */
  let error;
  let ended = false;
  let wake = () => {};
  const end = (/** @type {any} */ reason) => {
    ended = true;
    if (reason instanceof WavecastError) error = reason;
    wake();
  };
  const offs = [
    topic.on('message', (/** @type {any} */ message) => {
      if (ended) return;
      if (queue.length >= buffer) {
        if (overflow === 'error') return end(new WavecastError('buffer_full', `the loop is ${buffer} messages behind`));
        const { offset } = /** @type {any} */ (queue.shift());
        topic._emit('gap', /** @type {any} */ (topic._gap('buffer_full', { missed: 1, from: offset, to: offset })));
      }
      queue.push(message);
      wake();
    }, { signal }),
    topic.on('unsubscribed', /** @type {any} */ (end)),
  ];
  signal?.addEventListener('abort', end);
  try {
    for (;;) {
      while (queue.length && !signal?.aborted) yield /** @type {Message} */ (queue.shift());
      if (error) throw error;
      if (ended || signal?.aborted) return;
      await new Promise((resolve) => { wake = () => resolve(undefined); });
    }
  } finally {
    signal?.removeEventListener('abort', end);
    for (const off of offs) off();
  }
}
