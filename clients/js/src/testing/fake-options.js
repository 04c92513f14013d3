/** @import { Clock } from '../types.js' */
import { WavecastError } from '../wavecast/base/error.js';

/**
 * @typedef {object} FakeServerOptions
 * @property {Clock} [clock] Pass the same one to the client.
 * @property {number} [history] The number of publications that a channel or room keeps. Default 1000. 0: no history.
 * @property {number} [latencyMs] Delay of each frame, in each direction. Default 1.
 * @property {number} [maxMembers] The number of members that a room can have. Default 100.
 * @property {number} [maxMessageBytes] A longer frame is refused. Default 65,536.
 * @property {boolean | { maxListed: number }} [presence] Whether presence is kept, and how many users are listed. Default false.
 * @property {(token: string) => string | { user?: string, expires_in?: number, info?: unknown }} [tokens] Makes every connection need a token.
 *   Returns whose it is and when it expires, in seconds, or the code to refuse it with.
 */

/** @param {string} channel */
export const isForAll = (channel) => channel === '$all' || channel === '$system';

/**
 * How a connection ends whose token is refused with this code.
 *
 * @param {string} code
 */
export const closeCodeOf = (code) => code === 'token_expired' ? 4003 : new WavecastError(code).temporary ? 1013 : 4501;
