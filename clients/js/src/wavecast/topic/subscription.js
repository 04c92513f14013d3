/** @import { CallOptions, ChannelOptions, Gap, Subscribed, SubscriptionState } from '../../types.js' */
/** @import { SubscriptionContext } from './context.js' */
/** @import { Kind } from './kind.js' */
import { backoff } from '../base/backoff.js';
import { deadline, outcome, within } from '../base/deadline.js';
import { Emitter } from '../base/emitter.js';
import { WavecastError } from '../base/error.js';
import { Cursor, missingAfter } from './cursor.js';
import { Delivery } from './delivery.js';

/**
 * The state machine of one subscription or membership. It is kept for as long as it has a holder: a `message` listener,
 * a loop over `messages()`, or `subscribe()`.
 */
export class Subscription {
  /** @type {SubscriptionState} */
  state = 'unsubscribed';
  /** What the application sees of it. @type {any} */
  topic;
  /** Of the room, including this client; 0 without a membership. */
  members = 0;
  /** @type {Emitter<Record<string, any>>} */
  #events = new Emitter();
  #settings;
  #connection;
  #commands;
  #changed;
  #report;
  #kind;
  /** @type {ChannelOptions} */
  #options = {};
  /** @type {Set<unknown>} */
  #holders = new Set();
  /** @type {object | undefined} Identifies the request on this connection, which may be answered already. */
  #request;
  /** It was confirmed before: from then on, what is published while it is not subscribed is missed. */
  #hasBegun = false;
  /** Refusals in a row. */
  #refusals = 0;
  #cursor = new Cursor();
  #delivery;
  /** @type {Subscribed | undefined} */
  #reply;

  /**
   * @param {Kind} kind
   * @param {string} name
   * @param {SubscriptionContext} context
   */
  constructor(kind, name, { options, connection, commands, changed, report }) {
    this.name = name;
    this.#kind = kind;
    this.#settings = options;
    this.#connection = connection;
    this.#commands = commands;
    this.#changed = changed;
    this.#report = report;
    this.#delivery = new Delivery(options, this.#options, this);
  }

  get isHeld() {
    return this.#holders.size > 0;
  }

  get position() {
    return this.#delivery.position;
  }

  /** Whether a call about it can be sent. */
  get isReady() {
    return !this.#kind.isRoom || this.state === 'subscribed';
  }

  /** @param {ChannelOptions} [options] Added to those it has. */
  configure(options) {
    Object.assign(this.#options, options);
    if (options?.since && this.state === 'unsubscribed') this.#cursor.last = this.#delivery.position = options.since;
  }

  /**
   * Adds a listener. One for messages is also a holder.
   *
   * @param {string} name
   * @param {(value: any) => void} fn
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {() => void}
   */
  on(name, fn, options) {
    const isHolder = /^(message$|event:)/.test(name);
    return this.#events.on(name, fn, options, (entry) => isHolder && this.#hold(entry), (entry) => {
      if (this.#holders.delete(entry)) this.#changed(this);
    });
  }

  /**
   * @param {CallOptions} [options]
   * @returns {Promise<Subscribed>}
   */
  subscribe({ signal, timeoutMs = this.#settings.connectTimeoutMs } = {}) {
    const connection = this.#connection;
    this.#hold(this);
    const done = within(this.#settings.clock, timeoutMs, signal, () => connection.error('timeout'), (resolve, reject) => {
      const fail = (/** @type {WavecastError | void} */ error) => reject(error ?? connection.error('closed'));
      if (this.state === 'subscribed') return resolve(/** @type {Subscribed} */ (this.#reply));
      if (connection.state === 'disconnected') return fail();
      const offs = [this.on('subscribed', resolve), this.on('unsubscribed', fail)];
      return () => offs.forEach((off) => off());
    });
    // A caller that does not await it still gets the event.
    done.catch(() => {});
    return done;
  }

  /**
   * Ends it for all holders.
   *
   * @param {WavecastError} [error] Why, unless it was asked for.
   */
  end(error) {
    const wasHeld = this.isHeld;
    this.#holders.clear();
    this.#leave();
    if (wasHeld) this.#events.emit('unsubscribed', error);
  }

  /**
   * @param {object} command
   * @param {CallOptions} options
   * @returns {Promise<any>}
   */
  async call(command, options) {
    if (this.#kind.isRoom && !this.isHeld) throw new WavecastError('not_in_room');
    return this.#commands.call(this, this.#address(command), options);
  }

  /** Makes the server's side match what the holders want. */
  async sync() {
    if (!this.isHeld) return this.#leave();
    if (this.#request) return;
    const request = this.#request = {};
    // Every connection receives these two, and they keep no history.
    if (!this.#kind.isRoom && /^\$(all|system)$/.test(this.name)) return this.#confirmed({});
    const { clock, commandTimeoutMs, connectTimeoutMs } = this.#settings, { getToken, last } = this.#options;
    let token;
    try {
      if (getToken) token = await outcome(clock, connectTimeoutMs, undefined, 'getToken', () => getToken({ channel: this.name }));
    } catch (error) {
      return this.#request === request && this.#refused(error);
    }
    if (this.#request !== request) return;
    const since = this.#cursor.last;
    const cancel = deadline(clock, commandTimeoutMs, () => {
      if (this.#request === request) this.#connection.abandon('no reply');
    });
    const command = { type: this.#kind.begin, ...(since ? { since } : { positions: true }), last, token };
    this.#commands.send(this.#address(command), (error, reply) => {
      cancel();
      if (this.#request !== request) return;
      if (error) this.#refused(error);
      else this.#confirmed(reply);
    });
  }

  /**
   * There is no connection, for now or until `connect()`, and with it the server's side of the subscription is lost.
   *
   * @param {WavecastError} [error]
   */
  suspend(error) {
    const state = this.#connection.state === 'disconnected' ? 'unsubscribed' : 'subscribing';
    this.#request = undefined;
    if (this.isHeld && this.#become(state) && state === 'unsubscribed') this.#events.emit('unsubscribed', error);
  }

  /**
   * A message from the server about this topic.
   *
   * @param {any} message
   */
  receive(message) {
    const { type, offset, reason } = message, cursor = this.#cursor, since = cursor.last;
    if (type === 'sent') return cursor.addOwn(offset);
    if (this.state !== 'subscribed') return;
    if (reason === 'token_expired') {
      this.suspend();
      return this.#changed(this);
    }
    if (reason) return this.#refused(new WavecastError(reason, `${reason}: ${this.name}`));
    if (type === 'user_joined') this.members += 1;
    if (type === 'user_left') this.members -= 1;
    let position;
    if (type === 'gap') {
      const { missed, from, to } = message;
      if (since && to > since.offset) position = cursor.advance(to);
      message = this.gap('skipped', { missed, from, to, since });
    } else if (since && offset) {
      if (offset <= since.offset) return;
      const isOwn = cursor.isOwn(offset), missing = missingAfter(since, offset - 1);
      position = cursor.advance(offset);
      // In a room, the offsets that are left out are those of the client's own messages.
      if (missing.missed && !this.#kind.isRoom) this.#delivery.take(this.gap('hole', missing));
      if (isOwn) return;
    }
    this.#delivery.take(message, position);
  }

  /**
   * @param {string} reason
   * @param {Partial<Gap>} fields
   * @returns {Gap}
   */
  gap(reason, fields) {
    return /** @type {any} */ (this.#address({ type: 'gap', reason, ...fields }));
  }

  /**
   * @param {SubscriptionState} state
   * @returns {boolean} Whether it was in another one.
   */
  #become(state) {
    const changes = this.state !== state;
    this.state = state;
    if (changes) this.#events.emit('state', state);
    return changes;
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  emit(name, value) {
    if (!this.#events.emit(name, value) && name === 'error') this.#report(value);
  }

  /** @param {object} command */
  #address(command) {
    return { ...command, [this.#kind.field]: this.name };
  }

  /** @param {unknown} holder */
  #hold(holder) {
    const connection = this.#connection;
    this.#holders.add(holder);
    connection.connectLazily();
    if (this.state === 'unsubscribed' && connection.state !== 'disconnected') this.#become('subscribing');
    this.#changed(this);
  }

  /** Ends it on the server, and forgets everything about it. */
  #leave() {
    // The server keeps sending a user's own channel, and refuses to end it.
    if (this.#request && this.name[0] !== '$') this.#commands.send(this.#address({ type: this.#kind.end }), () => {});
    this.#request = undefined;
    this.#hasBegun = false;
    this.#cursor.restart();
    this.#delivery.reset();
    this.members = 0;
    this.#become('unsubscribed');
    if (this.#kind.isRoom) this.#commands.fail(false, new WavecastError('not_in_room'), this);
  }

  /** @param {any} error One that is not known is temporary. */
  #refused(error) {
    const request = this.#request;
    if (!this.#hasBegun || error?.temporary === false) {
      this.#request = undefined;
      this.end(error);
      return this.#report(error);
    }
    this.emit('error', error);
    this.#settings.clock.setTimeout(() => {
      if (this.#request !== request) return;
      this.#request = undefined;
      this.#changed(this);
    }, backoff(this.#settings, this.#refusals++));
  }

  /** @param {any} reply */
  #confirmed({ offset, epoch, members, recovered, reason, replayed }) {
    const since = this.#cursor.last, wasRecovering = this.#hasBegun || !!since;
    this.#hasBegun = true;
    this.#refusals = 0;
    this.members = members;
    if (!recovered) {
      this.#cursor.restart(offset === undefined ? undefined : { offset: offset - (replayed || 0), epoch });
      if (!wasRecovering) this.#delivery.position = this.#cursor.last;
    }
    this.#reply = { offset, epoch, members, recovered, reason, replayed, wasRecovering };
    this.#become('subscribed');
    this.#events.emit('subscribed', this.#reply);
    if (wasRecovering && !recovered) {
      const next = this.#cursor.last;
      const isKnown = since && next && next.epoch === since.epoch && next.offset > since.offset;
      this.#delivery.take(this.gap(reason ?? 'no_history', isKnown ? missingAfter(since, next.offset) : { since }), next);
    }
    this.#commands.schedule();
  }
}
