/**
 * Named events with typed values.
 *
 * @template {object} Events
 */
export class Emitter {
  /** @type {Set<{ name: keyof Events, fn: (value: any) => void }>} */
  #listeners = new Set();

  /**
   * Adds a listener. The returned function removes it, and so does the signal.
   *
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(value: Events[Name]) => void} fn
   * @param {{ signal?: AbortSignal }} [options]
   * @param {(entry: object) => unknown} [added]
   * @param {(entry: object) => void} [removed] Called once.
   * @returns {() => void}
   */
  on(name, fn, { signal } = {}, added, removed) {
    if (signal?.aborted) return () => {};
    // The same function added twice is two listeners.
    const entry = { name, fn };
    this.#listeners.add(entry);
    added?.(entry);
    const off = () => {
      if (this.#listeners.delete(entry)) removed?.(entry);
      signal?.removeEventListener('abort', off);
    };
    signal?.addEventListener('abort', off);
    return off;
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {Events[Name]} value
   * @returns {boolean} Whether anyone listens.
   */
  emit(name, value) {
    const entries = [...this.#listeners].filter((entry) => entry.name === name);
    for (const { fn } of entries) {
      try {
        fn(value);
      } catch (error) {
        // A listener that throws must not stop the others, and its error must not be hidden.
        queueMicrotask(() => { throw error; });
      }
    }
    return entries.length > 0;
  }
}
