import { WavecastError } from '../wavecast/base/error.js';
import { answerOf } from './answer.js';

/**
 * @typedef {object} PublishEvent
 * @property {string} [channel]
 * @property {string[]} [channels]
 * @property {string} [user]
 * @property {boolean} [broadcast]
 * @property {string} [event] The name of the event.
 * @property {string} [id] The idempotency key: an event with the same id is delivered once. Default: a random one.
 * @property {unknown} data
 *
 * @typedef {{ id: string, timestamp: string, subscribers: number }} Published
 */

const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * Publishes over HTTP, if the server allows it. Retries after temporary failures with the same id, so that the event is
 * delivered once.
 *
 * @param {string | URL} server Such as `https://rt.example.com`.
 * @param {PublishEvent} event
 * @param {{ attempts?: number, timeoutMs?: number, signal?: AbortSignal }} [options] By default 5 `attempts`, each with a `timeoutMs` of 5,000.
 * @returns {Promise<Published>} Rejects with a `WavecastError` that has the server's code. What comes from something else,
 *   such as a proxy, has a code like `http_403`, and the beginning of the page in its message.
 */
export async function publish(server, event, { attempts = 5, timeoutMs = 5000, signal } = {}) {
  const body = JSON.stringify({ id: randomId(), ...event });
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    const stop = new AbortController(), abort = () => stop.abort(signal?.reason);
    const timer = setTimeout(() => stop.abort(new WavecastError('timeout', `no answer from ${server} within ${timeoutMs} ms`)), timeoutMs);
    signal?.addEventListener('abort', abort);
    try {
      return await answerOf(await fetch(new URL('/api/events', server), { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: stop.signal }));
    } catch (/** @type {any} */ thrown) {
      signal?.throwIfAborted();
      const error = thrown instanceof WavecastError ? thrown : new WavecastError('connection_lost', `${server}: ${thrown.cause ?? thrown}`);
      if (!error.temporary || attempt >= attempts) throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 200 * 2 ** attempt));
  }
}
