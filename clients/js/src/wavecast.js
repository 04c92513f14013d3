/** @import { CallOptions, TopicOptions } from './types.js' */
import { Channel } from './wavecast/channel.js';
import { Connection } from './wavecast/connection.js';
import { WavecastError } from './wavecast/error.js';
import { Room } from './wavecast/room.js';
import { within } from './wavecast/timing.js';
/** @import { Topic } from './wavecast/topic.js' */

export { Channel, Room, WavecastError };

/**
 * A command that waits, for a connection or for its reply.
 *
 * @typedef {{ command: object, topic: Topic<any, any>, sent: boolean, done: (error: WavecastError | null, reply?: any) => void }} Call
 */

/** Commands that the server takes in one frame. */
const BATCH_MAX = 1000;
const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text).length;

/**
 * A connection to Wavecast that comes back by itself. It connects with the first subscription, or with `connect()`.
 *
 * @template {Record<string, any>} [Channels=Record<string, any>] The data of each channel.
 * @template {Record<string, any>} [Rooms=Record<string, any>] The content of each room.
 */
export class Wavecast extends Connection {
  /** @internal @type {Map<string, Topic<any, any>>} */
  _topics = new Map();
  /** @internal @type {Set<Topic<any, any>>} What changed since the last flush. */
  _marked = new Set();
  /** @internal @type {object[]} What the next flush sends first. */
  _commands = [];
  /** @internal @type {Map<number, Call>} */
  _calls = new Map();
  /** @internal */
  _lastId = 0;
  /** @internal How many of the calls somebody waits for. */
  _waiting = 0;
  /** @internal */
  _isScheduled = false;

  /**
   * The channel of this name: always the same object. It is subscribed as long as somebody holds it.
   *
   * @template {(keyof Channels & string) | `$${string}`} Name
   * @param {Name} name
   * @param {TopicOptions} [options] Added to those it has.
   * @returns {Channel<Name extends keyof Channels ? Channels[Name] : any>}
   */
  channel(name, options) {
    return this._topic(Channel, 'channel', name, options);
  }

  /**
   * The room of this name: always the same object. This client is a member as long as somebody holds it.
   *
   * @template {keyof Rooms & string} Name
   * @param {Name} name
   * @param {TopicOptions} [options] Added to those it has.
   * @returns {Room<Rooms[Name]>}
   */
  room(name, options) {
    return this._topic(Room, 'room', name, options);
  }

  /** @internal */
  _onOpen() {
    for (const topic of this._topics.values()) this._mark(topic);
  }

  /** @internal */
  _onDrop() {
    this._commands = [];
    for (const topic of this._topics.values()) topic._asked = undefined;
    this._fail((call) => call.sent, new WavecastError('connection_lost'));
  }

  /** @internal */
  _onAway() {
    for (const topic of this._topics.values()) topic._detach('subscribing');
  }

  /**
   * @internal
   * @param {WavecastError} [error]
   */
  _onStop(error) {
    this._fail((call) => !call.sent, error ?? new WavecastError('closed'));
    for (const topic of this._topics.values()) {
      // A listener may have connected again.
      if (this.state === 'disconnected') topic._detach('unsubscribed', error);
    }
  }

  /**
   * @internal
   * @param {any} Kind
   * @param {'channel' | 'room'} kind
   * @param {string} name
   * @param {TopicOptions} [options]
   */
  _topic(Kind, kind, name, options) {
    const key = kind + ' ' + name;
    const topic = this._topics.get(key) ?? new Kind(this, name, {});
    this._topics.set(key, topic);
    Object.assign(topic._options, options);
    if (options?.since && topic.state === 'unsubscribed') topic._last = topic.position = options.since;
    return topic;
  }

  /**
   * @internal
   * @param {Topic<any, any>} topic
   */
  _mark(topic) {
    this._marked.add(topic);
    this._schedule();
  }

  /** @internal What is said in one go leaves in one frame. */
  _schedule() {
    if (this._isScheduled) return;
    this._isScheduled = true;
    queueMicrotask(() => {
      this._isScheduled = false;
      this._flush();
    });
  }

  /** @internal */
  _flush() {
    const isConnected = this.state === 'connected';
    for (const topic of this._marked) {
      this._marked.delete(topic);
      if (isConnected || !topic._holds.size) topic._sync();
    }
    if (!isConnected) return;
    const commands = this._commands;
    this._commands = [];
    for (const call of this._calls.values()) {
      if (call.sent || !call.topic._isOpen()) continue;
      call.sent = true;
      commands.push(call.command);
    }
    /** @type {string[]} */
    let batch = [];
    let size = 1;
    for (const command of commands) {
      const text = JSON.stringify(command), more = bytes(text) + 1;
      if (batch.length === BATCH_MAX || (batch.length && size + more > this._options.maxMessageBytes)) {
        this._write(batch);
        batch = [];
        size = 1;
      }
      batch.push(text);
      size += more;
    }
    if (batch.length) this._write(batch);
  }

  /**
   * @internal
   * @param {Topic<any, any>} topic
   * @param {object} command
   * @param {Call['done']} done
   * @param {boolean} [sent]
   */
  _register(topic, command, done, sent = false) {
    const id = ++this._lastId;
    const call = { command: { ...command, [topic._kind]: topic.name, id }, topic, done, sent };
    this._calls.set(id, call);
    return call;
  }

  /**
   * @internal Sends with the next flush, on this connection or not at all.
   * @param {Topic<any, any>} topic
   * @param {object} command
   * @param {Call['done']} done
   */
  _send(topic, command, done) {
    this._commands.push(this._register(topic, command, done, true).command);
    this._schedule();
  }

  /**
   * @internal Waits for a connection, for the topic, and for the reply.
   * @param {Topic<any, any>} topic
   * @param {object} command
   * @param {CallOptions} options
   * @returns {Promise<any>}
   */
  _call(topic, command, { signal, timeoutMs = this._options.commandTimeoutMs }) {
    const { clock, maxPending, maxMessageBytes } = this._options;
    return within(clock, timeoutMs, signal, (resolve, reject) => {
      this._lazily();
      if (this.state === 'disconnected') return reject(new WavecastError('closed'));
      if (this._waiting >= maxPending) return reject(new WavecastError('queue_full'));
      this._waiting += 1;
      const call = this._register(topic, command, (error, reply) => error ? reject(error) : resolve(reply));
      if (bytes(JSON.stringify(call.command)) > maxMessageBytes) call.done(new WavecastError('message_too_large'));
      this._schedule();
      return () => {
        this._waiting -= 1;
        this._fail((other) => other === call);
      };
    });
  }

  /**
   * @internal
   * @param {(call: Call) => boolean} which
   * @param {WavecastError} [error] Tells the caller, where it does not know already.
   */
  _fail(which, error) {
    for (const [id, call] of this._calls) {
      if (which(call) && this._calls.delete(id) && error) call.done(error);
    }
  }

  /**
   * @internal
   * @param {any} message
   */
  _dispatch(message) {
    const { type, id, channel, room, code, data } = message;
    const error = type === 'error' ? new WavecastError(code, message.message) : null;
    const call = this._calls.get(id);
    if (type === 'pong') {
      this._cancelProbe?.();
      this._cancelProbe = undefined;
    }
    if (/^(event|message|gap|sent|user_joined|user_left)$/.test(type)) {
      if (channel === '$system' && message.event === 'shutdown') this._window = data.reconnect_within_ms;
      this._topics.get(room === undefined ? 'channel ' + channel : 'room ' + room)?._receive(message);
    }
    if (call) {
      this._calls.delete(id);
      call.done(error, message);
    } else if (error) this._emit('error', error);
  }
}
