/** @import { Options, Socket, SocketConstructor } from '../../types.js' */
import { deadline } from '../base/deadline.js';

/** How long a dropped socket may take to close before it is terminated. */
const CLOSE_TIMEOUT_MS = 1000;

/**
 * What a transport reports, until it is dropped.
 *
 * @typedef {object} TransportEvents
 * @property {() => void} opened
 * @property {(text: string) => void} message
 * @property {(reason: string, code?: number) => void} closed It did not open, or it was open and is closed.
 */

/**
 * One socket, from dialing to dropping it.
 *
 * @param {Required<Options>} options
 * @param {TransportEvents} events
 */
export function transport({ clock, connectTimeoutMs }, { opened, message, closed }) {
  /** @type {Socket | undefined} */
  let socket;
  let isOpen = false;
  // An open socket on which nothing ever arrives does not work: some proxies let only the handshake pass.
  const connected = deadline(clock, connectTimeoutMs, () => closed(isOpen ? 'no message' : 'connect timeout'));
  return {
    /** To be called when a message came that shows that it works. */
    connected,
    /**
     * Throws what the socket's constructor throws.
     *
     * @param {SocketConstructor} SocketClass
     * @param {string} url
     */
    connect(SocketClass, url) {
      socket = new SocketClass(url);
      // A connection that fails to open is only an `error` event in Node 22: no `close` follows.
      socket.onerror = (error) => isOpen || closed(error.message || 'connect failed');
      socket.onopen = () => {
        isOpen = true;
        opened();
      };
      socket.onmessage = ({ data }) => message(String(data));
      socket.onclose = ({ code, reason }) => closed(reason, code);
    },
    /** @param {string} text */
    send(text) {
      socket?.send(text);
    },
    /**
     * Closes the socket and stops listening to it, since some sockets never report that they are closed.
     */
    stop() {
      connected();
      if (!socket) return;
      socket.onopen = socket.onmessage = socket.onclose = null;
      // `ws` throws an error that has no listener.
      socket.onerror = () => {};
      try {
        socket.close(1000);
      } catch { /* it is closed already */ }
      if (socket.terminate) {
        const timer = clock.setTimeout(() => socket?.terminate?.(), CLOSE_TIMEOUT_MS);
        // A timer keeps a process alive.
        socket.onclose = () => clock.clearTimeout(timer);
      }
    },
  };
}
