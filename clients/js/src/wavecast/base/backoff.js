/** @import { Options } from '../../types.js' */

/**
 * The delay before a retry: exponential, with full jitter.
 *
 * @param {Required<Options>} options
 * @param {number} attempt Failed attempts before this one.
 */
export const backoff = ({ minDelayMs, baseDelayMs, maxDelayMs, clock }, attempt) =>
  minDelayMs + clock.random() * Math.min(maxDelayMs, baseDelayMs * 2 ** attempt);
