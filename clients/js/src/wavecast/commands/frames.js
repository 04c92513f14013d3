/** Commands that the server accepts in one frame. */
const BATCH_MAX = 1000;

/** @param {string} text */
export const byteLength = (text) => new TextEncoder().encode(text).length;

/**
 * Packs commands into as few frames as the server accepts, in their order.
 *
 * @template {{ text: string }} Command
 * @param {Iterable<Command>} commands
 * @param {number} maxBytes Of a frame. A single command that is larger gets a frame of its own.
 * @returns {Generator<Command[], void, void>}
 */
export function* framesOf(commands, maxBytes) {
  /** @type {Command[]} */
  let frame = [];
  let size = 1;
  for (const command of commands) {
    const more = byteLength(command.text) + 1;
    if (frame.length === BATCH_MAX || (frame.length && size + more > maxBytes)) {
      yield frame;
      frame = [];
      size = 1;
    }
    frame.push(command);
    size += more;
  }
  if (frame.length) yield frame;
}
