/** @import { Clock } from '../../types.js' */
import { WavecastError } from './error.js';

/** A timer that fires this late means that the page was frozen or the machine was asleep. */
const LATE_MS = 2000;

/**
 * Calls `act` after `ms`. After a freeze it waits `ms` once more, so that whatever arrived in the meantime is read
 * first. Returns a function that cancels it.
 *
 * @param {Clock} clock
 * @param {number} ms
 * @param {() => void} act
 */
export function deadline(clock, ms, act) {
  const due = clock.now() + ms;
  /** @type {unknown} */
  let timer = clock.setTimeout(() => {
    if (clock.now() - due > LATE_MS) timer = clock.setTimeout(act, ms);
    else act();
  }, ms);
  return () => clock.clearTimeout(timer);
}

/**
 * A promise that is settled by `start`, by the deadline (with what `late` returns) or by the signal, whichever comes
 * first. After that, the controller that `start` was given is aborted, so that everything tied to it ends.
 *
 * @template T
 * @param {Clock} clock
 * @param {number} ms
 * @param {AbortSignal | undefined} signal
 * @param {() => WavecastError} late
 * @param {(resolve: (value: T) => void, reject: (error: unknown) => void, stop: AbortController) => void} start
 * @returns {Promise<T>}
 */
export function within(clock, ms, signal, late, start) {
  const stop = new AbortController();
  return new Promise((resolve, reject) => {
    if (signal?.aborted) throw signal.reason;
    signal?.addEventListener('abort', () => reject(signal.reason), stop);
    stop.signal.onabort = deadline(clock, ms, () => reject(late()));
    start(resolve, reject, stop);
  }).finally(() => stop.abort());
}

/**
 * What a function of the application returns or resolves to, in time.
 *
 * @template T
 * @param {Clock} clock
 * @param {number} ms
 * @param {AbortSignal | undefined} signal
 * @param {string} name What the error calls it.
 * @param {() => T | Promise<T>} act
 * @returns {Promise<T>}
 */
export const outcome = (clock, ms, signal, name, act) =>
  within(clock, ms, signal, () => new WavecastError('timeout', name), (resolve, reject) => {
    Promise.resolve(act()).then(resolve, reject);
  });
