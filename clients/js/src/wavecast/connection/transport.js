/** @import { Options, Socket, SocketConstructor } from '../../types.js' */
import { deadline } from '../base/deadline.js';

/** How long a dropped socket may take to close before it is terminated. */
const CLOSE_TIMEOUT_MS = 1000;

/**
 * What a transport reports, until it is dropped.
 *
 * @typedef {object} TransportEvents
 * @property {() => void} onOpen
 * @property {(text: string) => void} onText
 * @property {(reason: string, code?: number) => void} onLost It did not open, or it was open and is closed.
 */

/** One socket, from dialing to dropping it. */
export class Transport {
  /** @type {Socket | undefined} */
  #socket;
  #options;
  #events;
  #isOpen = false;
  /** To be called when a message came that shows that it works. */
  works;

  /**
   * @param {Required<Options>} options
   * @param {TransportEvents} events
   */
  constructor(options, events) {
    this.#options = options;
    this.#events = events;
    // An open socket on which nothing ever arrives does not work: some proxies let only the handshake pass.
    this.works = deadline(options.clock, options.connectTimeoutMs, () =>
      events.onLost(this.#isOpen ? 'no message' : 'connect timeout'));
  }

  /**
   * Throws what the socket's constructor throws.
   *
   * @param {SocketConstructor} SocketClass
   * @param {string} url
   */
  dial(SocketClass, url) {
    const { onOpen, onText, onLost } = this.#events, socket = this.#socket = new SocketClass(url);
    // A connection that fails to open is only an `error` event in Node 22: no `close` follows.
    socket.onerror = ({ message }) => this.#isOpen || onLost(message || 'connect failed');
    socket.onopen = () => {
      this.#isOpen = true;
      onOpen();
    };
    socket.onmessage = ({ data }) => onText(String(data));
    socket.onclose = ({ code, reason }) => onLost(reason, code);
  }

  /** @param {string} text */
  send(text) {
    this.#socket?.send(text);
  }

  /**
   * Closes the socket and stops listening to it, since some sockets never report that they are closed.
   *
   * @param {number} [code]
   */
  drop(code) {
    const socket = this.#socket;
    this.works();
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // `ws` throws an error that has no listener.
    socket.onerror = () => {};
    try {
      socket.close(code);
    } catch { /* it is closed already */ }
    if (socket.terminate) {
      const { clock } = this.#options, timer = clock.setTimeout(() => socket.terminate?.(), CLOSE_TIMEOUT_MS);
      // A timer keeps a process alive.
      socket.onclose = () => clock.clearTimeout(timer);
    }
  }
}
