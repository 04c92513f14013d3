/** @import { Clock } from '../../types.js' */

/** @type {Clock} */
export const systemClock = {
  now: () => performance.now(),
  date: () => Date.now(),
  setTimeout: (act, ms) => setTimeout(act, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  random: Math.random,
};
