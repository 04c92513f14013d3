/** @import { TopicOptions } from '../../types.js' */
/** @import { Kind } from './kind.js' */
/** @import { SubscriptionContext } from './context.js' */
/** @import { WavecastError } from '../base/error.js' */
import { toJson } from '../base/json.js';
import { Subscription } from './subscription.js';

/** What the server sends about a topic without being asked, or also as a reply. Everything else is a reply. */
const PUSHED = /^(event|gap|message|presence|sent|user_|unsub|left)/;

/** The subscriptions of one client, by name, synchronized with the server at the end of a turn. */
export class Subscriptions {
  #context;
  /** @type {Map<string, Subscription>} */
  #entries = new Map();

  /** @param {SubscriptionContext} context */
  constructor(context) {
    this.#context = context;
  }

  /**
   * The topic of this name, which is made the first time.
   *
   * @param {new (subscription: Subscription) => any} Topic
   * @param {Kind} kind
   * @param {string} name
   * @param {TopicOptions} [options]
   */
  topic(Topic, kind, name, options) {
    // The server names it in text that is well-formed.
    name = JSON.parse(toJson(name));
    const key = kind.field + ' ' + name;
    let subscription = this.#entries.get(key);
    if (!subscription) {
      this.#entries.set(key, subscription = new Subscription(kind, name, this.#context));
      subscription.topic = new Topic(subscription);
    }
    subscription.set(options);
    return subscription.topic;
  }

  /**
   * There is no connection.
   *
   * @param {WavecastError} [error]
   */
  suspend(error) {
    for (const subscription of this.#entries.values()) subscription.suspend(error);
  }

  /** @param {any} message */
  receive(message) {
    const { type, channel, room } = message;
    if (PUSHED.test(type)) this.#entries.get(room === undefined ? 'channel ' + channel : 'room ' + room)?.receive(message);
  }

  /**
   * Synchronizes them. Without a connection, only those that nobody holds.
   *
   * @param {boolean} isOpen
   */
  sync(isOpen) {
    for (const subscription of this.#entries.values()) if (isOpen || !subscription.isHeld) subscription.sync();
  }
}
