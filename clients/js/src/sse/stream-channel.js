/** @import { Position } from '../types.js' */

/** One channel on an event stream: its position, and what the client is still to be told about it. */
export class StreamChannel {
  /** @type {Position | undefined} Of the newest message that was received. */
  since;
  /** @type {number | undefined} The id of the `subscribe` command, until it is answered. */
  #id;
  /** How many of the newest publications the client asked for. Only for the first stream. */
  last = 0;
  /** It was confirmed once, on this stream or an earlier one. */
  #isLive = false;
  /** How many of the next publications the client did not ask for. */
  #skip = 0;

  /** @param {{ id: number, last?: number, since?: Position }} command */
  constructor({ id, last = 0, since }) {
    this.#id = id;
    this.last = last;
    this.since = since;
  }

  /**
   * What the client gets for a message of the stream, if anything.
   *
   * @param {any} message
   * @returns {object | undefined}
   */
  receive(message) {
    const { type, offset, to } = message;
    if (type === 'subscribed') return this.#confirmed(message);
    if (this.#skip > 0 && type === 'event') {
      this.#skip -= 1;
      return;
    }
    const newest = type === 'gap' ? to : offset;
    if (this.since && newest) this.since = { ...this.since, offset: newest };
    return message;
  }

  /** @param {any} message */
  #confirmed(message) {
    const { channel, offset, epoch, recovered, replayed } = message, id = this.#id, last = this.last, since = this.since;
    const wasLive = this.#isLive;
    let delivered = replayed ?? 0;
    this.#isLive = true;
    this.#id = undefined;
    this.last = this.#skip = 0;
    // All channels of a stream replay as many as the one that asked for the most.
    if (id !== undefined && !recovered && replayed > last) {
      this.#skip = replayed - last;
      message = { ...message, replayed: delivered = last };
    }
    if (!recovered) this.since = offset === undefined ? undefined : { offset: offset - delivered, epoch };
    if (id !== undefined) return { ...message, id };
    // The stream was reopened for another channel, and this one could not continue where it was.
    if (wasLive && !recovered) return { type: 'gap', channel, ...(since && since.epoch === epoch && { from: since.offset + 1, to: offset, missed: offset - since.offset }) };
  }
}
