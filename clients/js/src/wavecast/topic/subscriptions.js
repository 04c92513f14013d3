/** @import { TopicOptions } from '../../types.js' */
/** @import { Kind } from './kind.js' */
/** @import { SubscriptionContext } from './subscription.js' */
/** @import { WavecastError } from '../base/error.js' */
import { Subscription } from './subscription.js';

/** What the server sends about a topic without being asked; everything else is a reply. */
const PUSHED = /^(event|message|gap|sent|user_joined|user_left)$/;

/** The subscriptions of one client, by name, and which of them have to be synchronized with the server. */
export class Subscriptions {
  #context;
  /** @type {Map<string, { subscription: Subscription, topic: any }>} */
  #entries = new Map();
  /** @type {Set<Subscription>} */
  #changed = new Set();

  /** @param {Omit<SubscriptionContext, 'changed'>} context */
  constructor(context) {
    this.#context = { ...context, changed: (/** @type {Subscription} */ subscription) => this.#change(subscription) };
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
    const key = kind.field + ' ' + name;
    let entry = this.#entries.get(key);
    if (!entry) {
      const subscription = new Subscription(kind, name, this.#context);
      this.#entries.set(key, entry = { subscription, topic: new Topic(subscription) });
    }
    entry.subscription.configure(options);
    return entry.topic;
  }

  connected() {
    for (const subscription of this.#all()) this.#change(subscription);
  }

  connectionLost() {
    for (const subscription of this.#all()) subscription.connectionLost();
  }

  connecting() {
    for (const subscription of this.#all()) subscription.suspend('subscribing');
  }

  /** @param {WavecastError} [error] */
  stopped(error) {
    for (const subscription of this.#all()) {
      // A listener may have connected again.
      if (this.#context.connection.state === 'disconnected') subscription.suspend('unsubscribed', error);
    }
  }

  /** @param {any} message */
  receive(message) {
    const { type, channel, room } = message;
    if (PUSHED.test(type)) this.#entries.get(room === undefined ? 'channel ' + channel : 'room ' + room)?.subscription.receive(message);
  }

  /**
   * Synchronizes those that have changed. Without a connection, only those that nobody holds.
   *
   * @param {boolean} isConnected
   */
  sync(isConnected) {
    for (const subscription of this.#changed) {
      this.#changed.delete(subscription);
      if (isConnected || !subscription.isHeld) subscription.sync();
    }
  }

  /** @param {Subscription} subscription */
  #change(subscription) {
    this.#changed.add(subscription);
    this.#context.commands.schedule();
  }

  *#all() {
    for (const { subscription } of this.#entries.values()) yield subscription;
  }
}
