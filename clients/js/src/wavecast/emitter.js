/**
 * Named events with typed values.
 *
 * @template {object} Events
 */
export class Emitter {
  /** @internal @type {Map<keyof Events, Set<{ fn: (value: any) => void }>>} */
  _listeners = new Map();

  /**
   * Listens; the function that comes back stops it, as does the signal.
   *
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(value: Events[Name]) => void} fn
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {() => void}
   */
  on(name, fn, { signal } = {}) {
    if (signal?.aborted) return () => {};
    // The same function twice is two listeners.
    const entry = { fn };
    const entries = this._listeners.get(name) ?? new Set();
    this._listeners.set(name, entries.add(entry));
    const off = () => {
      entries.delete(entry);
      signal?.removeEventListener('abort', off);
    };
    signal?.addEventListener('abort', off);
    return off;
  }

  /**
   * @internal
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {Events[Name]} value
   */
  _emit(name, value) {
    for (const { fn } of [...this._listeners.get(name) ?? []]) {
      try {
        fn(value);
      } catch (error) {
        // A listener's fault is its own, and is not hidden.
        queueMicrotask(() => { throw error; });
      }
    }
  }
}
