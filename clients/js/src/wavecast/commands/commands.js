/** @import { CallOptions, Options } from '../../types.js' */
/** @import { Connection } from '../connection/connection.js' */
import { within } from '../base/deadline.js';
import { WavecastError } from '../base/error.js';
import { toJson } from '../base/json.js';
import { byteLength, framesOf } from './frames.js';

/**
 * What a command is about.
 *
 * @typedef {object} Subject
 * @property {boolean} isOpen Whether a call about it can be sent yet.
 */

/** @typedef {(error: WavecastError | null, reply?: any) => void} Done */

/**
 * A command without a reply so far.
 *
 * @typedef {object} Pending
 * @property {number} id
 * @property {string} text
 * @property {Subject} [subject] It waits for this to be ready.
 * @property {Done} done
 * @property {Pending[]} [frame] What it was sent with.
 */

/**
 * Sends commands and matches the replies to them. All commands of one turn of the event loop leave together, in as few
 * frames as possible.
 */
export class Commands {
  #options;
  #connection;
  #beforeFlush;
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  /** @type {Set<Pending[]>} Frames without any answer so far. The server answers them in their order. */
  #unanswered = new Set();
  #lastId = 0;
  /** Calls that are waiting, bounded by `maxPending`. */
  #calls = 0;
  #isScheduled = false;

  /**
   * @param {Required<Options>} options
   * @param {Connection} connection
   * @param {(isOpen: boolean) => void} beforeFlush The last chance to add commands to the flush.
   */
  constructor(options, connection, beforeFlush) {
    this.#options = options;
    this.#connection = connection;
    this.#beforeFlush = beforeFlush;
  }

  /** Flushes at the end of this turn. */
  schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  /**
   * Waits for a connection, for the subject if there is one, and for the reply.
   *
   * @param {Subject | undefined} subject
   * @param {object} command
   * @param {CallOptions} options
   * @returns {Promise<any>}
   */
  call(subject, command, { signal, timeoutMs = this.#options.commandTimeoutMs }) {
    const { clock, maxPending, maxMessageBytes } = this.#options, connection = this.#connection;
    return within(clock, timeoutMs, signal, () => connection.error('timeout'), (resolve, reject, { signal: done }) => {
      connection.begin();
      if (connection.state === 'disconnected') return reject(connection.error('closed'));
      if (this.#calls >= maxPending) return reject(new WavecastError('queue_full'));
      const pending = this.send(command, (error, reply) => error ? reject(error) : resolve(reply), subject);
      if (byteLength(pending.text) > maxMessageBytes) {
        this.#forget(pending);
        return reject(new WavecastError('message_too_large'));
      }
      this.#calls += 1;
      done.addEventListener('abort', () => {
        this.#calls -= 1;
        this.#forget(pending);
      });
    });
  }

  /**
   * Ends the command that a message replies to. Returns whether there is one.
   *
   * @param {any} message
   * @param {WavecastError | null} error
   */
  receive(message, error) {
    const { id } = message, pending = this.#pending.get(id);
    if (error && id === undefined) return this.#refuse(error);
    if (pending) {
      this.#forget(pending);
      pending.done(error, message);
      return true;
    }
  }

  /**
   * Fails what was sent, and will get no reply, or what was not.
   *
   * @param {boolean} isSent
   * @param {WavecastError} error
   * @param {Subject} [about] Only what is about this subject.
   */
  fail(isSent, error, about) {
    for (const pending of this.#pending.values()) {
      if (isSent === !!pending.frame && (!about || pending.subject === about) && this.#forget(pending)) pending.done(error);
    }
  }

  /**
   * Sends with the next flush.
   *
   * @param {object} command
   * @param {Done} done
   * @param {Subject} [subject]
   */
  send(command, done, subject) {
    this.schedule();
    const id = ++this.#lastId;
    /** @type {Pending} */
    const pending = { id, text: toJson({ ...command, id }), subject, done };
    this.#pending.set(id, pending);
    return pending;
  }

  /** @param {Pending} pending */
  #forget({ id, frame }) {
    if (frame) this.#unanswered.delete(frame);
    return this.#pending.delete(id);
  }

  /**
   * The server could not read a frame, and has carried out nothing of it. Its commands are sent again one by one, so that
   * only the one at fault fails.
   *
   * @param {WavecastError} error
   */
  #refuse(error) {
    const [frame] = this.#unanswered;
    if (!frame) return;
    this.#unanswered.delete(frame);
    for (const pending of frame) {
      if (!this.#pending.has(pending.id)) continue;
      if (frame.length > 1) this.#write([pending]);
      else if (this.#forget(pending)) pending.done(error);
    }
    return true;
  }

  /** @param {Pending[]} frame */
  #write(frame) {
    this.#unanswered.add(frame);
    const texts = frame.map((pending) => {
      pending.frame = frame;
      return pending.text;
    });
    this.#connection.write(frame.length > 1 ? `[${texts}]` : texts[0]);
  }

  #flush() {
    const { isOpen } = this.#connection;
    this.#beforeFlush(isOpen);
    if (!isOpen) return;
    const due = [...this.#pending.values()].filter(({ frame, subject }) => !frame && (!subject || subject.isOpen));
    for (const frame of framesOf(due, this.#options.maxMessageBytes)) this.#write(frame);
    // The first reply shows that a connection works, and something has to ask for it. A ping finds out soonest, which counts
    // when there is another transport to try.
    if ((!this.#unanswered.size || this.#options.transports[1]) && this.#connection.state === 'connecting') this.#connection.probe();
  }
}
