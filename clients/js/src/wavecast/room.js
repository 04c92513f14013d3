/** @import { CallOptions, RoomEvents, RoomMessage, Subscribed } from '../types.js' */
import { WavecastError } from './error.js';
import { Topic } from './topic.js';

/**
 * Members talk to each other.
 *
 * @template [T=any]
 * @extends {Topic<RoomMessage<T>, RoomEvents<RoomMessage<T>>>}
 */
export class Room extends Topic {
  /** @internal @type {'channel' | 'room'} */
  _kind = 'room';
  /** @internal */
  _words = ['join', 'leave'];
  /** How many members it has, this client among them, as far as it was told; 0 when it is not one. */
  members = 0;

  /**
   * The same as `subscribe()`.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<Subscribed>}
   */
  join(options) {
    return this.subscribe(options);
  }

  /** The same as `unsubscribe()`. */
  leave() {
    this.unsubscribe();
  }

  /**
   * Says something to the other members. Resolves when the server has accepted it. Rejects with `not_in_room` without a `join()` before; with `timeout`
   * when it took too long; with `connection_lost` when the connection broke before the answer: then the
   * others may have got it or not, and it is not sent again.
   *
   * @param {T} content
   * @param {CallOptions} [options]
   * @returns {Promise<{ offset?: number }>}
   */
  async send(content, options = {}) {
    const { offset } = await this._call({ type: 'message', content }, options);
    return { offset };
  }

  /**
   * @internal
   * @param {object} command
   * @param {CallOptions} options
   */
  async _call(command, options) {
    if (!this._holds.size) throw new WavecastError('not_in_room');
    return super._call(command, options);
  }

  /** @internal */
  _isOpen() {
    return this.state === 'subscribed';
  }

  /** @internal */
  _leave() {
    super._leave();
    this.members = 0;
    this._client._fail((call) => call.topic === this && !call.sent, new WavecastError('not_in_room'));
  }

  /**
   * @internal
   * @param {any} reply
   */
  _confirmed(reply) {
    this.members = reply.members;
    super._confirmed(reply);
  }

  /**
   * @internal
   * @param {any} message
   */
  _receive(message) {
    const { type, offset } = message;
    if (type === 'sent') {
      if (this._last && offset > this._last.offset) {
        this._own.add(offset);
        this._advance(this._last.offset);
      }
      return;
    }
    if (this.state === 'subscribed') this.members += type === 'user_joined' ? 1 : type === 'user_left' ? -1 : 0;
    super._receive(message);
  }
}
