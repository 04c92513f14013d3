/** @import { Options, TokenReason } from '../../types.js' */
import { backoff } from '../base/backoff.js';
import { outcome } from '../base/deadline.js';
import { WavecastError } from '../base/error.js';

/** The id of `auth`; the ids of other commands are numbers. */
export const AUTH = 'auth';
/** A longer timer would fire at once. */
const MAX_TIMER_MS = 2e9;

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
  /** @type {unknown} */
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
  /** The command that authenticates a connection. */
  const ask = async (why = reason) => {
    stop();
    const { signal } = abort = new AbortController();
    token = await outcome(clock, connectTimeoutMs, signal, 'getToken', () => getToken({ reason: why, signal }));
    if (token === revoked) throw new WavecastError('token_revoked', 'getToken returned a revoked token');
    return JSON.stringify({ type: 'auth', token, id: AUTH });
  };
  /** @param {number} ms */
  const refreshIn = (ms) => {
    timer = clock.setTimeout(refresh, Math.min(ms, MAX_TIMER_MS));
  };
  const retry = () => refreshIn(backoff(options, failures++));
  const refresh = () => {
    const asked = ask('refresh'), mine = abort;
    asked.then(write).catch((error) => {
      if (mine?.signal.aborted) return;
      report(error);
      retry();
    });
  };
  return {
    stop,
    ask,
    /** @param {number} [seconds] Until it expires. */
    accepted(seconds = 0) {
      reason = 'connect';
      failures = 0;
      half = seconds / 2;
      // At a random time, so that tokens that were made together are not refreshed together.
      if (half) refreshIn(half * (1500 + clock.random() * 300));
    },
    /** An open connection keeps the token that it has. */
    retry,
    /**
     * The server also warns of a token that does not live for long as soon as it has it.
     *
     * @param {number} left Seconds.
     */
    expiring(left) {
      if (left <= half) refresh();
    },
  };
}
