/** @import { Clock } from '../types.js' */

/** Waits until all promises that can settle have settled; where there is `setImmediate`, without the delay of a timer. */
const settle = () => new Promise((resolve) => (/** @type {any} */ (globalThis).setImmediate ?? setTimeout)(resolve, 0));

/**
 * A clock that only moves when a test advances it.
 *
 * @implements {Clock}
 */
export class FakeClock {
  /** @type {{ at: number, order: number, act: () => void }[]} */
  #timers = [];
  #now = 1_000_000;
  #date = 1_000_000;
  #order = 0;
  /** What `random()` returns next. The last one is repeated. @type {number[]} */
  randoms = [0.5];

  now() {
    return this.#now;
  }

  /** Starts out equal to `now()`. */
  date() {
    return this.#date;
  }

  /**
   * Sets the time of day back, or forward if negative, as a user or a time server does. No time passes.
   *
   * @param {number} ms
   */
  setBack(ms) {
    this.#date -= ms;
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

  /** The number of timers that have not fired. */
  get pending() {
    return this.#timers.length;
  }

  /**
   * Lets `ms` pass. Each timer that is due fires at its time, followed by the promises that it settles.
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
      this.#pass(Math.max(0, due.at - this.#now));
      due.act();
      await settle();
    }
    this.#pass(end - this.#now);
  }

  /**
   * Lets `ms` pass without running anything, as on a frozen page. Timers that were due then fire late.
   *
   * @param {number} ms
   */
  async freeze(ms) {
    this.#pass(ms);
    await this.advance();
  }

  /** @param {number} ms */
  #pass(ms) {
    this.#now += ms;
    this.#date += ms;
  }
}
