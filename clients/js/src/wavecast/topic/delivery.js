/** @import { Gap, Options, Position, TopicOptions } from '../../types.js' */
import { outcome } from '../base/deadline.js';

/**
 * What a delivery needs from its subscription.
 *
 * @typedef {object} DeliveryTarget
 * @property {boolean} isHeld Whether there is still someone to deliver to.
 * @property {(name: string, value: any) => void} emit
 * @property {(reason: string, fields: Partial<Gap>) => Gap} gap
 */

/** Delivers the messages of a topic in order, and holds them back while `onGap` runs. */
export class Delivery {
  #options;
  #topicOptions;
  #target;
  /** @type {[message: any, position?: Position][] | undefined} What is held back. */
  #inbox;
  /** @type {AbortController | undefined} */
  #abort;
  /** @type {Position | undefined} Of what was delivered last. */
  position;

  /**
   * @param {Required<Options>} options
   * @param {TopicOptions} topicOptions
   * @param {DeliveryTarget} target
   */
  constructor(options, topicOptions, target) {
    this.#options = options;
    this.#topicOptions = topicOptions;
    this.#target = target;
  }

  /** Drops what is held back, and aborts the `onGap` that it was held back for. */
  stop() {
    this.#inbox = this.position = undefined;
    this.#abort?.abort();
  }

  /**
   * Delivers now or, while `onGap` runs, after it.
   *
   * @param {any} message
   * @param {Position} [position]
   */
  take(message, position) {
    const inbox = this.#inbox;
    if (!inbox) return this.#deliver(message, position);
    if (inbox.length >= (this.#topicOptions.gapBuffer ?? 1024)) {
      let sum = 0;
      for (const [{ type, missed }] of inbox.splice(0)) sum += type === 'gap' ? missed : Number(!/^u/.test(type));
      inbox.push([this.#target.gap('buffer_full', { missed: sum || undefined, since: this.position })]);
    }
    inbox.push([message, position]);
  }

  /**
   * @param {any} message
   * @param {Position} [position]
   */
  #deliver(message, position) {
    if (!this.#target.isHeld) return;
    const { type, event } = message;
    if (position) this.position = position;
    if (type === 'gap') this.#holdBack(message);
    this.#target.emit(type === 'event' ? 'message' : type, message);
    if (event && this.#target.isHeld) this.#target.emit('event:' + event, message);
  }

  /** @param {Gap} gap */
  async #holdBack(gap) {
    const { onGap } = this.#topicOptions, { clock, gapTimeoutMs } = this.#options;
    if (!onGap) return;
    /** @type {[message: any, position?: Position][]} */
    const inbox = this.#inbox = [];
    const abort = this.#abort = new AbortController(), { signal } = abort;
    try {
      await outcome(clock, gapTimeoutMs, signal, 'onGap', () => onGap(gap, { signal }));
    } catch (error) {
      if (this.#inbox === inbox) this.#target.emit('error', error);
    }
    abort.abort();
    if (this.#inbox !== inbox) return;
    this.#inbox = undefined;
    for (const [message, position] of inbox) this.take(message, position);
  }
}
