/** @import { Socket, SocketConstructor } from '../types.js' */

/** How long a WebSocket may take until its first message. */
const TRIAL_MS = 5000;

/**
 * Tries from time to time whether WebSockets work by now. One works when a message came through it, because some proxies
 * let only the handshake pass. Returns a function that stops it.
 *
 * @param {SocketConstructor | undefined} SocketClass
 * @param {string} url
 * @param {number} ms About how often: half to one and a half times this, so that clients do not return all at once. 0: never.
 * @param {() => void} onWorks
 */
export function tryWebSockets(SocketClass, url, ms, onWorks) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Socket | undefined} */
  let socket;
  const stop = () => {
    clearTimeout(timer);
    if (socket) socket.onopen = socket.onmessage = null;
    socket?.close();
    socket = undefined;
  };
  const wait = () => {
    stop();
    if (SocketClass && ms) timer = setTimeout(() => dial(SocketClass), ms * (0.5 + Math.random()));
  };
  const dial = (/** @type {SocketConstructor} */ SocketClass) => {
    timer = setTimeout(wait, Math.min(TRIAL_MS, ms));
    try {
      const trial = socket = new SocketClass(url);
      // `ws` throws an error that has no listener.
      trial.onerror = () => {};
      trial.onopen = () => trial.send('{"type":"ping"}');
      trial.onmessage = onWorks;
    } catch { /* the page is not allowed to have one */ }
  };
  wait();
  return stop;
}
