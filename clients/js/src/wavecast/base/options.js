/** @import { Options } from '../../types.js' */
import { systemClock } from './clock.js';

/** @type {Partial<Options>} */
const DEFAULTS = {
  minDelayMs: 100,
  baseDelayMs: 500,
  maxDelayMs: 20_000,
  stableMs: 10_000,
  connectTimeoutMs: 10_000,
  commandTimeoutMs: 5000,
  pingIntervalMs: 25_000,
  probeTimeoutMs: 3000,
  offlineAfterMs: 5000,
  gapTimeoutMs: 30_000,
  maxPending: 1000,
  maxMessageBytes: 65_536,
  clock: systemClock,
};

/**
 * @param {Options} options
 * @returns {Required<Options>}
 */
export function withDefaults(options) {
  return /** @type {Required<Options>} */ ({ ...DEFAULTS, transports: [options.WebSocket ?? globalThis.WebSocket], ...options });
}
