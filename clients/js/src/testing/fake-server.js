/** @import { SocketConstructor } from '../types.js' */
/** @import { FakeServerOptions } from './fake-options.js' */
import { systemClock } from '../wavecast/base/clock.js';
import { closeCodeOf, isForAll } from './fake-options.js';
import { FakeSocket } from './fake-socket.js';
import { FakeTopic } from './fake-topic.js';

/**
 * A Wavecast server in memory, for tests of applications: pass its `WebSocket` to the client. It speaks the same protocol,
 * and fails when told to.
 */
export class FakeServer {
  /** @type {Set<FakeSocket>} */
  #sockets = new Set();
  /** @type {Map<string, FakeTopic>} */
  #topics = new Map();
  #epoch = 1;
  #ids = 0;
  #frozen = false;
  #refuses = false;
  /** Every frame that was received, parsed. @type {any[]} */
  received = [];
  /** Returns the code to refuse a command with, or nothing to accept it. @type {(command: any) => string | undefined | void} */
  refusal = () => {};
  /** The number of connection attempts. */
  dials = 0;

  /** @param {FakeServerOptions} [options] */
  constructor({ clock = systemClock, history = 1000, latencyMs = 1, maxMembers = 100, maxMessageBytes = 65_536, presence = false, tokens } = {}) {
    this.options = { clock, history, latencyMs, maxMembers, maxMessageBytes, presence, tokens };
    const server = this;
    /** The constructor to pass to the client. @type {SocketConstructor} */
    this.WebSocket = class extends FakeSocket {
      /** @param {string} url */
      constructor(url) {
        super(server, url);
      }
    };
  }

  /** The number of open connections. */
  get connections() {
    return this.#sockets.size;
  }

  /**
   * Publishes to a channel, as a backend does.
   *
   * @param {string} channel
   * @param {any} data
   * @param {{ event?: string, from?: string, id?: string }} [options] `from`: the client that publishes it.
   */
  publish(channel, data, { event, from, id = `evt_${++this.#ids}` } = {}) {
    const isObject = typeof data === 'object' && data !== null && !Array.isArray(data);
    const stamp = { id, timestamp: new Date(this.options.clock.date()).toISOString() };
    const message = { type: 'event', channel, ...(from && { from }), ...(event && { event }), data: { ...stamp, ...(isObject ? data : { value: data }) } };
    if (isForAll(channel)) for (const socket of this.#sockets) socket.deliver(message);
    else return this.topic('channel', channel).publish(message);
  }

  /**
   * Sends a message to a room, as another member does.
   *
   * @param {string} room
   * @param {string} from
   * @param {any} content
   */
  say(room, from, content) {
    return this.topic('room', room).publish({ type: 'message', room, from, content });
  }

  /**
   * Publishes to a channel without delivering, and sends a gap notice instead, as the server does for a client whose outbox
   * is full under the policy `drop-oldest`.
   *
   * @param {string} channel
   * @param {any[]} data
   */
  skip(channel, data) {
    const topic = this.topic('channel', channel), { members } = topic, from = topic.offset + 1;
    topic.members = new Map();
    for (const item of data) this.publish(channel, item);
    topic.members = members;
    const gap = { type: 'gap', channel, missed: data.length };
    for (const { positions, deliver } of members.values()) deliver(positions ? { ...gap, from, to: topic.offset } : gap);
  }

  /**
   * Ends all subscriptions to a channel, or memberships of a room, as the server does when their right has ended.
   *
   * @param {'channel' | 'room'} kind
   * @param {string} name
   * @param {string} reason Such as `forbidden` or `token_expired`.
   */
  end(kind, name, reason) {
    const { members } = this.topic(kind, name);
    for (const { deliver } of members.values()) deliver({ type: kind === 'room' ? 'left' : 'unsubscribed', [kind]: name, reason });
    members.clear();
    this.#announce();
  }

  /** Breaks all connections. Frames in flight are lost. */
  kill() {
    this.close(1006);
  }

  /** Breaks all connections and loses all history, as a restart does. */
  restart() {
    this.close(1006);
    this.#epoch += 1;
    this.#topics.clear();
  }

  /**
   * Closes all connections.
   *
   * @param {number} code
   * @param {string} [reason]
   */
  close(code, reason = '') {
    for (const socket of [...this.#sockets]) socket.closeFromServer(code, reason);
  }

  /**
   * Shuts down gracefully: announces it on `$system` and closes all connections.
   *
   * @param {number} reconnectWithinMs
   */
  drain(reconnectWithinMs) {
    this.publish('$system', { message: 'The server is shutting down', reconnect_within_ms: reconnectWithinMs }, { event: 'shutdown' });
    this.close(1001, 'shutdown');
  }

  /**
   * Refuses new connections, or accepts them again.
   *
   * @param {boolean} refuses
   */
  refuseConnections(refuses = true) {
    this.#refuses = refuses;
  }

  /**
   * Makes all connections half-open, or ends that: they look alive, but everything sent in either direction is lost.
   *
   * @param {boolean} frozen
   */
  freeze(frozen = true) {
    this.#frozen = frozen;
  }

  /**
   * @param {'channel' | 'room'} kind
   * @param {string} name
   */
  topic(kind, name) {
    const key = `${kind} ${name}`;
    const topic = this.#topics.get(key) ?? new FakeTopic(kind === 'room' ? { room: name } : { channel: name }, `epoch-${this.#epoch}`, this.options.history, this.options.presence);
    this.#topics.set(key, topic);
    return topic;
  }

  /** @param {FakeSocket} socket */
  dialed(socket) {
    this.dials += 1;
    if (this.#frozen) return;
    if (this.#refuses) return socket.closeFromServer(1006, '');
    this.#sockets.add(socket);
    // Every connection of a user receives the user's own channel, without positions until it subscribes.
    this.#add(this.topic('channel', `$user:${socket.user}`), socket, false);
    socket.open();
  }

  get isFrozen() {
    return this.#frozen;
  }

  /** @param {FakeSocket} socket */
  forget(socket) {
    this.#sockets.delete(socket);
    for (const [key, topic] of this.#topics) {
      if (topic.members.has(socket) && key.startsWith('room ')) this.#leave(socket, key.slice(5));
      topic.members.delete(socket);
    }
    this.#announce();
  }

  /**
   * @param {FakeSocket} socket
   * @param {string} text
   */
  receive(socket, text) {
    if (new TextEncoder().encode(text).length > this.options.maxMessageBytes) return socket.deliver({ type: 'error', code: 'message_too_large', message: 'Message too large' });
    const frame = JSON.parse(text);
    this.received.push(frame);
    for (const command of [frame].flat()) {
      const { id, channel, room } = command;
      const reply = (/** @type {object} */ message) => socket.deliver({ ...message, ...(id !== undefined && { id }) });
      const isReady = !this.options.tokens || socket.isAuthenticated || /^(auth|ping)$/.test(command.type);
      const code = this.refusal(command) ?? (isReady ? this.#perform(socket, command, reply) : 'unauthenticated');
      this.#announce();
      if (code) reply({ type: 'error', code, message: code, ...(room && { room }), ...(channel && { channel }) });
      if (code && command.type === 'auth' && !socket.isAuthenticated) return socket.closeFromServer(closeCodeOf(code), code);
    }
  }

  /**
   * @param {FakeSocket} socket
   * @param {any} command
   * @param {(message: object) => void} reply
   * @returns {string | undefined | void} The code to refuse it with.
   */
  #perform(socket, command, reply) {
    const { type, id, channel, room, content } = command;
    const topic = this.topic(room ? 'room' : 'channel', room ?? channel), isMember = topic.members.has(socket);
    switch (type) {
      case 'ping':
        reply({ type: 'pong' });
        return;
      case 'auth': {
        const judged = this.options.tokens?.(command.token) ?? 'invalid_token';
        if (typeof judged === 'string') return judged;
        const { info, ...fields } = judged;
        Object.assign(socket, { isAuthenticated: true, isAnonymous: !judged.user, info });
        if (judged.user) this.#add(this.topic('channel', `$user:${socket.user = judged.user}`), socket, false);
        return reply({ type: 'authenticated', user: null, ...fields });
      }
      case 'publish': {
        const { data, event, event_id = `evt_${++this.#ids}` } = command;
        const offset = this.publish(channel, data, { event, from: socket.user, id: event_id });
        return reply({ type: 'published', channel, event_id, ...(topic.keep && { offset }) });
      }
      case 'join':
      case 'subscribe': {
        if (channel && isForAll(channel)) return reply({ type: 'subscribed', channel });
        if (channel?.[0] === '$' && channel !== `$user:${socket.user}`) return 'forbidden';
        if (room && !isMember && topic.members.size >= this.options.maxMembers) return 'room_full';
        const { reply: answer, replay } = topic.recover(command);
        if (room && !isMember) topic.tell({ type: 'user_joined', room, user_id: socket.user });
        const { positions = false, since, last, presence } = command;
        if (presence && !topic.presence) return 'no_presence';
        this.#add(topic, socket, Boolean(positions || since || last));
        topic.announce();
        if (presence) topic.presence?.watch(socket);
        const state = presence && { presence: topic.answer({ type: 'presence' }) };
        reply(room ? { type: 'joined', room, members: topic.members.size, ...answer, ...state } : { type: 'subscribed', channel, ...answer, ...state });
        for (const message of replay) socket.deliver(message);
        return;
      }
      case 'leave':
        if (!isMember) return 'not_in_room';
        this.#leave(socket, room);
        reply({ type: 'left', room });
        return;
      case 'unsubscribe':
        if (channel[0] === '$') return 'forbidden';
        if (!isMember) return 'not_subscribed';
        topic.members.delete(socket);
        reply({ type: 'unsubscribed', channel });
        return;
      case 'message': {
        if (!isMember) return 'not_in_room';
        const offset = topic.publish({ type: 'message', room, from: socket.user, content }, socket);
        if (id !== undefined) reply({ type: 'sent', room, ...(topic.keep && topic.members.get(socket)?.positions && { offset }) });
        return;
      }
      case 'history':
      case 'presence': {
        const answer = room && !isMember ? 'not_in_room' : topic.answer(command);
        return typeof answer === 'string' ? answer : reply({ type, ...topic.address, ...answer });
      }
      default:
        return 'unknown_type';
    }
  }

  /**
   * @param {FakeTopic} topic
   * @param {FakeSocket} socket
   * @param {boolean} positions
   */
  #add(topic, socket, positions) {
    topic.members.set(socket, { positions, deliver: (message) => socket.deliver(message) });
  }

  #announce() {
    for (const topic of this.#topics.values()) topic.announce();
  }

  /**
   * @param {FakeSocket} socket
   * @param {string} room
   */
  #leave(socket, room) {
    const topic = this.topic('room', room);
    topic.members.delete(socket);
    topic.tell({ type: 'user_left', room, user_id: socket.user });
  }
}
