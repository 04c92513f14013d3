import { WavecastError } from './error.js';
/** @import { Clock, Options } from '../types.js' */

/** @type {Clock} */
export const systemClock = {
  now: () => Date.now(),
  setTimeout: (act, ms) => setTimeout(act, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  random: () => Math.random(),
};

/** A timer that comes so late means that the page was frozen or the machine slept. */
const LATE_MS = 2000;

/**
 * Runs `act` after `ms`, but after a freeze only when `ms` have passed once more: what arrived meanwhile
 * is read first. Returns what cancels it.
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
 * Full jitter.
 *
 * @param {Required<Options>} options
 * @param {number} attempt
 */
export const backoff = ({ minDelayMs, baseDelayMs, maxDelayMs, clock }, attempt) =>
  minDelayMs + clock.random() * Math.min(maxDelayMs, baseDelayMs * 2 ** attempt);

/**
 * Whether a close code says not to come back.
 *
 * @param {number} code
 */
export const isTerminal = (code) => [1002, 1003, 1007, 1008, 1009].includes(code) || (code >= 4500 && code < 5000);

/**
 * A promise that is settled by `start`, the deadline or the signal, whichever is first; then what `start`
 * returned is called once.
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
