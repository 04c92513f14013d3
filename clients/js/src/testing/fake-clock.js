/** @import { Clock } from '../types.js' */

/** Until all promises that can be settled are; without the wait of a timer where that can be had. */
const settle = () => new Promise((resolve) => (/** @type {any} */ (globalThis).setImmediate ?? setTimeout)(resolve, 0));

/**
 * A clock that stands still until a test moves it.
 *
 * @implements {Clock}
 */
export class FakeClock {
  /** @type {{ at: number, order: number, act: () => void }[]} */
  #timers = [];
  #now = 1_000_000;
  #order = 0;
  /** What `random()` answers next; then it repeats the last. @type {number[]} */
  randoms = [0.5];

  now() {
    return this.#now;
  }

  random() {
    return this.randoms.length > 1 ? /** @type {number} */ (this.randoms.shift()) : this.randoms[0];
  }

  /**
   * @param {() => void} act
   * @param {number} ms
   */
  setTimeout(act, ms) {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, act };
    this.#timers.push(timer);
    return timer;
  }

  /** @param {unknown} timer */
  clearTimeout(timer) {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  /** How many timers wait. */
  get pending() {
    return this.#timers.length;
  }

  /**
   * Lets `ms` pass: each timer that is due runs at its time, and the promises it settles after it.
   *
   * @param {number} [ms]
   */
  async advance(ms = 0) {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at || one.order - other.order)[0];
      if (!due) break;
      this.clearTimeout(due);
      this.#now = Math.max(this.#now, due.at);
      due.act();
      await settle();
    }
    this.#now = end;
  }

  /**
   * Lets `ms` pass in which nothing runs, as on a page that is frozen; then everything that is due comes late.
   *
   * @param {number} ms
   */
  async freeze(ms) {
    this.#now += ms;
    await this.advance();
  }
}
