/** @import { Options } from '../../types.js' */
import { deadline } from '../base/deadline.js';

/**
 * Finds out whether an open connection is still alive: a link that died silently looks open, and only a ping that must
 * be answered in time tells the difference. It pings after a silence, and when asked to.
 */
export class Heartbeat {
  #options;
  #ping;
  #onDead;
  #receivedAt = 0;
  /** @type {unknown} */
  #idleTimer;
  /** @type {(() => void) | undefined} Set while a ping is unanswered. */
  #cancelProbe;

  /**
   * @param {Required<Options>} options
   * @param {() => void} ping Sends a ping.
   * @param {() => void} onDead
   */
  constructor(options, ping, onDead) {
    this.#options = options;
    this.#ping = ping;
    this.#onDead = onDead;
  }

  start() {
    this.#receivedAt = this.#options.clock.now();
    if (this.#options.pingIntervalMs) this.#watch();
  }

  stop() {
    this.#options.clock.clearTimeout(this.#idleTimer);
    this.pong();
  }

  /** Something arrived: the link is alive, and the pong may be next in line. */
  received() {
    this.#receivedAt = this.#options.clock.now();
    if (this.#cancelProbe) this.#arm();
  }

  pong() {
    this.#cancelProbe?.();
    this.#cancelProbe = undefined;
  }

  /** Pings now, unless a ping is unanswered already. */
  probe() {
    if (this.#cancelProbe) return;
    this.#ping();
    this.#arm();
  }

  #arm() {
    const { clock, probeTimeoutMs } = this.#options;
    this.#cancelProbe?.();
    this.#cancelProbe = deadline(clock, probeTimeoutMs, this.#onDead);
  }

  #watch() {
    const { clock, pingIntervalMs } = this.#options;
    const left = this.#receivedAt + pingIntervalMs - clock.now();
    this.#idleTimer = clock.setTimeout(() => this.#watch(), left > 0 ? left : pingIntervalMs);
    if (left <= 0) this.probe();
  }
}
