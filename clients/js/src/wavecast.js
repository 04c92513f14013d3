/** @import { ChannelOptions, ClientEvents, Options, PresenceAddOn, Published, PublishOptions, TopicOptions, Url } from './types.js' */
/** @import { WithPresence } from './types/presence.js' */
import { Emitter } from './wavecast/base/emitter.js';
import { WavecastError } from './wavecast/base/error.js';
import { withDefaults } from './wavecast/base/options.js';
import { Commands } from './wavecast/commands/commands.js';
import { Connection } from './wavecast/connection/connection.js';
import { Channel } from './wavecast/topic/channel.js';
import { CHANNEL, ROOM } from './wavecast/topic/kind.js';
import { Room } from './wavecast/topic/room.js';
import { Subscriptions } from './wavecast/topic/subscriptions.js';

export { Channel, Room, WavecastError };

/**
 * A connection to Wavecast that reconnects by itself. It connects with the first subscription, or with `connect()`.
 *
 * @template {Record<string, any>} [Channels=Record<string, any>] The data of each channel.
 * @template {Record<string, any>} [Rooms=Record<string, any>] The content of each room.
 */
export class Wavecast {
  /** @type {Emitter<ClientEvents>} */
  #events = new Emitter();
  #connection;
  #commands;
  #subscriptions;

  /**
   * @param {Url} url Such as `wss://rt.example.com/ws`, or `/ws` in a page; or a function that returns it.
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    const settings = withDefaults(options), events = this.#events;
    // An error that nobody listens to is not lost.
    const report = (/** @type {any} */ error) => events.emit('error', error) || console.error(error);
    const connection = this.#connection = new Connection(url, settings, {
      status: (status) => events.emit('status', status),
      opened: () => commands.schedule(),
      closed: (error) => {
        subscriptions.suspend(error);
        commands.fail(true, connection.error('connection_lost'));
        if (connection.state === 'disconnected') commands.fail(false, error ?? connection.error('closed'));
        if (error) report(error);
      },
      error: report,
      message: (message) => {
        const { type, code, message: text, room, channel = room } = message;
        const error = type === 'error' ? new WavecastError(code, channel ? `${text}: ${channel}` : text) : null;
        subscriptions.receive(message);
        if (!commands.receive(message, error) && error) report(error);
      },
    });
    const commands = this.#commands = new Commands(settings, connection, (isOpen) => subscriptions.sync(isOpen));
    const subscriptions = this.#subscriptions = new Subscriptions({ options: settings, connection, commands, error: report });
  }

  /** A snapshot: every change makes a new one. */
  get status() {
    return this.#connection.status;
  }

  get state() {
    return this.#connection.state;
  }

  /**
   * Adds a listener. The returned function removes it, and so does the signal.
   *
   * @template {keyof ClientEvents} Name
   * @param {Name} name
   * @param {(value: ClientEvents[Name]) => void} fn
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {() => void}
   */
  on(name, fn, options) {
    return this.#events.on(name, fn, options);
  }

  /** Connects. While it waits for a retry, it connects at once. */
  connect() {
    this.#connection.connect();
  }

  /** Closes the connection until the next `connect()`, which resumes all subscriptions from their positions. */
  disconnect() {
    this.#connection.disconnect();
  }

  /**
   * Publishes to a channel, if the user may. Resolves when the server has accepted it, and rejects like `send` of a room.
   * With an `id` of its own, it can be published again after an error: the server keeps it once.
   *
   * @template {keyof Channels & string} Name
   * @param {Name} channel
   * @param {Channels[Name]} data
   * @param {PublishOptions} [options]
   * @returns {Promise<Published>}
   */
  publish(channel, data, { event, id, ...options } = {}) {
    return this.#commands.call(undefined, { type: 'publish', channel, data, event, event_id: id }, options);
  }

  /**
   * The channel with this name, always the same object. It is subscribed for as long as anyone holds it.
   *
   * @template {(keyof Channels & string) | `$${string}`} Name
   * @template {PresenceAddOn | undefined} [AddOn=undefined]
   * @param {Name} name
   * @param {ChannelOptions & { presence?: AddOn }} [options] Added to those it has.
   * @returns {Channel<Name extends keyof Channels ? Channels[Name] : any> & WithPresence<AddOn>}
   */
  channel(name, options) {
    return this.#subscriptions.topic(Channel, CHANNEL, name, options);
  }

  /**
   * The room with this name, always the same object. This client is a member for as long as anyone holds it.
   *
   * @template {keyof Rooms & string} Name
   * @template {PresenceAddOn | undefined} [AddOn=undefined]
   * @param {Name} name
   * @param {TopicOptions & { presence?: AddOn }} [options] Added to those it has.
   * @returns {Room<Rooms[Name]> & WithPresence<AddOn>}
   */
  room(name, options) {
    return this.#subscriptions.topic(Room, ROOM, name, options);
  }
}
