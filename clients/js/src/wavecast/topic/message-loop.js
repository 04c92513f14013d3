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
  if (signal?.aborted) return;
  /** @type {any[]} */
  const queue = [];
  const stop = new AbortController();
  /** @type {Error | undefined} */
  let error;
  /** @type {(value?: any) => void} */
  let wake = () => {};
  const end = (/** @type {any} */ reason) => {
    if (reason instanceof Error) error = reason;
    stop.abort();
    wake();
  };
  subscription.on('message', (message) => {
    if (queue.length >= buffer) {
      if (overflow === 'error') return end(new WavecastError('buffer_full'));
      const { offset } = queue.shift();
      subscription.emit('gap', subscription.gap('buffer_full', { missed: 1, from: offset, to: offset }));
    }
    queue.push(message);
    wake();
  }, stop);
  subscription.on('unsubscribed', end, stop);
  signal?.addEventListener('abort', end, stop);
  try {
    for (;;) {
      while (queue.length && !signal?.aborted) yield queue.shift();
      if (error) throw error;
      if (stop.signal.aborted) return;
      await new Promise((resolve) => { wake = resolve; });
    }
  } finally {
    stop.abort();
  }
}
