/** @import { CallOptions, Gap, HistoryOptions, HistoryPage, MessagesOptions, Position, Subscribed, SubscriptionState, TopicEvents, TopicOptions } from '../types.js' */
/** @import { Wavecast } from '../wavecast.js' */
import { Emitter } from './emitter.js';
import { WavecastError } from './error.js';
import { loop } from './loop.js';
import { backoff, deadline, within } from './timing.js';

/**
 * What a channel and a room have in common: the machine of one subscription. It lives as long as somebody holds it: a
 * `message` listener, a loop over `messages()`, or `subscribe()`.
 *
 * @template Message
 * @template {TopicEvents<Message>} [Events=TopicEvents<Message>]
 * @extends {Emitter<Events>}
 */
export class Topic extends Emitter {
  /** @internal @type {Wavecast<any, any>} */
  _client;
  /** @internal @type {TopicOptions} */
  _options;
  /** @internal @type {'channel' | 'room'} */
  _kind = 'channel';
  /** @internal The commands that begin and end it. */
  _words = ['subscribe', 'unsubscribe'];
  /** @internal @type {Set<unknown>} Who wants it. */
  _holds = new Set();
  /** @internal @type {object | undefined} The request on this connection: none, under way or answered. */
  _asked;
  /** @internal It was confirmed before, so that what happens without it is a gap. */
  _started = false;
  /** @internal Refusals in a row. */
  _refusals = 0;
  /** @internal @type {Position | undefined} What was received last. */
  _last;
  /** @internal @type {Set<number>} Offsets of own messages that are beyond `_last`. */
  _own = new Set();
  /** @internal @type {[any, Position | undefined][] | undefined} What waits for `onGap`. */
  _inbox;
  /** @internal */
  _gapAbort = new AbortController();
  /** @internal @type {Subscribed | undefined} */
  _reply;

  /** @type {SubscriptionState} */
  state = 'unsubscribed';
  /**
   * What was delivered last; store it to go on from there with `since`.
   *
   * @type {Position | undefined}
   */
  position;

  /**
   * @internal
   * @param {Wavecast<any, any>} client
   * @param {string} name
   * @param {TopicOptions} options
   */
  constructor(client, name, options) {
    super();
    this._client = client;
    this.name = name;
    this._options = options;
  }

  /**
   * Listens. A `message` listener also holds the subscription; the function that comes back gives it up.
   *
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(value: Events[Name]) => void} fn
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {() => void}
   */
  on(name, fn, options = {}) {
    const off = super.on(name, fn, options);
    const { signal } = options;
    if (name !== 'message' || signal?.aborted) return off;
    const release = () => {
      off();
      signal?.removeEventListener('abort', release);
      if (this._holds.delete(release)) this._client._mark(this);
    };
    signal?.addEventListener('abort', release);
    this._hold(release);
    return release;
  }

  /**
   * Subscribes and stays subscribed over lost connections, until `unsubscribe()`. Rejects when the server refuses, and
   * with `timeout` when it takes longer; the client goes on trying then.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<Subscribed>}
   */
  subscribe({ signal, timeoutMs = this._client._options.connectTimeoutMs } = {}) {
    this._hold(this);
    const done = within(this._client._options.clock, timeoutMs, signal, (resolve, reject) => {
      if (this.state === 'subscribed') return resolve(/** @type {Subscribed} */ (this._reply));
      const offs = [
        this.on('subscribed', /** @type {any} */ (resolve)),
        this.on('unsubscribed', /** @param {any} error */ (error) => reject(error ?? new WavecastError('closed'))),
      ];
      return () => offs.forEach((off) => off());
    });
    // Whoever does not wait hears of it as an event.
    done.catch(() => {});
    return /** @type {Promise<Subscribed>} */ (done);
  }

  /** Ends the subscription for all who hold it. Listeners stay, and hear again after the next `subscribe()`. */
  unsubscribe() {
    this._end();
  }

  /**
   * Reads from history.
   *
   * @param {HistoryOptions} [options]
   * @returns {Promise<HistoryPage<Message>>}
   */
  history({ limit, before, after, ...options } = {}) {
    return this._call({ type: 'history', limit, before, after }, options);
  }

  /**
   * The messages, as a loop: `for await (const message of channel.messages())`. Ends with `unsubscribe()` or the signal.
   *
   * @param {MessagesOptions} [options]
   * @returns {AsyncGenerator<Message, void, void>}
   */
  async *messages(options = {}) {
    yield* loop(this, options);
  }

  /**
   * @internal
   * @param {unknown} holder
   */
  _hold(holder) {
    this._holds.add(holder);
    const client = this._client;
    client._lazily();
    if (this.state === 'unsubscribed' && client.state !== 'disconnected') this.state = 'subscribing';
    client._mark(this);
  }

  /**
   * @internal
   * @param {object} command
   * @param {CallOptions} options
   */
  async _call(command, options) {
    return this._client._call(this, command, options);
  }

  /** @internal Whether a command about it can be sent. */
  _isOpen() {
    return true;
  }

  /** @internal Whether every connection hears it; it cannot be asked for. */
  _isImplicit() {
    return this._kind === 'channel' && this.name[0] === '$';
  }

  /** @internal Brings the server's side in line with what is wanted. */
  _sync() {
    const client = this._client, { clock, commandTimeoutMs } = client._options;
    if (!this._holds.size) return this._leave();
    if (this._asked) return;
    const asked = this._asked = {};
    if (this._isImplicit()) return this._confirmed({});
    const since = this._last;
    const cancel = deadline(clock, commandTimeoutMs, () => {
      if (this._asked === asked) client._lost(1006, 'no reply');
    });
    client._send(this, { type: this._words[0], ...(since ? { since } : { positions: true }), last: this._options.last }, (error, reply) => {
      cancel();
      if (this._asked !== asked) return;
      if (!error) return this._confirmed(reply);
      if (!this._started || !error.temporary) {
        this._asked = undefined;
        return this._end(error);
      }
      this._emit('error', /** @type {any} */ (error));
      clock.setTimeout(() => {
        if (this._asked !== asked) return;
        this._asked = undefined;
        client._mark(this);
      }, backoff(client._options, this._refusals++));
    });
  }

  /** @internal Takes it back on the server, and starts anew next time. */
  _leave() {
    if (this._asked && !this._isImplicit()) this._client._send(this, { type: this._words[1] }, () => {});
    this._asked = this._last = this.position = this._inbox = undefined;
    this._started = false;
    this._own.clear();
    this._gapAbort.abort();
    this.state = 'unsubscribed';
  }

  /**
   * @internal Ends it for all who hold it.
   * @param {WavecastError} [error]
   */
  _end(error) {
    const held = this._holds.size;
    this._holds.clear();
    this._leave();
    if (held) this._emit('unsubscribed', /** @type {any} */ (error));
  }

  /**
   * @internal
   * @param {any} reply
   */
  _confirmed({ offset, epoch, members, recovered, reason = 'no_history', replayed }) {
    const since = this._last, wasRecovering = this._started || !!since;
    this._started = true;
    this._refusals = 0;
    this.state = 'subscribed';
    if (!recovered) {
      this._own.clear();
      this._last = offset === undefined ? undefined : { offset: offset - (replayed ?? 0), epoch };
      if (!wasRecovering) this.position = this._last;
    }
    this._reply = { offset, epoch, members, recovered, reason: recovered === false ? reason : undefined, replayed, wasRecovering };
    this._emit('subscribed', /** @type {any} */ (this._reply));
    if (wasRecovering && !recovered) {
      const next = this._last;
      const known = since && next && next.epoch === since.epoch && next.offset > since.offset;
      this._take(this._gap(reason, {
        since,
        ...(known && { missed: next.offset - since.offset, from: since.offset + 1, to: next.offset }),
      }), next);
    }
    this._client._schedule();
  }

  /**
   * @internal The connection is gone, for now or for good.
   * @param {SubscriptionState} state
   * @param {WavecastError} [error]
   */
  _detach(state, error) {
    if (!this._holds.size || this.state === state) return;
    this.state = state;
    if (state === 'unsubscribed') this._emit('unsubscribed', /** @type {any} */ (error));
  }

  /**
   * @internal
   * @param {string} reason
   * @param {Partial<Gap>} fields
   * @returns {Gap}
   */
  _gap(reason, fields) {
    return { type: 'gap', [this._kind]: this.name, reason, ...fields };
  }

  /**
   * @internal
   * @param {number} offset
   */
  _advance(offset) {
    for (const own of this._own) if (own <= offset) this._own.delete(own);
    while (this._own.delete(offset + 1)) offset += 1;
    return this._last = { offset, epoch: /** @type {Position} */ (this._last).epoch };
  }

  /**
   * @internal A message of the server about this topic.
   * @param {any} message
   */
  _receive(message) {
    if (this.state !== 'subscribed') return;
    const last = this._last, { type, offset } = message;
    let position;
    if (type === 'gap') {
      const { missed, from, to } = message;
      if (last && to > last.offset) position = this._advance(to);
      message = this._gap('skipped', { missed, from, to, since: last });
    } else if (last && offset) {
      if (offset <= last.offset) return;
      const isOwn = this._own.has(offset), from = last.offset + 1, to = offset - 1;
      // The offsets that a room leaves out are the client's own messages.
      if (to >= from && this._kind === 'channel') this._take(this._gap('hole', { missed: offset - from, from, to, since: last }));
      position = this._advance(offset);
      if (isOwn) return;
    }
    this._take(message, position);
  }

  /**
   * @internal Delivers, or keeps for when `onGap` is done.
   * @param {any} message
   * @param {Position} [position]
   */
  _take(message, position) {
    const inbox = this._inbox;
    if (!inbox) return this._deliver(message, position);
    if (inbox.length >= (this._options.gapBuffer ?? 1024)) {
      let missed = 0;
      for (const [{ type, missed: more = NaN }] of inbox.splice(0)) missed += type === 'gap' ? more : Number(type === 'event' || type === 'message');
      inbox.push([this._gap('buffer_full', { missed: missed || undefined, since: this.position }), undefined]);
    }
    inbox.push([message, position]);
  }

  /**
   * @internal
   * @param {any} message
   * @param {Position} [position]
   */
  _deliver(message, position) {
    if (!this._holds.size) return;
    const { type } = message, { onGap } = this._options, { clock, gapTimeoutMs } = this._client._options;
    if (position) this.position = position;
    if (type === 'gap' && onGap) {
      /** @type {[any, Position | undefined][]} */
      const inbox = this._inbox = [];
      const abort = this._gapAbort = new AbortController();
      within(clock, gapTimeoutMs, abort.signal, (resolve, reject) => {
        (async () => onGap(message, { signal: abort.signal }))().then(resolve, reject);
      }).catch((error) => {
        if (this._inbox === inbox) this._emit('error', error);
      }).then(() => {
        abort.abort();
        if (this._inbox !== inbox) return;
        this._inbox = undefined;
        for (const [message, position] of inbox) this._take(message, position);
      });
    }
    this._emit(type === 'event' ? 'message' : type, message);
  }
}
