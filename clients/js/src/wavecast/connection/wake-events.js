const EVENTS = ['online', 'visibilitychange', 'pageshow', 'pagehide'];

/**
 * Reports when the page is put away, and when the page or the network is back. Returns a function that stops it.
 *
 * @param {object} target Such as the global object; one without `addEventListener` reports nothing.
 * @param {() => void} onHide
 * @param {() => void} onWake
 */
export function watchWakeEvents(target, onHide, onWake) {
  const listener = (/** @type {{ type: string }} */ { type }) => {
    if (type === 'pagehide') onHide();
    else if (!globalThis.document?.hidden) onWake();
  };
  const change = (/** @type {'addEventListener' | 'removeEventListener'} */ method) => {
    if (method in target) for (const name of EVENTS) /** @type {any} */ (target)[method](name, listener);
  };
  change('addEventListener');
  return () => change('removeEventListener');
}
