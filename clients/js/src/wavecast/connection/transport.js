/** @import { Clock, Options, Socket, SocketConstructor } from '../../types.js' */
import { deadline } from '../base/deadline.js';

/** How long a dropped socket may take to close before it is terminated. */
const CLOSE_TIMEOUT_MS = 1000;

/**
 * What a transport reports, until it is dropped.
 *
 * @typedef {object} TransportEvents
 * @property {() => void} onOpen
 * @property {(text: string) => void} onText
 * @property {(code: number, reason: string) => void} onLost It did not open, or it was open and is closed.
 */

/** One socket, from dialing to dropping it. */
export class Transport {
  /** @type {Socket} */
  #socket;
  /** @type {Clock} */
  #clock;
  #isOpen = false;
  #cancelTimeout;

  /**
   * Starts to dial. Throws what the socket's constructor throws.
   *
   * @param {SocketConstructor} SocketClass
   * @param {string} url
   * @param {Required<Options>} options
   * @param {TransportEvents} events
   */
  constructor(SocketClass, url, { clock, connectTimeoutMs }, { onOpen, onText, onLost }) {
    const socket = this.#socket = new SocketClass(url);
    this.#clock = clock;
    const cancel = this.#cancelTimeout = deadline(clock, connectTimeoutMs, () => onLost(1006, 'connect timeout'));
    // A connection that fails to open is only an `error` event in Node 22: no `close` follows.
    socket.onerror = () => this.#isOpen || onLost(1006, 'connect failed');
    socket.onopen = () => {
      this.#isOpen = true;
      cancel();
      onOpen();
    };
    socket.onmessage = ({ data }) => onText(String(data));
    socket.onclose = ({ code, reason }) => onLost(code, reason);
  }

  /** @param {string} text */
  send(text) {
    this.#socket.send(text);
  }

  /**
   * Closes the socket and stops listening to it, since some sockets never report that they are closed.
   *
   * @param {number} [code]
   */
  drop(code) {
    const socket = this.#socket;
    this.#cancelTimeout();
    socket.onopen = socket.onmessage = socket.onclose = null;
    // `ws` throws an error that has no listener.
    socket.onerror = () => {};
    try {
      socket.close(code);
    } catch { /* it is closed already */ }
    if (socket.terminate) this.#clock.setTimeout(() => socket.terminate?.(), CLOSE_TIMEOUT_MS);
  }
}
