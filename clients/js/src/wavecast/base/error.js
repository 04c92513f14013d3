const TEMPORARY = /^(timeout|connection_lost|queue_full|draining|overloaded|internal|room_full|token_expired|rate_limited|keys_unavailable|too_many_(connections|of_user))$/;

/** The error of everything that can fail. `code` comes from the server or is one of the client's own. */
export class WavecastError extends Error {
  /**
   * @param {string} code
   * @param {string} [message]
   */
  constructor(code, message) {
    super(message ?? code);
    this.name = 'WavecastError';
    /** Stable, such as `room_full` or `timeout`. */
    this.code = code;
    /** Whether trying again later may succeed. */
    this.temporary = TEMPORARY.test(code);
  }
}
