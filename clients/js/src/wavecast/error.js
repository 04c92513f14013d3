const TEMPORARY = 'timeout connection_lost queue_full draining overloaded internal room_full too_many_connections request_timeout'.split(' ');

/** Everything that goes wrong. `code` is the server's own, or one of the client's. */
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
    /** Whether the same may succeed later. */
    this.temporary = TEMPORARY.includes(code);
  }
}
