/** @import { CallOptions, ClientEvents, Options, Socket, State, Status, TopicOptions } from './types.js' */
import { Channel } from './wavecast/channel.js';
import { Emitter } from './wavecast/emitter.js';
import { WavecastError } from './wavecast/error.js';
import { Room } from './wavecast/room.js';
import { backoff, deadline, isTerminal, systemClock, within } from './wavecast/timing.js';
/** @import { Topic } from './wavecast/topic.js' */

export { Channel, Room, WavecastError };

/**
 * A command that waits, for a connection or for its reply.
 *
 * @typedef {{ command: object, topic: Topic<any, any>, sent: boolean, done: (error: WavecastError | null, reply?: any) => void }} Call
 */

/** @type {Partial<Options>} */
const DEFAULTS = {
  minDelayMs: 100,
  baseDelayMs: 500,
  maxDelayMs: 20_000,
  stableMs: 10_000,
  connectTimeoutMs: 10_000,
  commandTimeoutMs: 5000,
  pingIntervalMs: 25_000,
  probeTimeoutMs: 3000,
  offlineAfterMs: 5000,
  gapTimeoutMs: 30_000,
  maxPending: 1000,
  maxMessageBytes: 65_536,
  clock: systemClock,
};
/** Commands that the server takes in one frame. */
const BATCH_MAX = 1000;
/** How long a socket that cannot say goodbye is waited for. */
const CLOSE_TIMEOUT_MS = 1000;
/** A return after a wake is spread over so much. */
const WAKE_SPREAD_MS = 1000;
const WAKE_EVENTS = ['online', 'visibilitychange', 'pageshow', 'pagehide'];

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text).length;

/**
 * A connection to Wavecast that comes back by itself. It connects with the first subscription, or with `connect()`.
 *
 * @template {Record<string, any>} [Channels=Record<string, any>] The data of each channel.
 * @template {Record<string, any>} [Rooms=Record<string, any>] The content of each room.
 * @extends {Emitter<ClientEvents>}
 */
export class Wavecast extends Emitter {
  /** @internal @type {Required<Options>} */
  _options;
  /** @internal @type {Map<string, Topic<any, any>>} */
  _topics = new Map();
  /** @internal @type {Set<Topic<any, any>>} What changed since the last flush. */
  _marked = new Set();
  /** @internal @type {object[]} What the next flush sends first. */
  _commands = [];
  /** @internal @type {Map<number, Call>} */
  _calls = new Map();
  /** @internal */
  _lastId = 0;
  /** @internal How many of the calls somebody waits for. */
  _waiting = 0;
  /** @internal */
  _isScheduled = false;
  /** @internal Whether a subscription may connect. */
  _isLazy = true;
  /** @internal @type {Socket | undefined} */
  _socket;
  /** @internal */
  _transport = 0;
  /** @internal @type {(() => void)[]} Timers of this connection. */
  _timers = [];
  /** @internal @type {unknown} */
  _retryTimer;
  /** @internal @type {unknown} */
  _offlineTimer;
  /** @internal @type {(() => void) | undefined} A ping is out. */
  _cancelProbe;
  /** @internal */
  _heardAt = 0;
  /** @internal @type {number | undefined} The window the server gave for the return. */
  _window;
  /** @internal */
  _isInWindow = false;
  /** @internal */
  _onWake = (/** @type {{ type: string }} */ { type }) => this._wake(type);

  /**
   * @param {string | URL} url Such as `wss://rt.example.com/ws`, or `/ws` in a page.
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    super();
    const { WebSocket = globalThis.WebSocket, transports = [WebSocket] } = options;
    if (!transports[0]) throw new WavecastError('no_websocket', 'there is no global WebSocket; pass one in the options');
    this._options = /** @type {Required<Options>} */ ({ ...DEFAULTS, ...options, transports });
    const address = new URL(url, globalThis.location?.href);
    address.protocol = address.protocol.replace('http', 'ws');
    this.url = address.href;
    /** @type {Status} */
    this.status = { state: 'disconnected', attempt: 0, since: this._options.clock.now(), everConnected: false, offline: false };
  }

  /** @returns {State} */
  get state() {
    return this.status.state;
  }

  /**
   * The channel of this name: always the same object. It is subscribed as long as somebody holds it.
   *
   * @template {(keyof Channels & string) | `$${string}`} Name
   * @param {Name} name
   * @param {TopicOptions} [options] Added to those it has.
   * @returns {Channel<Name extends keyof Channels ? Channels[Name] : any>}
   */
  channel(name, options) {
    return this._topic(Channel, 'channel', name, options);
  }

  /**
   * The room of this name: always the same object. This client is a member as long as somebody holds it.
   *
   * @template {keyof Rooms & string} Name
   * @param {Name} name
   * @param {TopicOptions} [options] Added to those it has.
   * @returns {Room<Rooms[Name]>}
   */
  room(name, options) {
    return this._topic(Room, 'room', name, options);
  }

  /** Connects; while it waits for a retry, at once. */
  connect() {
    this._isLazy = true;
    if (this.state === 'disconnected') {
      for (const name of WAKE_EVENTS) this._events()?.addEventListener(name, this._onWake);
      this._update({ state: 'connecting', attempt: 0, code: undefined, reason: undefined });
      this._startOffline();
      for (const topic of this._topics.values()) topic._detach('subscribing');
      this._dial();
    } else if (!this._socket) this._dial();
  }

  /** Closes the connection and stays away until `connect()`. What is subscribed is so again then, with its position. */
  disconnect() {
    this._isLazy = false;
    if (this.state !== 'disconnected') this._stop(1000, 'disconnect');
  }

  /** @internal */
  _events() {
    const events = this._options.events ?? globalThis;
    return 'addEventListener' in events ? events : undefined;
  }

  /**
   * @internal
   * @param {any} Kind
   * @param {'channel' | 'room'} kind
   * @param {string} name
   * @param {TopicOptions} [options]
   */
  _topic(Kind, kind, name, options) {
    const key = kind + ' ' + name;
    const topic = this._topics.get(key) ?? new Kind(this, name, {});
    this._topics.set(key, topic);
    Object.assign(topic._options, options);
    if (options?.since && topic.state === 'unsubscribed') topic._last = topic.position = options.since;
    return topic;
  }

  /** @internal */
  _lazily() {
    if (this._isLazy && this.state === 'disconnected') this.connect();
  }

  /**
   * @internal
   * @param {Partial<Status>} change
   */
  _update(change) {
    const since = (change.state ?? this.state) === this.state ? this.status.since : this._options.clock.now();
    this.status = { ...this.status, since, ...change };
    this._emit('status', this.status);
  }

  /** @internal */
  _startOffline() {
    const { clock, offlineAfterMs } = this._options;
    this._offlineTimer ??= clock.setTimeout(() => this._update({ offline: true }), offlineAfterMs);
  }

  // ---- Connecting, losing, coming back.

  /** @internal */
  _dial() {
    const { clock, transports, connectTimeoutMs } = this._options;
    clock.clearTimeout(this._retryTimer);
    this._isInWindow = false;
    let socket;
    try {
      socket = this._socket = new transports[this._transport % transports.length](this.url);
    } catch (error) {
      return this._lost(1006, String(error));
    }
    this._timers = [deadline(clock, connectTimeoutMs, () => this._lost(1006, 'connect timeout'))];
    socket.onerror = () => {};
    socket.onopen = () => this._opened();
    socket.onmessage = ({ data }) => this._heard(String(data));
    socket.onclose = ({ code, reason }) => this._lost(code, reason);
    if (this.status.nextRetryAt) this._update({ nextRetryAt: undefined });
  }

  /** @internal */
  _opened() {
    const { clock, stableMs, pingIntervalMs } = this._options;
    this._clear();
    clock.clearTimeout(this._offlineTimer);
    this._offlineTimer = undefined;
    this._heardAt = clock.now();
    const stable = clock.setTimeout(() => this._update({ attempt: 0 }), stableMs);
    /** @type {unknown} */
    let idle;
    const watch = () => {
      const left = this._heardAt + pingIntervalMs - clock.now();
      if (left <= 0) this._probe();
      idle = clock.setTimeout(watch, left > 0 ? left : pingIntervalMs);
    };
    if (pingIntervalMs) idle = clock.setTimeout(watch, pingIntervalMs);
    this._timers = [() => clock.clearTimeout(stable), () => clock.clearTimeout(idle)];
    this._update({ state: 'connected', everConnected: true, offline: false });
    for (const topic of this._topics.values()) this._mark(topic);
  }

  /** @internal */
  _clear() {
    for (const cancel of this._timers) cancel();
    this._timers = [];
    this._cancelProbe?.();
    this._cancelProbe = undefined;
  }

  /**
   * @internal The socket is left to itself: some never say that they are closed.
   * @param {number} [code]
   */
  _drop(code) {
    const socket = this._socket;
    this._socket = undefined;
    this._clear();
    this._commands = [];
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      try {
        socket.close(code);
      } catch { /* it is gone already */ }
      if (socket.terminate) this._options.clock.setTimeout(() => socket.terminate?.(), CLOSE_TIMEOUT_MS);
    }
    for (const topic of this._topics.values()) topic._asked = undefined;
    this._fail((call) => call.sent, new WavecastError('connection_lost'));
  }

  /**
   * @internal
   * @param {number} code
   * @param {string} reason
   */
  _lost(code, reason) {
    if (isTerminal(code)) return this._stop(code, reason, new WavecastError('closed', `closed with ${code} ${reason}`));
    const { clock } = this._options, { attempt, everConnected } = this.status, window = this._window;
    for (const topic of this._topics.values()) topic._detach('subscribing');
    this._drop();
    if (!everConnected && attempt % 2) this._transport += 1;
    this._window = undefined;
    this._isInWindow = window !== undefined;
    const delay = window === undefined ? backoff(this._options, attempt) : clock.random() * window;
    this._startOffline();
    this._retryIn(delay, { state: 'connecting', code, reason, attempt: attempt + 1 });
  }

  /**
   * @internal
   * @param {number} delay
   * @param {Partial<Status>} [change]
   */
  _retryIn(delay, change) {
    const { clock } = this._options;
    clock.clearTimeout(this._retryTimer);
    this._retryTimer = clock.setTimeout(() => this._dial(), delay);
    this._update({ ...change, nextRetryAt: clock.now() + delay });
  }

  /**
   * @internal
   * @param {number} code
   * @param {string} reason
   * @param {WavecastError} [error]
   */
  _stop(code, reason, error) {
    const { clock } = this._options;
    clock.clearTimeout(this._retryTimer);
    clock.clearTimeout(this._offlineTimer);
    this._offlineTimer = this._window = undefined;
    this._isLazy = false;
    for (const name of WAKE_EVENTS) this._events()?.removeEventListener(name, this._onWake);
    this._drop(1000);
    this._fail(() => true, error ?? new WavecastError('closed'));
    this._update({ state: 'disconnected', code, reason, nextRetryAt: undefined, offline: true });
    for (const topic of this._topics.values()) {
      // A listener may have connected again.
      if (this.state === 'disconnected') topic._detach('unsubscribed', error);
    }
  }

  /**
   * @internal The page is back, or the network.
   * @param {string} type
   */
  _wake(type) {
    const { clock } = this._options;
    if (type === 'pagehide') {
      // A page with an open socket cannot be kept for a return to it.
      if (this._socket) this._lost(1001, 'page hidden');
    } else if (!globalThis.document?.hidden) {
      const delay = clock.random() * WAKE_SPREAD_MS;
      if (this.state === 'connected') this._probe();
      else if (!this._socket && !this._isInWindow && clock.now() + delay < (this.status.nextRetryAt ?? 0)) this._retryIn(delay);
    }
  }

  /** @internal A link that died without a word looks open; a ping with a deadline tells. */
  _probe() {
    if (this._cancelProbe) return;
    this._write(['{"type":"ping"}']);
    this._armProbe();
  }

  /** @internal */
  _armProbe() {
    this._cancelProbe?.();
    this._cancelProbe = deadline(this._options.clock, this._options.probeTimeoutMs, () => this._lost(1006, 'no pong'));
  }

  // ---- Sending.

  /**
   * @internal
   * @param {Topic<any, any>} topic
   */
  _mark(topic) {
    this._marked.add(topic);
    this._schedule();
  }

  /** @internal What is said in one go leaves in one frame. */
  _schedule() {
    if (this._isScheduled) return;
    this._isScheduled = true;
    queueMicrotask(() => {
      this._isScheduled = false;
      this._flush();
    });
  }

  /** @internal */
  _flush() {
    const isConnected = this.state === 'connected';
    for (const topic of this._marked) {
      this._marked.delete(topic);
      if (isConnected || !topic._holds.size) topic._sync();
    }
    if (!isConnected) return;
    const commands = this._commands;
    this._commands = [];
    for (const call of this._calls.values()) {
      if (call.sent || !call.topic._isOpen()) continue;
      call.sent = true;
      commands.push(call.command);
    }
    /** @type {string[]} */
    let batch = [];
    let size = 1;
    for (const command of commands) {
      const text = JSON.stringify(command), more = bytes(text) + 1;
      if (batch.length === BATCH_MAX || (batch.length && size + more > this._options.maxMessageBytes)) {
        this._write(batch);
        batch = [];
        size = 1;
      }
      batch.push(text);
      size += more;
    }
    if (batch.length) this._write(batch);
  }

  /**
   * @internal
   * @param {string[]} batch
   */
  _write(batch) {
    const text = batch.length > 1 ? `[${batch.join(',')}]` : batch[0];
    this._options.onFrame?.('out', text);
    this._socket?.send(text);
  }

  /**
   * @internal
   * @param {Topic<any, any>} topic
   * @param {object} command
   * @param {Call['done']} done
   * @param {boolean} [sent]
   */
  _register(topic, command, done, sent = false) {
    const id = ++this._lastId;
    const call = { command: { ...command, [topic._kind]: topic.name, id }, topic, done, sent };
    this._calls.set(id, call);
    return call;
  }

  /**
   * @internal Sends with the next flush, on this connection or not at all.
   * @param {Topic<any, any>} topic
   * @param {object} command
   * @param {Call['done']} done
   */
  _send(topic, command, done) {
    this._commands.push(this._register(topic, command, done, true).command);
    this._schedule();
  }

  /**
   * @internal Waits for a connection, for the topic, and for the reply.
   * @param {Topic<any, any>} topic
   * @param {object} command
   * @param {CallOptions} options
   * @returns {Promise<any>}
   */
  _call(topic, command, { signal, timeoutMs = this._options.commandTimeoutMs }) {
    const { clock, maxPending, maxMessageBytes } = this._options;
    return within(clock, timeoutMs, signal, (resolve, reject) => {
      this._lazily();
      if (this.state === 'disconnected') return reject(new WavecastError('closed'));
      if (this._waiting >= maxPending) return reject(new WavecastError('queue_full'));
      this._waiting += 1;
      const call = this._register(topic, command, (error, reply) => error ? reject(error) : resolve(reply));
      if (bytes(JSON.stringify(call.command)) > maxMessageBytes) call.done(new WavecastError('message_too_large'));
      this._schedule();
      return () => {
        this._waiting -= 1;
        this._fail((other) => other === call);
      };
    });
  }

  /**
   * @internal
   * @param {(call: Call) => boolean} which
   * @param {WavecastError} [error] Tells the caller, where it does not know already.
   */
  _fail(which, error) {
    for (const [id, call] of this._calls) {
      if (which(call) && this._calls.delete(id) && error) call.done(error);
    }
  }

  // ---- Receiving.

  /**
   * @internal
   * @param {string} text
   */
  _heard(text) {
    this._heardAt = this._options.clock.now();
    // What arrives shows that the link lives, and may stand before the pong.
    if (this._cancelProbe) this._armProbe();
    this._options.onFrame?.('in', text);
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return this._emit('error', new WavecastError('invalid_json'));
    }
    const socket = this._socket;
    for (const message of [frame].flat()) {
      // A listener may have disconnected.
      if (message && this._socket === socket) this._dispatch(message);
    }
  }

  /**
   * @internal
   * @param {any} message
   */
  _dispatch(message) {
    const { type, id, channel, room, code, data } = message;
    const error = type === 'error' ? new WavecastError(code, message.message) : null;
    const call = this._calls.get(id);
    if (type === 'pong') {
      this._cancelProbe?.();
      this._cancelProbe = undefined;
    }
    if (/^(event|message|gap|sent|user_joined|user_left)$/.test(type)) {
      if (channel === '$system' && message.event === 'shutdown') this._window = data.reconnect_within_ms;
      this._topics.get(room === undefined ? 'channel ' + channel : 'room ' + room)?._receive(message);
    }
    if (call) {
      this._calls.delete(id);
      call.done(error, message);
    } else if (error) this._emit('error', error);
  }
}
