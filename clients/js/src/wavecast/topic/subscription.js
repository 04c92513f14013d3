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
  /** What an add-on adds to the command that begins it. @type {object | undefined} */
  extra;
  /** @type {Emitter<Record<string, any>>} */
  #events = new Emitter();
  #context;
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
  constructor(kind, name, context) {
    this.name = name;
    this.#kind = kind;
    this.#context = context;
    this.#delivery = new Delivery(context.options, this.#options, this);
  }

  get isHeld() {
    return this.#holders.size > 0;
  }

  get position() {
    return this.#delivery.position;
  }

  /** Whether a call about it can be sent. */
  get isOpen() {
    return !this.#kind.isRoom || this.state === 'subscribed';
  }

  /** @param {ChannelOptions} [options] Added to those it has. */
  set(options) {
    Object.assign(this.#options, options);
    options?.presence?.(this, this.#context);
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
    const isHolder = /^(message$|event:|presence:)/.test(name);
    return this.#events.on(name, fn, options, (entry) => isHolder && this.#hold(entry), (entry) => {
      if (this.#holders.delete(entry)) this.#context.commands.schedule();
    });
  }

  /**
   * @param {CallOptions} [options]
   * @returns {Promise<Subscribed>}
   */
  subscribe({ signal, timeoutMs = this.#context.options.connectTimeoutMs } = {}) {
    const connection = this.#context.connection;
    this.#hold(this);
    const done = within(this.#context.options.clock, timeoutMs, signal, () => connection.error('timeout'), (resolve, reject, stop) => {
      const fail = (/** @type {WavecastError | void} */ error) => reject(error ?? connection.error('closed'));
      if (this.state === 'subscribed') return resolve(/** @type {Subscribed} */ (this.#reply));
      if (connection.state === 'disconnected') return fail();
      this.on('subscribed', resolve, stop);
      this.on('unsubscribed', fail, stop);
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
    if (!this.#kind.isRoom || this.isHeld) return this.#context.commands.call(this, this.#address(command), options);
    throw new WavecastError('not_in_room');
  }

  /** Makes the server's side match what the holders want. */
  async sync() {
    if (!this.isHeld && (this.#hasBegun || this.state !== 'unsubscribed')) this.#leave();
    if (!this.isHeld || this.#request) return;
    const request = this.#request = {};
    // Every connection receives these two, and they keep no history.
    if (!this.#kind.isRoom && /^\$(all|system)$/.test(this.name)) return this.#confirmed({});
    const { clock, commandTimeoutMs, connectTimeoutMs } = this.#context.options, { getToken, last } = this.#options;
    let token;
    try {
      if (getToken) token = await outcome(clock, connectTimeoutMs, undefined, 'getToken', () => getToken({ channel: this.name }));
    } catch (error) {
      return this.#request === request && this.#refused(error);
    }
    if (this.#request !== request) return;
    const since = this.#cursor.last;
    const cancel = deadline(clock, commandTimeoutMs, () => {
      if (this.#request === request) this.#context.connection.abandon('no reply');
    });
    const command = { type: this.#kind.begin, since, positions: !since || undefined, last, token, ...this.extra };
    this.#context.commands.send(this.#address(command), (error, reply) => {
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
    const isDown = this.#context.connection.state === 'disconnected';
    this.#request = undefined;
    if (this.isHeld && this.#become(isDown ? 'unsubscribed' : 'subscribing') && isDown) this.#events.emit('unsubscribed', error);
  }

  /**
   * A message from the server about this topic.
   *
   * @param {any} message
   */
  receive(message) {
    const { type, offset, reason } = message, cursor = this.#cursor, since = cursor.last;
    if (type === 'sent') return cursor.sent(offset);
    if (this.state !== 'subscribed') return;
    if (type === 'presence') return this.emit(type, message);
    if (reason === 'token_expired') {
      this.suspend();
      return this.#context.commands.schedule();
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
      const isOwn = cursor.has(offset), missing = missingAfter(since, offset - 1);
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
    if (!this.#events.emit(name, value) && name === 'error') this.#context.error(value);
  }

  /** @param {object} command */
  #address(command) {
    return { ...command, [this.#kind.field]: this.name };
  }

  /** @param {unknown} holder */
  #hold(holder) {
    const connection = this.#context.connection;
    this.#holders.add(holder);
    connection.begin();
    if (this.state === 'unsubscribed' && connection.state !== 'disconnected') this.#become('subscribing');
    this.#context.commands.schedule();
  }

  /** Ends it on the server, and forgets everything about it. */
  #leave() {
    // The server keeps sending a user's own channel, and refuses to end it.
    if (this.#request && this.name[0] !== '$') this.#context.commands.send(this.#address({ type: this.#kind.end }), () => {});
    this.#request = undefined;
    this.#hasBegun = false;
    this.#cursor = new Cursor();
    this.#delivery.stop();
    this.members = 0;
    this.#become('unsubscribed');
    if (this.#kind.isRoom) this.#context.commands.fail(false, new WavecastError('not_in_room'), this);
  }

  /** @param {any} error One that is not known is temporary. */
  #refused(error) {
    const request = this.#request;
    if (!this.#hasBegun || error?.temporary === false) {
      this.#request = undefined;
      this.end(error);
      return this.#context.error(error);
    }
    this.emit('error', error);
    this.#context.options.clock.setTimeout(() => {
      if (this.#request === request) this.#request = undefined;
      this.#context.commands.schedule();
    }, backoff(this.#context.options, this.#refusals++));
  }

  /** @param {any} reply */
  #confirmed({ offset, epoch, members, recovered, reason, replayed, presence }) {
    const since = this.#cursor.last, wasRecovering = this.#hasBegun || !!since;
    this.#hasBegun = true;
    this.#refusals = 0;
    this.members = members;
    if (!recovered) {
      this.#cursor = new Cursor(epoch && { offset: offset - (replayed || 0), epoch });
      if (!wasRecovering) this.#delivery.position = this.#cursor.last;
    }
    this.#reply = { offset, epoch, members, recovered, reason, replayed, wasRecovering };
    this.#become('subscribed');
    this.#events.emit('subscribed', this.#reply);
    this.emit('presence', presence);
    if (wasRecovering && !recovered) {
      const next = this.#cursor.last;
      const isKnown = since && next?.epoch === since.epoch && next.offset > since.offset;
      this.#delivery.take(this.gap(reason ?? 'no_history', isKnown ? missingAfter(since, next.offset) : { since }), next);
    }
    this.#context.commands.schedule();
  }
}
