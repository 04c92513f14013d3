/** Commands that the server accepts in one frame. */
const BATCH_MAX = 1000;

/** @param {string} text */
export const byteLength = (text) => new TextEncoder().encode(text).length;

/**
 * Packs commands into as few frames as the server accepts, in their order.
 *
 * @param {object[]} commands
 * @param {number} maxBytes Of a frame. A single command that is larger gets a frame of its own.
 * @returns {Generator<string, void, void>}
 */
export function* framesOf(commands, maxBytes) {
  /** @type {string[]} */
  let batch = [];
  let size = 1;
  const frame = () => batch.length > 1 ? `[${batch.join(',')}]` : batch[0];
  for (const command of commands) {
    const text = JSON.stringify(command), more = byteLength(text) + 1;
    if (batch.length === BATCH_MAX || (batch.length && size + more > maxBytes)) {
      yield frame();
      batch = [];
      size = 1;
    }
    batch.push(text);
    size += more;
  }
  if (batch.length) yield frame();
}
