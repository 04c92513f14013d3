/** @import { CallOptions, Gap, Options, Subscribed, SubscriptionState, TopicOptions } from '../../types.js' */
/** @import { Commands } from '../commands/commands.js' */
/** @import { Connection } from '../connection/connection.js' */
/** @import { Kind } from './kind.js' */
import { backoff } from '../base/backoff.js';
import { deadline, within } from '../base/deadline.js';
import { Emitter } from '../base/emitter.js';
import { WavecastError } from '../base/error.js';
import { Cursor } from './cursor.js';
import { Delivery } from './delivery.js';

/**
 * What a subscription uses of its client.
 *
 * @typedef {object} SubscriptionContext
 * @property {Required<Options>} options
 * @property {Connection} connection
 * @property {Commands} commands
 * @property {(subscription: Subscription) => void} changed `sync()` has to be called, at the end of this turn.
 */

/**
 * The state machine of one subscription or membership. It is kept for as long as it has a holder: a `message` listener,
 * a loop over `messages()`, or `subscribe()`.
 */
export class Subscription {
  /** @type {SubscriptionState} */
  state = 'unsubscribed';
  /** Of the room, including this client; 0 without a membership. */
  members = 0;
  /** @type {Emitter<Record<string, any>>} */
  events = new Emitter();
  #context;
  #kind;
  /** @type {TopicOptions} */
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
    this.#delivery = new Delivery(context.options, this.#options, {
      isHeld: () => this.isHeld,
      emit: (name, value) => this.events.emit(name, value),
      gap: (reason, fields) => this.gap(reason, fields),
    });
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

  /** Whether every connection receives it without a subscription. Neither of the two keeps a history. */
  get #isImplicit() {
    return !this.#kind.isRoom && /^\$(all|system)$/.test(this.name);
  }

  /** @param {TopicOptions} [options] Added to those it has. */
  configure(options) {
    Object.assign(this.#options, options);
    if (options?.since && this.state === 'unsubscribed') this.#cursor.last = this.#delivery.position = options.since;
  }

  /**
   * Adds a listener. A `message` listener is also a holder.
   *
   * @param {string} name
   * @param {(value: any) => void} fn
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {() => void}
   */
  on(name, fn, options = {}) {
    const off = this.events.on(name, fn, options), { signal } = options;
    if (name !== 'message' || signal?.aborted) return off;
    const release = () => {
      off();
      signal?.removeEventListener('abort', release);
      if (this.#holders.delete(release)) this.#context.changed(this);
    };
    signal?.addEventListener('abort', release);
    this.#hold(release);
    return release;
  }

  /**
   * @param {CallOptions} [options]
   * @returns {Promise<Subscribed>}
   */
  subscribe({ signal, timeoutMs = this.#context.options.connectTimeoutMs } = {}) {
    this.#hold(this);
    const done = within(this.#context.options.clock, timeoutMs, signal, (resolve, reject) => {
      if (this.state === 'subscribed') return resolve(/** @type {Subscribed} */ (this.#reply));
      const offs = [
        this.on('subscribed', resolve),
        this.on('unsubscribed', (error) => reject(error ?? new WavecastError('closed'))),
      ];
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
    if (wasHeld) this.events.emit('unsubscribed', error);
  }

  /**
   * @param {object} command
   * @param {CallOptions} options
   * @returns {Promise<any>}
   */
  async call(command, options) {
    if (this.#kind.isRoom && !this.isHeld) throw new WavecastError('not_in_room');
    return this.#context.commands.call(this, this.#address(command), options);
  }

  /** Makes the server's side match what the holders want. */
  sync() {
    if (!this.isHeld) return this.#leave();
    if (this.#request) return;
    const request = this.#request = {};
    if (this.#isImplicit) return this.#confirmed({});
    const { options, connection, commands } = this.#context, since = this.#cursor.last;
    const cancel = deadline(options.clock, options.commandTimeoutMs, () => {
      if (this.#request === request) connection.abandon('no reply');
    });
    const command = { type: this.#kind.begin, ...(since ? { since } : { positions: true }), last: this.#options.last };
    commands.send(this, this.#address(command), (error, reply) => {
      cancel();
      if (this.#request !== request) return;
      if (error) this.#refused(error);
      else this.#confirmed(reply);
    });
  }

  /** The connection is lost, and with it the server's side of the subscription. */
  connectionLost() {
    this.#request = undefined;
  }

  /**
   * There is no connection, for now or until `connect()`.
   *
   * @param {'subscribing' | 'unsubscribed'} state
   * @param {WavecastError} [error]
   */
  suspend(state, error) {
    if (!this.isHeld || this.state === state) return;
    this.state = state;
    if (state === 'unsubscribed') this.events.emit('unsubscribed', error);
  }

  /**
   * A message from the server about this topic.
   *
   * @param {any} message
   */
  receive(message) {
    const { type, offset } = message, cursor = this.#cursor, since = cursor.last;
    if (type === 'sent') return cursor.addOwn(offset);
    if (this.state !== 'subscribed') return;
    this.members += type === 'user_joined' ? 1 : type === 'user_left' ? -1 : 0;
    let position;
    if (type === 'gap') {
      const { missed, from, to } = message;
      if (since && to > since.offset) position = cursor.advance(to);
      message = this.gap('skipped', { missed, from, to, since });
    } else if (since && offset) {
      if (offset <= since.offset) return;
      const isOwn = cursor.isOwn(offset), from = since.offset + 1, to = offset - 1;
      position = cursor.advance(offset);
      // In a room, the offsets that are left out are those of the client's own messages.
      if (to >= from && !this.#kind.isRoom) this.#delivery.take(this.gap('hole', { missed: offset - from, from, to, since }));
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
    return { type: 'gap', [this.#kind.field]: this.name, reason, ...fields };
  }

  /** @param {object} command */
  #address(command) {
    return { ...command, [this.#kind.field]: this.name };
  }

  /** @param {unknown} holder */
  #hold(holder) {
    const { connection, changed } = this.#context;
    this.#holders.add(holder);
    connection.connectLazily();
    if (this.state === 'unsubscribed' && connection.state !== 'disconnected') this.state = 'subscribing';
    changed(this);
  }

  /** Ends it on the server, and forgets everything about it. */
  #leave() {
    const { commands } = this.#context;
    // The server keeps sending a user's own channel, and refuses to end it.
    if (this.#request && this.name[0] !== '$') commands.send(this, this.#address({ type: this.#kind.end }), () => {});
    this.#request = undefined;
    this.#hasBegun = false;
    this.#cursor.restart();
    this.#delivery.reset();
    this.state = 'unsubscribed';
    this.members = 0;
    if (this.#kind.isRoom) commands.failUnsent(new WavecastError('not_in_room'), this);
  }

  /** @param {WavecastError} error */
  #refused(error) {
    const { options, changed } = this.#context, request = this.#request;
    if (!this.#hasBegun || !error.temporary) {
      this.#request = undefined;
      return this.end(error);
    }
    this.events.emit('error', error);
    options.clock.setTimeout(() => {
      if (this.#request !== request) return;
      this.#request = undefined;
      changed(this);
    }, backoff(options, this.#refusals++));
  }

  /** @param {any} reply */
  #confirmed({ offset, epoch, members, recovered, reason = 'no_history', replayed }) {
    const since = this.#cursor.last, wasRecovering = this.#hasBegun || !!since;
    this.#hasBegun = true;
    this.#refusals = 0;
    this.state = 'subscribed';
    this.members = members;
    if (!recovered) {
      this.#cursor.restart(offset === undefined ? undefined : { offset: offset - (replayed ?? 0), epoch });
      if (!wasRecovering) this.#delivery.position = this.#cursor.last;
    }
    this.#reply = { offset, epoch, members, recovered, reason: recovered === false ? reason : undefined, replayed, wasRecovering };
    this.events.emit('subscribed', this.#reply);
    if (wasRecovering && !recovered) {
      const next = this.#cursor.last;
      const isKnown = since && next && next.epoch === since.epoch && next.offset > since.offset;
      const range = isKnown && { missed: next.offset - since.offset, from: since.offset + 1, to: next.offset };
      this.#delivery.take(this.gap(reason, { since, ...range }), next);
    }
    this.#context.commands.schedule();
  }
}
