/** @import { CallOptions, HistoryOptions, HistoryPage, MessagesOptions, Subscribed, TopicEvents } from '../../types.js' */
/** @import { Subscription } from './subscription.js' */
import { messageLoop } from './message-loop.js';

/**
 * What an application sees of a channel or a room. It is subscribed for as long as anyone holds it: a `message` listener,
 * a loop over `messages()`, or `subscribe()`.
 *
 * @template Message
 * @template {TopicEvents<Message>} [Events=TopicEvents<Message>]
 */
export class Topic {
  #subscription;

  /**
   * @internal
   * @param {Subscription} subscription
   */
  constructor(subscription) {
    this.#subscription = subscription;
    this.name = subscription.name;
  }

  get state() {
    return this.#subscription.state;
  }

  /** The position of the last delivered message. Store it to continue from there with `since`. */
  get position() {
    return this.#subscription.position;
  }

  /**
   * Adds a listener. A `message` listener also holds the subscription. The returned function removes the listener and
   * lets go of the subscription.
   *
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(value: Events[Name]) => void} fn
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {() => void}
   */
  on(name, fn, options) {
    return this.#subscription.on(/** @type {string} */ (name), fn, options);
  }

  /**
   * Subscribes, and stays subscribed across lost connections until `unsubscribe()`. Rejects when the server refuses, or
   * with `timeout` when it takes too long; in that case the client keeps trying.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<Subscribed>}
   */
  subscribe(options) {
    return this.#subscription.subscribe(options);
  }

  /** Ends the subscription for everyone who holds it. Listeners stay, and are called again after the next `subscribe()`. */
  unsubscribe() {
    this.#subscription.end();
  }

  /**
   * Reads a page of the history.
   *
   * @param {HistoryOptions} [options]
   * @returns {Promise<HistoryPage<Message>>}
   */
  history({ limit, before, after, ...options } = {}) {
    return this.#subscription.call({ type: 'history', limit, before, after }, options);
  }

  /**
   * The messages as a loop: `for await (const message of channel.messages())`. It ends with `unsubscribe()` or the signal.
   *
   * @param {MessagesOptions} [options]
   * @returns {AsyncGenerator<Message, void, void>}
   */
  messages(options = {}) {
    return messageLoop(this.#subscription, options);
  }
}
