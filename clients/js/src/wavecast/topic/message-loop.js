/** @import { MessagesOptions } from '../../types.js' */
/** @import { Subscription } from './subscription.js' */
import { WavecastError } from '../base/error.js';

/**
 * The messages of a subscription, one after the other, through a bounded buffer.
 *
 * @param {Subscription} subscription
 * @param {MessagesOptions} options
 * @returns {AsyncGenerator<any, void, void>}
 */
export async function* messageLoop(subscription, { signal, buffer = 1024, overflow = 'error' }) {
  /** @type {any[]} */
  const queue = [];
  /** @type {Error | undefined} */
  let error;
  let ended = false;
  /** @type {(value?: any) => void} */
  let wake = () => {};
  const end = (/** @type {any} */ reason) => {
    ended = true;
    if (reason instanceof Error) error = reason;
    wake();
  };
  const offs = [
    subscription.on('message', (message) => {
      if (ended) return;
      if (queue.length >= buffer) {
        if (overflow === 'error') return end(new WavecastError('buffer_full'));
        const { offset } = queue.shift();
        subscription.emit('gap', subscription.gap('buffer_full', { missed: 1, from: offset, to: offset }));
      }
      queue.push(message);
      wake();
    }, { signal }),
    subscription.on('unsubscribed', end),
  ];
  signal?.addEventListener('abort', end);
  try {
    for (;;) {
      while (queue.length && !signal?.aborted) yield queue.shift();
      if (error) throw error;
      if (ended || signal?.aborted) return;
      await new Promise((resolve) => { wake = resolve; });
    }
  } finally {
    signal?.removeEventListener('abort', end);
    for (const off of offs) off();
  }
}
