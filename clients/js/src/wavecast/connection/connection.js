/** @import { Options, State, Status } from '../../types.js' */
import { backoff } from '../base/backoff.js';
import { WavecastError } from '../base/error.js';
import { isTerminal } from './close-codes.js';
import { Heartbeat } from './heartbeat.js';
import { Transport } from './transport.js';
import { watchWakeEvents } from './wake-events.js';

/** A retry after a wake is spread over this long. */
const WAKE_SPREAD_MS = 1000;

/**
 * What a connection reports. Between `onConnected` and `onLost` it can be written to.
 *
 * @typedef {object} ConnectionEvents
 * @property {(status: Status) => void} onStatus
 * @property {() => void} onConnecting It has no connection, and is trying to get one.
 * @property {() => void} onConnected
 * @property {() => void} onLost What was sent and not answered never will be.
 * @property {(error?: WavecastError) => void} onStopped It stays disconnected until `connect()`.
 * @property {(message: any) => void} onMessage
 * @property {(error: WavecastError) => void} onError
 */

/** The state machine of the connection: when to dial, when the link counts as dead, and when to reconnect. */
export class Connection {
  #options;
  #events;
  #heartbeat;
  /** Whether a subscription may connect. */
  #isLazy = true;
  /** @type {Transport | undefined} */
  #transport;
  #transportIndex = 0;
  /** @type {unknown} */
  #stableTimer;
  /** @type {unknown} */
  #retryTimer;
  #retryAt = 0;
  /** @type {unknown} */
  #offlineTimer;
  /** @type {number | undefined} Within how many milliseconds the server asked to reconnect. */
  #window;
  #isInWindow = false;
  #unwatch = () => {};

  /**
   * @param {string | URL} url
   * @param {Required<Options>} options
   * @param {ConnectionEvents} events
   */
  constructor(url, options, events) {
    const address = new URL(url, globalThis.location?.href);
    address.protocol = address.protocol.replace('http', 'ws');
    this.url = address.href;
    this.#options = options;
    this.#events = events;
    this.#heartbeat = new Heartbeat(options, () => this.write('{"type":"ping"}'), () => this.abandon('no pong'));
    /** @type {Status} */
    this.status = { state: 'disconnected', attempt: 0, since: options.clock.date(), everConnected: false, offline: false };
  }

  /** @returns {State} */
  get state() {
    return this.status.state;
  }

  /** Connects; cuts a wait for a retry short. */
  connect() {
    this.#isLazy = true;
    if (this.state === 'disconnected') {
      const target = this.#options.events ?? globalThis;
      this.#unwatch = watchWakeEvents(target, () => this.#hide(), () => this.#wake());
      this.#update({ state: 'connecting', attempt: 0, code: undefined, reason: undefined });
      this.#startOffline();
      this.#events.onConnecting();
      this.#dial();
    } else if (!this.#transport) this.#dial();
  }

  /** Connects for a subscription, unless the application has disconnected. */
  connectLazily() {
    if (this.#isLazy && this.state === 'disconnected') this.connect();
  }

  disconnect() {
    this.#isLazy = false;
    if (this.state !== 'disconnected') this.#stop(1000, 'disconnect');
  }

  /**
   * Drops a connection that does not work, and reconnects.
   *
   * @param {string} reason
   */
  abandon(reason) {
    this.#lost(1006, reason);
  }

  /** @param {string} text */
  write(text) {
    this.#options.onFrame?.('out', text);
    this.#transport?.send(text);
  }

  /** @param {Partial<Status>} change */
  #update(change) {
    const since = (change.state ?? this.state) === this.state ? this.status.since : this.#options.clock.date();
    this.status = { ...this.status, since, ...change };
    this.#events.onStatus(this.status);
  }

  #startOffline() {
    const { clock, offlineAfterMs } = this.#options;
    this.#offlineTimer ??= clock.setTimeout(() => this.#update({ offline: true }), offlineAfterMs);
  }

  #stopOffline() {
    this.#options.clock.clearTimeout(this.#offlineTimer);
    this.#offlineTimer = undefined;
  }

  #dial() {
    const { clock, transports } = this.#options;
    clock.clearTimeout(this.#retryTimer);
    this.#isInWindow = false;
    try {
      this.#transport = new Transport(transports[this.#transportIndex % transports.length], this.url, this.#options, {
        onOpen: () => this.#opened(),
        onText: (text) => this.#received(text),
        onLost: (code, reason) => this.#lost(code, reason),
      });
    } catch (error) {
      return this.abandon(String(error));
    }
    if (this.status.nextRetryAt) this.#update({ nextRetryAt: undefined });
  }

  #opened() {
    const { clock, stableMs } = this.#options;
    this.#stopOffline();
    this.#stableTimer = clock.setTimeout(() => this.#update({ attempt: 0 }), stableMs);
    this.#heartbeat.start();
    this.#update({ state: 'connected', everConnected: true, offline: false });
    this.#events.onConnected();
  }

  /** @param {string} text */
  #received(text) {
    this.#heartbeat.received();
    this.#options.onFrame?.('in', text);
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return this.#events.onError(new WavecastError('invalid_json'));
    }
    for (const message of [frame].flat()) {
      if (!message) continue;
      const { type, channel, event, data } = message;
      if (type === 'pong') this.#heartbeat.pong();
      if (type === 'event' && channel === '$system' && event === 'shutdown') this.#window = data.reconnect_within_ms;
      this.#events.onMessage(message);
    }
  }

  /** @param {number} [code] */
  #drop(code) {
    const transport = this.#transport;
    this.#transport = undefined;
    this.#options.clock.clearTimeout(this.#stableTimer);
    this.#heartbeat.stop();
    transport?.drop(code);
    this.#events.onLost();
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #lost(code, reason) {
    if (isTerminal(code)) return this.#stop(code, reason, new WavecastError('closed', `closed with ${code} ${reason}`));
    const { clock } = this.#options, { attempt, everConnected } = this.status, window = this.#window;
    this.#events.onConnecting();
    this.#drop();
    if (!everConnected && attempt % 2) this.#transportIndex += 1;
    this.#window = undefined;
    this.#isInWindow = window !== undefined;
    const delay = window === undefined ? backoff(this.#options, attempt) : clock.random() * window;
    this.#startOffline();
    this.#retryIn(delay, { state: 'connecting', code, reason, attempt: attempt + 1 });
  }

  /**
   * @param {number} delay
   * @param {Partial<Status>} [change]
   */
  #retryIn(delay, change) {
    const { clock } = this.#options;
    clock.clearTimeout(this.#retryTimer);
    this.#retryTimer = clock.setTimeout(() => this.#dial(), delay);
    this.#retryAt = clock.now() + delay;
    this.#update({ ...change, nextRetryAt: clock.date() + delay });
  }

  /**
   * @param {number} code
   * @param {string} reason
   * @param {WavecastError} [error]
   */
  #stop(code, reason, error) {
    this.#options.clock.clearTimeout(this.#retryTimer);
    this.#stopOffline();
    this.#window = undefined;
    this.#isLazy = false;
    this.#unwatch();
    this.#drop(1000);
    this.#update({ state: 'disconnected', code, reason, nextRetryAt: undefined, offline: true });
    this.#events.onStopped(error);
  }

  /** A page with an open socket is not kept in the back/forward cache. */
  #hide() {
    if (this.#transport) this.#lost(1001, 'page hidden');
  }

  #wake() {
    const { clock } = this.#options, delay = clock.random() * WAKE_SPREAD_MS;
    if (this.state === 'connected') this.#heartbeat.probe();
    else if (!this.#transport && !this.#isInWindow && clock.now() + delay < this.#retryAt) this.#retryIn(delay);
  }
}
