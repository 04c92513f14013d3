const EVENTS = ['online', 'offline', 'visibilitychange', 'pageshow', 'pagehide'];

/**
 * Reports when the page is put away, and when the page is back or the network may have changed. Returns a function that
 * stops it.
 *
 * @param {Partial<Pick<EventTarget, 'addEventListener'>>} target Such as the global object; one without
 *   `addEventListener` reports nothing.
 * @param {(type: string) => void} report
 */
export function watchWakeEvents(target, report) {
  const stop = new AbortController();
  const listener = (/** @type {{ type: string }} */ { type }) => {
    // A page in the background has a connection to look after, too.
    if (type !== 'visibilitychange' || !globalThis.document?.hidden) report(type);
  };
  for (const name of EVENTS) target.addEventListener?.(name, listener, stop);
  return () => stop.abort();
}
