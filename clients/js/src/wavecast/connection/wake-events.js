const EVENTS = ['online', 'visibilitychange', 'pageshow', 'pagehide'];

/**
 * Reports when the page is put away, and when the page or the network is back. Returns a function that stops it.
 *
 * @param {Partial<Pick<EventTarget, 'addEventListener'>>} target Such as the global object; one without
 *   `addEventListener` reports nothing.
 * @param {() => unknown} onHide
 * @param {() => void} onWake
 */
export function watchWakeEvents(target, onHide, onWake) {
  const stop = new AbortController(), { signal } = stop;
  const listener = (/** @type {{ type: string }} */ { type }) => {
    if (type === 'pagehide') onHide();
    else if (!globalThis.document?.hidden) onWake();
  };
  for (const name of EVENTS) target.addEventListener?.(name, listener, { signal });
  return () => stop.abort();
}
