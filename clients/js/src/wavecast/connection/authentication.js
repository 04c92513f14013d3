/** @import { Options, TokenReason } from '../../types.js' */
import { backoff } from '../base/backoff.js';
import { outcome } from '../base/deadline.js';
import { WavecastError } from '../base/error.js';

/** The id of `auth`; the ids of other commands are numbers. */
export const AUTH = 'auth';
/** Half of the longest life that counts: a timer for a longer one would fire at once. */
const MAX_HALF_SECONDS = 1e6;

/**
 * Asks the application for tokens, and replaces the token of an open connection before it expires.
 *
 * @param {Required<Options>} options
 * @param {(command: string) => void} write
 * @param {(error: unknown) => void} report
 */
export function authentication(options, write, report) {
  const { clock, connectTimeoutMs, getToken } = options;
  /** @type {AbortController | undefined} */
  let abort;
  /** @type {unknown} */
  let timer;
  /** @type {string | undefined} */
  let token;
  /** @type {unknown} */
  let revoked = NaN;
  /** @type {TokenReason} */
  let reason = 'connect';
  let failures = 0, half = 0;

  /** @param {number} [code] The close code of a connection that is lost. */
  const stop = (code) => {
    abort?.abort();
    clock.clearTimeout(timer);
    if (code === 4003) reason = 'expired';
    if (code === 4004) {
      reason = 'revoked';
      revoked = token;
    }
  };
  /** The command that authenticates a connection, unless it is to have no token. */
  const ask = async (why = reason) => {
    stop();
    const { signal } = abort = new AbortController();
    token = await outcome(clock, connectTimeoutMs, signal, 'getToken', () => getToken({ reason: why, signal }));
    if (token === revoked) throw new WavecastError('token_revoked', 'getToken returned a revoked token');
    return token && JSON.stringify({ type: 'auth', token, id: AUTH });
  };
  const retry = () => {
    timer = clock.setTimeout(refresh, backoff(options, failures++));
  };
  const refresh = async () => {
    const asked = ask('refresh'), mine = abort;
    try {
      const command = await asked;
      // Without a new token, the old one is used until it ends.
      if (command) write(command);
    } catch (error) {
      if (mine?.signal.aborted) return;
      report(error);
      retry();
    }
  };
  return {
    stop,
    ask,
    /**
     * The server has accepted the token.
     *
     * @param {number} [seconds] Until it expires.
     */
    start(seconds = 0) {
      reason = 'connect';
      failures = 0;
      half = Math.min(seconds / 2, MAX_HALF_SECONDS);
      // At a random time, so that tokens that were made together are not refreshed together.
      if (half) timer = clock.setTimeout(refresh, half * (1500 + clock.random() * 300));
    },
    /** An open connection keeps the token that it has. */
    retry,
    /**
     * The server has warned of the token's end. It warns of one that does not live for long as soon as it has it.
     *
     * @param {number} left Seconds.
     */
    refresh(left) {
      if (left <= half) refresh();
    },
  };
}
