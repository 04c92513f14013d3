/** @import { ClientEvents, Options, Socket, State, Status } from '../types.js' */
import { Emitter } from './emitter.js';
import { WavecastError } from './error.js';
import { backoff, deadline, isTerminal, systemClock } from './timing.js';

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
/** How long a socket that cannot say goodbye is waited for. */
const CLOSE_TIMEOUT_MS = 1000;
/** A return after a wake is spread over so much. */
const WAKE_SPREAD_MS = 1000;
const WAKE_EVENTS = ['online', 'visibilitychange', 'pageshow', 'pagehide'];

/**
 * The machine of the connection: when it is tried, when it counts as dead, and when to come back.
 *
 * @extends {Emitter<ClientEvents>}
 */
export class Connection extends Emitter {
  /** @internal @type {Required<Options>} */
  _options;
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

  /** Connects; while it waits for a retry, at once. */
  connect() {
    this._isLazy = true;
    if (this.state === 'disconnected') {
      for (const name of WAKE_EVENTS) this._events()?.addEventListener(name, this._onWake);
      this._update({ state: 'connecting', attempt: 0, code: undefined, reason: undefined });
      this._startOffline();
      this._onAway();
      this._dial();
    } else if (!this._socket) this._dial();
  }

  /** Closes the connection and stays away until `connect()`. What is subscribed is so again then, with its position. */
  disconnect() {
    this._isLazy = false;
    if (this.state !== 'disconnected') this._stop(1000, 'disconnect');
  }

  // ---- What the client adds.

  /** @internal The connection is there. */
  _onOpen() {}

  /** @internal The connection is gone; what was sent on it and not answered stays so. */
  _onDrop() {}

  /** @internal It will be there again. */
  _onAway() {}

  /**
   * @internal It will not, until `connect()`.
   * @param {WavecastError} [_error]
   */
  _onStop(_error) {}

  /**
   * @internal
   * @param {any} _message
   */
  _dispatch(_message) {}

  // ---- Within.

  /** @internal */
  _events() {
    const events = this._options.events ?? globalThis;
    return 'addEventListener' in events ? events : undefined;
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
    // Node 22 says nothing else of a connection that never came to be.
    socket.onerror = () => this.state === 'connected' || this._lost(1006, 'connect failed');
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
    this._onOpen();
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
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      // `ws` throws an error that nobody hears.
      socket.onerror = () => {};
      try {
        socket.close(code);
      } catch { /* it is gone already */ }
      if (socket.terminate) this._options.clock.setTimeout(() => socket.terminate?.(), CLOSE_TIMEOUT_MS);
    }
    this._onDrop();
  }

  /**
   * @internal
   * @param {number} code
   * @param {string} reason
   */
  _lost(code, reason) {
    if (isTerminal(code)) return this._stop(code, reason, new WavecastError('closed', `closed with ${code} ${reason}`));
    const { clock } = this._options, { attempt, everConnected } = this.status, window = this._window;
    this._onAway();
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
    this._update({ state: 'disconnected', code, reason, nextRetryAt: undefined, offline: true });
    this._onStop(error);
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
    for (const message of [frame].flat()) if (message) this._dispatch(message);
  }
}
