/** @import { CallOptions, Options } from '../../types.js' */
/** @import { Connection } from '../connection/connection.js' */
import { within } from '../base/deadline.js';
import { WavecastError } from '../base/error.js';
import { byteLength, framesOf } from './frames.js';

/**
 * What a command is about.
 *
 * @typedef {object} Subject
 * @property {boolean} isReady Whether a call about it can be sent yet.
 */

/** @typedef {(error: WavecastError | null, reply?: any) => void} Done */

/**
 * A command without a reply so far.
 *
 * @typedef {{ command: object, subject: Subject, isSent: boolean, done: Done }} Pending
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
  /** @type {object[]} What the next flush sends first. */
  #queue = [];
  #lastId = 0;
  /** Calls that are waiting, bounded by `maxPending`. */
  #calls = 0;
  #isScheduled = false;

  /**
   * @param {Required<Options>} options
   * @param {Connection} connection
   * @param {(isConnected: boolean) => void} beforeFlush The last chance to add commands to the flush.
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
   * Sends with the next flush, on this connection or not at all.
   *
   * @param {Subject} subject
   * @param {object} command
   * @param {Done} done
   */
  send(subject, command, done) {
    this.#queue.push(this.#register(subject, command, done, true).command);
    this.schedule();
  }

  /**
   * Waits for a connection, for the subject, and for the reply.
   *
   * @param {Subject} subject
   * @param {object} command
   * @param {CallOptions} options
   * @returns {Promise<any>}
   */
  call(subject, command, { signal, timeoutMs = this.#options.commandTimeoutMs }) {
    const { clock, maxPending, maxMessageBytes } = this.#options;
    return within(clock, timeoutMs, signal, (resolve, reject) => {
      this.#connection.connectLazily();
      if (this.#connection.state === 'disconnected') return reject(new WavecastError('closed'));
      if (this.#calls >= maxPending) return reject(new WavecastError('queue_full'));
      this.#calls += 1;
      const pending = this.#register(subject, command, (error, reply) => error ? reject(error) : resolve(reply), false);
      if (byteLength(JSON.stringify(pending.command)) > maxMessageBytes) pending.done(new WavecastError('message_too_large'));
      this.schedule();
      return () => {
        this.#calls -= 1;
        this.#remove((other) => other === pending);
      };
    });
  }

  /**
   * Ends the command that a message replies to. Returns whether there is one.
   *
   * @param {any} message
   * @param {WavecastError | null} error
   */
  settle(message, error) {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    pending?.done(error, message);
    return !!pending;
  }

  /** The connection is lost: what was sent on it gets no reply. */
  failSent() {
    this.#queue = [];
    this.#remove(({ isSent }) => isSent, new WavecastError('connection_lost'));
  }

  /**
   * Fails what has not been sent yet.
   *
   * @param {WavecastError} error
   * @param {Subject} [about] Only what is about this subject.
   */
  failUnsent(error, about) {
    this.#remove(({ isSent, subject }) => !isSent && (!about || subject === about), error);
  }

  /**
   * @param {Subject} subject
   * @param {object} command
   * @param {Done} done
   * @param {boolean} isSent
   */
  #register(subject, command, done, isSent) {
    const id = ++this.#lastId;
    const pending = { command: { ...command, id }, subject, done, isSent };
    this.#pending.set(id, pending);
    return pending;
  }

  /**
   * @param {(pending: Pending) => boolean} which
   * @param {WavecastError} [error] Without one, the caller knows already.
   */
  #remove(which, error) {
    for (const [id, pending] of this.#pending) {
      if (which(pending) && this.#pending.delete(id) && error) pending.done(error);
    }
  }

  #flush() {
    const isConnected = this.#connection.state === 'connected';
    this.#beforeFlush(isConnected);
    if (!isConnected) return;
    const commands = this.#queue;
    this.#queue = [];
    for (const pending of this.#pending.values()) {
      if (pending.isSent || !pending.subject.isReady) continue;
      pending.isSent = true;
      commands.push(pending.command);
    }
    for (const frame of framesOf(commands, this.#options.maxMessageBytes)) this.#connection.write(frame);
  }
}
