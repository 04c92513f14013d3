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
 * A promise that is settled by `start`, by the deadline (with `timeout`) or by the signal, whichever comes first. After
 * that the function that `start` returned is called once, to clean up.
 *
 * @template T
 * @param {Clock} clock
 * @param {number} ms
 * @param {AbortSignal | undefined} signal
 * @param {(resolve: (value: T) => void, reject: (error: unknown) => void) => (() => void) | void} start
 * @returns {Promise<T>}
 */
export const within = (clock, ms, signal, start) =>
  new Promise((resolve, reject) => {
    let settled = false;
    /** @type {(() => void) | void} */
    let stop;
    /** @type {(act: (value: any) => void) => (value: any) => void} */
    const settle = (act) => (value) => {
      settled = true;
      cancel();
      signal?.removeEventListener('abort', aborted);
      stop?.();
      act(value);
    };
    const fail = settle(reject);
    const aborted = () => fail(signal?.reason);
    const cancel = deadline(clock, ms, () => fail(new WavecastError('timeout')));
    if (signal?.aborted) return aborted();
    signal?.addEventListener('abort', aborted);
    stop = start(settle(resolve), fail);
    if (settled) stop?.();
  });
