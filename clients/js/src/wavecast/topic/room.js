/** @import { CallOptions, RoomEvents, RoomMessage, Subscribed } from '../../types.js' */
/** @import { Subscription } from './subscription.js' */
import { Topic } from './topic.js';

/**
 * Two-way: its members talk to each other.
 *
 * @template [T=any]
 * @extends {Topic<RoomMessage<T>, RoomEvents<RoomMessage<T>>>}
 */
export class Room extends Topic {
  #subscription;

  /**
   * @internal
   * @param {Subscription} subscription
   */
  constructor(subscription) {
    super(subscription);
    this.#subscription = subscription;
  }

  /** The number of members as last reported, including this client; 0 while it is not a member. */
  get members() {
    return this.#subscription.members;
  }

  /**
   * The same as `subscribe()`.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<Subscribed>}
   */
  join(options) {
    return this.subscribe(options);
  }

  /** The same as `unsubscribe()`. */
  leave() {
    this.unsubscribe();
  }

  /**
   * Sends a message to the other members. Resolves when the server has accepted it. Rejects with `not_in_room` when
   * `join()` was not called before; with `timeout` when it took too long; with `connection_lost` when the connection broke
   * before the reply: the others may or may not have received it, and it is not sent again.
   *
   * @param {T} content
   * @param {CallOptions} [options]
   * @returns {Promise<{ offset?: number }>}
   */
  async send(content, options = {}) {
    const { offset } = await this.#subscription.call({ type: 'message', content }, options);
    return { offset };
  }
}
