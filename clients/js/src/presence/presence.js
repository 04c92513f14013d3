/** @import { PresenceAddOn } from '../types.js' */
/** @import { Presence, PresenceEvents, PresenceQuery, PresentUser } from '../types/presence.js' */
/** @import { Subscription } from '../wavecast/topic/subscription.js' */

/**
 * Who is in a topic, as the server's announcements tell it.
 *
 * @implements {Presence}
 */
class TopicPresence {
  #subscription;
  users = 0;
  connections = 0;
  anonymous = 0;
  /** @type {ReadonlyMap<string, PresentUser>} */
  members = new Map();
  isListed = false;

  /** @param {Subscription} subscription */
  constructor(subscription) {
    this.#subscription = subscription;
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

  /** The subscription began before anybody asked for presence. It begins again, and misses nothing meanwhile. */
  async #ask() {
    const subscription = this.#subscription, type = 'join' in subscription.topic ? 'join' : 'subscribe';
    try {
      const { presence } = await subscription.call({ type, positions: true, presence: true }, {});
      if (presence) this.#receive(presence);
    } catch (error) {
      subscription.emit('error', error);
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
export const presence = (subscription) => {
  subscription.extra = { presence: true };
  subscription.topic.presence ??= new TopicPresence(subscription);
};
