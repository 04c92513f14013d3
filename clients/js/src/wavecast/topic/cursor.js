/** @import { Position } from '../../types.js' */

/**
 * The fields of a gap after a position.
 *
 * @param {Position} since
 * @param {number} to The last one that is missing.
 */
export const missingAfter = (since, to) => ({ missed: to - since.offset, from: since.offset + 1, to, since });

/** How far the numbered publications of a topic have been received. Without a position, nothing is numbered. */
export class Cursor {
  /** @type {Set<number>} Offsets beyond `last` of the client's own messages, which the server does not send back. */
  #own = new Set();

  /** @param {Position} [position] */
  constructor(position) {
    this.last = position;
  }

  /**
   * The server has accepted a message of this client.
   *
   * @param {number} [offset] None in a room that keeps no history.
   */
  sent(offset = NaN) {
    if (this.last && offset > this.last.offset) {
      this.#own.add(offset);
      this.advance(this.last.offset);
    }
  }

  /**
   * Whether this is the offset of an own message.
   *
   * @param {number} offset
   */
  has(offset) {
    return this.#own.has(offset);
  }

  /**
   * Everything up to this offset was received. Own messages that follow it directly count as received, too.
   *
   * @param {number} offset
   * @returns {Position} The new `last`.
   */
  advance(offset) {
    for (const own of this.#own) if (own <= offset) this.#own.delete(own);
    while (this.#own.delete(offset + 1)) offset += 1;
    return this.last = { offset, epoch: /** @type {Position} */ (this.last).epoch };
  }
}
