const EVENTS = ['online', 'offline', 'visibilitychange', 'pageshow', 'pagehide'];

/**
 * Reports when the page is put away, and when the page is back or the network may have changed. Returns a function that
 * stops it.
 *
 * @param {Partial<Pick<EventTarget, 'addEventListener'>>} target Such as the global object; one without
 *   `addEventListener` reports nothing.
 * @param {() => unknown} onHide
 * @param {(isOffline: boolean) => void} onWake With whether the browser believes that there is no network now.
 */
export function watchWakeEvents(target, onHide, onWake) {
  const stop = new AbortController();
  const listener = (/** @type {{ type: string }} */ { type }) => {
    if (type === 'pagehide') onHide();
    // A page in the background has a connection to look after, too.
    else if (type !== 'visibilitychange' || !globalThis.document?.hidden) onWake(type === 'offline');
  };
  for (const name of EVENTS) target.addEventListener?.(name, listener, stop);
  return () => stop.abort();
}
