/** @import { Options, State, Status, Url } from '../../types.js' */
import { backoff } from '../base/backoff.js';
import { WavecastError } from '../base/error.js';
import { resolve } from './address.js';
import { AUTH, authentication } from './authentication.js';
import { isTerminal } from './close-codes.js';
import { heartbeat } from './heartbeat.js';
import { transport } from './transport.js';
import { watchWakeEvents } from './wake-events.js';

/** A retry after a wake is spread over this long. */
const WAKE_SPREAD_MS = 1000;

/**
 * What a connection reports. Between `opened` and `closed` it can be written to.
 *
 * @typedef {object} ConnectionEvents
 * @property {(status: Status) => void} status
 * @property {() => void} opened
 * @property {(error?: WavecastError) => void} closed What was sent and not answered never will be. It is trying to
 *   connect, or stays disconnected until `connect()`, because of the error if there is one.
 * @property {(message: any) => void} message
 * @property {(error: unknown) => void} error A token could not be refreshed.
 */

/** The state machine of the connection: when to dial, when the link counts as dead, and when to reconnect. */
export class Connection {
  /** Whether it can be written to: it is open and, if there are tokens, authenticated. It counts as connected when the first message came. */
  isOpen = false;
  #url;
  #options;
  #events;
  #heartbeat;
  #authentication;
  /** Whether a subscription may connect. */
  #isLazy = true;
  /** @type {ReturnType<typeof transport> | undefined} */
  #transport;
  #transportIndex = 0;
  /** Attempts in a row that failed since the first transport worked. One that never worked gets one attempt fewer. */
  #failures = 1;
  #address = '';
  /** @type {unknown} */
  #stableTimer;
  /** @type {unknown} */
  #retryTimer;
  #retryAt = 0;
  /** @type {unknown} */
  #offlineTimer;
  /** @type {number | undefined} Within how many milliseconds the server asked to reconnect. */
  #window;
  #unwatch = () => {};

  /**
   * @param {Url} url
   * @param {Required<Options>} options
   * @param {ConnectionEvents} events
   */
  constructor(url, options, events) {
    this.#url = url;
    this.#options = options;
    this.#events = events;
    this.#heartbeat = heartbeat(options, () => this.write('{"type":"ping"}'), () => this.abandon('no pong'));
    this.#authentication = authentication(options, (command) => this.write(command), events.error);
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
      this.#unwatch = watchWakeEvents(this.#options.events ?? globalThis, (type) => this.#wake(type));
      this.#update({ state: 'connecting', attempt: 0, code: undefined, reason: undefined });
      this.#events.closed();
    }
    if (this.state === 'connecting' && !this.#transport) this.#dial();
  }

  /** Connects for a subscription, unless the application has disconnected. */
  begin() {
    if (this.#isLazy && this.state === 'disconnected') this.connect();
  }

  disconnect() {
    this.#isLazy = false;
    if (this.state !== 'disconnected') this.#stop('disconnect', 1000);
  }

  /** Pings, unless a ping is unanswered already. */
  probe() {
    this.#heartbeat.probe();
  }

  /** @param {string} text */
  write(text) {
    // A token is a secret.
    this.#frame('out', text.replace(/("token":")[^"]+/g, '$1***'));
    this.#transport?.send(text);
  }

  /**
   * An error that says the address and why there is no connection.
   *
   * @param {string} code
   */
  error(code) {
    const { state, code: closed, reason } = this.status;
    const words = [code, this.#address, ...state === 'connected' ? [] : [closed, reason, /450[01]/.test(`${closed}`) && '(check getToken)']];
    return new WavecastError(code, words.filter(Boolean).join(' '));
  }

  /** @param {Partial<Status>} change */
  #update(change) {
    const before = this.status;
    /** @type {{ -readonly [Name in keyof Status]: Status[Name] }} */
    const status = this.status = { ...before, ...change };
    if (status.state !== before.state) status.since = this.#options.clock.date();
    if (this.state === 'connecting') this.#offlineTimer ??= this.#options.clock.setTimeout(() => this.#update({ offline: true }), this.#options.offlineAfterMs);
    else this.#offlineTimer = void this.#options.clock.clearTimeout(this.#offlineTimer);
    this.#log('state', status);
    this.#events.status(status);
  }

  /**
   * @param {'in' | 'out'} direction
   * @param {string} text
   */
  #frame(direction, text) {
    this.#log(direction, text);
    this.#options.onFrame?.(direction, text);
  }

  /**
   * @param {string} what
   * @param {unknown} value
   */
  #log(what, value) {
    if (this.#options.debug) console.debug(`wavecast ${what}\t`, value);
  }

  async #dial() {
    const { transports, getToken } = this.#options, url = this.#url;
    /** @type {string | undefined} */
    let auth;
    this.#options.clock.clearTimeout(this.#retryTimer);
    const mine = this.#transport = transport(this.#options, {
      opened: () => auth ? this.write(auth) : this.#open(),
      message: (text) => this.#received(text),
      closed: (reason, code) => this.abandon(reason, code),
    });
    if (this.status.nextRetryAt) this.#update({ nextRetryAt: undefined });
    try {
      if (/** @type {unknown} */ (getToken)) auth = await this.#authentication.ask();
      const { href } = resolve(typeof url === 'function' ? await url() : url);
      if (mine !== this.#transport) return;
      // The query may hold a secret.
      this.#address = href.split('?')[0];
      const SocketClass = transports[this.#transportIndex];
      if (!SocketClass) throw new WavecastError('no_websocket');
      mine.connect(SocketClass, href);
    } catch (/** @type {any} */ error) {
      // The caller that connected gets to listen first.
      await null;
      if (mine !== this.#transport) return;
      if (error?.temporary === false) this.#stop(error.message, 1006, error);
      else this.abandon(String(error));
    }
  }

  #open() {
    this.isOpen = true;
    this.#events.opened();
  }

  /** @param {string} text */
  #received(text) {
    this.#heartbeat.receive();
    this.#frame('in', text);
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      // It answers no command: none has this id.
      frame = { type: 'error', code: 'invalid_json', id: 0 };
    }
    for (const message of [frame].flat().filter(Boolean)) {
      const { type, id, channel, event, data } = message;
      if (id === AUTH) {
        if (type !== 'error') this.#authentication.start(message.expires_in);
        else if (this.isOpen) this.#authentication.retry();
        // A server that is open to anyone keeps the connection, without the rights of the user.
        else return new WavecastError(message.code).temporary || this.abandon(message.message, 4501);
        if (!this.isOpen) this.#open();
      }
      if (this.isOpen && this.state !== 'connected') this.#connected();
      if (type === 'pong') this.#heartbeat.pong();
      if (channel === '$system') {
        if (event === 'shutdown') this.#window = data.reconnect_within_ms;
        if (event === 'token_expiring') this.#authentication.refresh(data.expires_in);
      }
      this.#events.message(message);
    }
  }

  #connected() {
    if (!this.#transportIndex) this.#failures = 0;
    this.#transport?.connected();
    this.#stableTimer = this.#options.clock.setTimeout(() => this.#update({ attempt: 0 }), this.#options.stableMs);
    this.#heartbeat.start();
    this.#update({ state: 'connected', everConnected: true, offline: false });
  }

  /**
   * @param {number} code Why, if the server has said it.
   */
  #drop(code) {
    this.#authentication.stop(code);
    this.#transport?.stop();
    this.#transport = this.#window = undefined;
    this.#transportIndex = 0;
    this.isOpen = false;
    this.#options.clock.clearTimeout(this.#stableTimer);
    this.#options.clock.clearTimeout(this.#retryTimer);
    this.#heartbeat.stop();
  }

  /**
   * The connection is lost, or does not work. Reconnects, unless the code says otherwise.
   *
   * @param {string} reason
   * @param {number} [code]
   */
  abandon(reason, code = 1006) {
    if (isTerminal(code)) return this.#stop(reason, code);
    const { attempt } = this.status, window = this.#window;
    // A close code came through, so the transport works.
    const isBlocked = this.state === 'connecting' && code === 1006 && ++this.#failures > 2;
    const next = isBlocked ? (this.#transportIndex + 1) % this.#options.transports.length : 0;
    this.#drop(code);
    this.#transportIndex = next;
    // The next transport is tried at once: while the server is down, each attempt fails with all of them, and when it is
    // back, the first one is the first to succeed.
    const delay = next ? 0 : window === undefined ? backoff(this.#options, attempt) : this.#options.clock.random() * window;
    this.#retryIn(delay, { state: 'connecting', code, reason, attempt: attempt + 1 }, window !== undefined);
    this.#events.closed();
  }

  /**
   * @param {number} delay
   * @param {Partial<Status>} [change]
   * @param {boolean} [isFixed] A wake does not bring it forward.
   */
  #retryIn(delay, change, isFixed) {
    this.#options.clock.clearTimeout(this.#retryTimer);
    this.#retryTimer = this.#options.clock.setTimeout(() => this.#dial(), delay);
    this.#retryAt = isFixed ? 0 : this.#options.clock.now() + delay;
    this.#update({ ...change, nextRetryAt: this.#options.clock.date() + delay });
  }

  /**
   * @param {number} code
   * @param {string} reason
   * @param {WavecastError} [error]
   */
  #stop(reason, code, error) {
    this.#isLazy = false;
    this.#unwatch();
    this.#drop(code);
    this.#update({ state: 'disconnected', code, reason, nextRetryAt: undefined, offline: true });
    this.#events.closed(code > 1000 ? error ?? this.error('closed') : undefined);
  }

  /**
   * What a browser says about the network is often wrong, so an open connection is only asked for a sign of life.
   *
   * @param {string} type Of the event.
   */
  #wake(type) {
    const delay = this.#options.clock.random() * WAKE_SPREAD_MS;
    // A page with an open socket is not kept in the back/forward cache.
    if (type === 'pagehide') this.#transport && this.abandon('page hidden', 1001);
    else if (this.state === 'connected') this.probe();
    else if (type !== 'offline' && !this.#transport && this.#options.clock.now() + delay < this.#retryAt) this.#retryIn(delay);
  }
}
