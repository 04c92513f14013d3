/** @import { PresenceAddOn } from '../types.js' */
/** @import { Presence, PresenceEvents, PresenceQuery, PresentUser } from '../types/presence.js' */
/** @import { SubscriptionContext } from '../wavecast/topic/context.js' */
/** @import { Subscription } from '../wavecast/topic/subscription.js' */

/** Commands of one client that ask for presence, per second. The server allows ten, and some are left for queries. */
const PER_SECOND = 8;

/**
 * When each client may ask next, if it asks as often as it may.
 *
 * @type {WeakMap<object, number>}
 */
const nextAsks = new WeakMap();

/**
 * Takes a place among those of a second, and returns how long to wait for it. Without `isPatient`, none is taken that is
 * not free now.
 *
 * @param {SubscriptionContext} context
 * @param {boolean} [isPatient]
 */
const waitOf = (context, isPatient) => {
  const now = context.options.clock.now(), next = Math.max(now, nextAsks.get(context) ?? 0) + 1000 / PER_SECOND;
  const wait = Math.max(0, next - now - 1000);
  if (isPatient || !wait) nextAsks.set(context, next);
  return wait;
};

/**
 * Who is in a topic, as the server's announcements tell it.
 *
 * @implements {Presence}
 */
class TopicPresence {
  #subscription;
  #context;
  users = 0;
  connections = 0;
  anonymous = 0;
  /** @type {ReadonlyMap<string, PresentUser>} */
  members = new Map();
  isListed = false;

  /**
   * @param {Subscription} subscription
   * @param {SubscriptionContext} context
   */
  constructor(subscription, context) {
    this.#subscription = subscription;
    this.#context = context;
    // Announcements are never held back behind messages: the list in a reply would overtake them.
    subscription.on('presence', (message) => message ? this.#receive(message) : this.#ask());
    subscription.on('state', (state) => state === 'unsubscribed' && this.#receive({ users: 0, connections: 0, anonymous: 0 }));
    if (subscription.state === 'subscribed') this.#ask();
  }

  /**
   * @template {keyof PresenceEvents} Name
   * @param {Name} name
   * @param {(value: PresenceEvents[Name]) => void} fn
   * @param {{ signal?: AbortSignal }} [options]
   */
  on(name, fn, options) {
    return this.#subscription.on('presence:' + name, fn, options);
  }

  /**
   * @param {PresenceQuery} [options]
   * @returns {Promise<any>}
   */
  async query({ counts, by, ...options } = {}) {
    const { users, connections, anonymous, members } = await this.#subscription.call({ type: 'presence', counts, by }, options);
    return { users, connections, anonymous, members };
  }

  /**
   * The subscription began without presence: before anybody asked for it, or among so many that the server would refuse it.
   * It begins again, and misses nothing meanwhile.
   */
  async #ask() {
    const subscription = this.#subscription, type = 'join' in subscription.topic ? 'join' : 'subscribe';
    const { clock } = this.#context.options, wait = waitOf(this.#context, true);
    if (wait) await new Promise((resolve) => clock.setTimeout(() => resolve(wait), wait));
    if (subscription.state !== 'subscribed') return;
    try {
      const { presence } = await subscription.call({ type, positions: true, presence: true }, {});
      if (presence) this.#receive(presence);
    } catch (/** @type {any} */ error) {
      if (error.code === 'rate_limited') this.#ask();
      else subscription.emit('error', error);
    }
  }

  /**
   * With `members` it replaces what is known, with `joined` and `left` it changes it, and with the numbers only the members
   * are no longer listed.
   *
   * @param {any} message
   */
  #receive({ id, members, joined, left, users, connections, anonymous }) {
    // An answer to a query is for the one who asked.
    if (id !== undefined) return;
    const before = this.members, wasListed = this.isListed;
    this.isListed = !!(members ?? (wasListed && joined));
    /** @type {Map<string, PresentUser>} */
    const after = new Map(this.isListed && !members ? before : []);
    if (this.isListed) {
      for (const user of left ?? []) after.delete(user);
      for (const member of members ?? joined) after.set(member.user, member);
    }
    Object.assign(this, { members: after, users, connections, anonymous });
    // Who was here before is news only to someone who has seen the list.
    if (wasListed && this.isListed) this.#compare(before, after);
    this.#subscription.emit('presence:change', this);
  }

  /**
   * @param {ReadonlyMap<string, PresentUser>} before
   * @param {ReadonlyMap<string, PresentUser>} after
   */
  #compare(before, after) {
    const emit = (/** @type {string} */ name, /** @type {object} */ value) => this.#subscription.emit('presence:' + name, value);
    for (const [user, member] of before) if (!after.has(user)) emit('leave', member);
    for (const [user, member] of after) {
      const known = before.get(user);
      if (!known) emit('join', member);
      else if (known !== member && JSON.stringify(known.info) !== JSON.stringify(member.info)) emit('update', { ...member, before: known.info });
    }
  }
}

/**
 * The option `presence` of `channel()` and `room()`: gives them a property of this name.
 *
 * @type {PresenceAddOn}
 */
export const presence = (subscription, context) => {
  if (subscription.topic.presence) return;
  Object.defineProperty(subscription, 'extra', { get: () => waitOf(context) ? {} : { presence: true } });
  subscription.topic.presence = new TopicPresence(subscription, context);
};
