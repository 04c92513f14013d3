/** @import { Clock, Socket } from '../types.js' */

let users = 0;

/**
 * What a socket uses of its server.
 *
 * @typedef {object} SocketServer
 * @property {{ clock: Clock, latencyMs: number }} options
 * @property {boolean} isFrozen
 * @property {(socket: FakeSocket) => void} dialed
 * @property {(socket: FakeSocket, text: string) => void} receive
 * @property {(socket: FakeSocket) => void} forget
 */

/**
 * The client's end of a connection to a `FakeServer`.
 *
 * @implements {Socket}
 */
export class FakeSocket {
  /** @type {Socket['onopen']} */
  onopen = null;
  /** @type {Socket['onmessage']} */
  onmessage = null;
  /** @type {Socket['onclose']} */
  onclose = null;
  /** @type {Socket['onerror']} */
  onerror = null;
  isAuthenticated = false;
  #isClosed = false;
  #isCut = false;
  #server;

  /**
   * @param {SocketServer} server
   * @param {string} url
   */
  constructor(server, url) {
    this.#server = server;
    this.url = url;
    const user = new URL(url).searchParams.get('user');
    /** From `?user=` in the address, or else a name of its own. */
    this.user = user ?? `user-${++users}`;
    this.isAnonymous = user === null;
    /** @type {unknown} What its token says that others may see. */
    this.info = undefined;
    this.#later(() => server.dialed(this));
  }

  /** @param {() => void} act */
  #later(act) {
    const { clock, latencyMs } = this.#server.options;
    clock.setTimeout(() => {
      if (!this.#isClosed) act();
    }, latencyMs);
  }

  open() {
    this.#later(() => this.onopen?.({}));
  }

  /** @param {object} message */
  deliver(message) {
    const data = JSON.stringify(message);
    if (!this.#server.isFrozen) this.#later(() => this.#isCut || this.onmessage?.({ data }));
  }

  /** @param {string} text */
  send(text) {
    if (!this.#server.isFrozen) this.#later(() => this.#server.receive(this, text));
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  closeFromServer(code, reason) {
    this.#server.forget(this);
    this.#isCut = code === 1006;
    this.#later(() => {
      this.#isClosed = true;
      this.onclose?.({ code, reason });
    });
  }

  close() {
    this.#isClosed = true;
    this.#server.forget(this);
  }
}
