/** @import { Options } from '../../types.js' */
import { deadline } from '../base/deadline.js';

/**
 * Finds out whether an open connection is still alive: a link that died silently looks open, and only a ping that must
 * be answered in time tells the difference. It pings after a silence, and when asked to.
 *
 * @param {Required<Options>} options
 * @param {() => void} ping Sends a ping.
 * @param {() => void} onDead
 */
export function heartbeat({ clock, pingIntervalMs, probeTimeoutMs }, ping, onDead) {
  let receivedAt = 0;
  /** @type {unknown} */
  let idleTimer;
  /** @type {(() => void) | undefined} Set while a ping is unanswered. */
  let cancelProbe;

  const arm = () => {
    cancelProbe?.();
    cancelProbe = deadline(clock, probeTimeoutMs, onDead);
  };
  const watch = () => {
    const left = receivedAt + pingIntervalMs - clock.now();
    idleTimer = clock.setTimeout(watch, left > 0 ? left : pingIntervalMs);
    if (left <= 0) probe();
  };
  const pong = () => {
    cancelProbe = void cancelProbe?.();
  };
  /** Pings now, unless a ping is unanswered already. */
  const probe = () => {
    if (cancelProbe) return;
    arm();
    // The answer may come before this returns.
    ping();
  };
  return {
    start() {
      if (pingIntervalMs) watch();
    },
    stop() {
      clock.clearTimeout(idleTimer);
      pong();
    },
    /** Something arrived: the link is alive, and the pong may be next in line. */
    receive() {
      receivedAt = clock.now();
      if (cancelProbe) arm();
    },
    pong,
    probe,
  };
}
