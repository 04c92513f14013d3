/** @import { Socket, SocketConstructor } from '../types.js' */
import { WavecastError } from '../wavecast/base/error.js';
import { answerOf, expectType } from './answer.js';
import { messagesOf } from './lines.js';
import { lastEventId } from './positions.js';
import { StreamChannel } from './stream-channel.js';
import { tryWebSockets } from './trials.js';

const REQUEST_MS = 5000;
/** Received by everyone, so that a stream without channels of its own can be opened. */
const EVERYBODY = '$all';

/**
 * A transport for networks that block WebSockets: channels over server-sent events, history over HTTP. It cannot join
 * rooms. Pass it to the client after the WebSocket: `transports: [WebSocket, SseSocket]`.
 *
 * @implements {Socket}
 */
export class SseSocket {
  /**
   * A ping counts as answered when something arrived within this time; after a longer silence the stream is reopened. The
   * server writes a comment whenever it pings, by default every 30 s.
   */
  static silenceMs = 35_000;
  /**
   * About how often a WebSocket is tried while the stream is open. When one works, the stream ends, so that the client returns
   * to its first transport. 0: never, for a client that has no WebSocket among its transports.
   */
  static returnMs = 300_000;
  /** What is tried. Node 20 has none: set it to the one from `ws`. @type {SocketConstructor | undefined} */
  static WebSocket = globalThis.WebSocket;

  /** @type {Socket['onopen']} */
  onopen = null;
  /** @type {Socket['onmessage']} */
  onmessage = null;
  /** @type {Socket['onclose']} */
  onclose = null;
  /** @type {Socket['onerror']} */
  onerror = null;

  #base;
  /** @type {Map<string, StreamChannel>} */
  #channels = new Map();
  #stream = new AbortController();
  #receivedAt = 0;
  /** @type {Record<string, string>} */
  #headers = { accept: 'text/event-stream' };
  #isClosed = false;
  #stopTrials = () => {};
  /** The stream has a channel that was unsubscribed. */
  #isStale = false;
  /** @type {Promise<unknown>} Streams are opened one after the other. */
  #turn;

  /** @param {string} url Of the WebSocket: the final `/ws` becomes `/sse` and `/api/…`. */
  constructor(url) {
    const base = this.#base = new URL(url);
    base.protocol = base.protocol.replace('ws', 'http');
    base.pathname = base.pathname.replace(/ws$/, '');
    this.#turn = this.#open().then((refused) => {
      // The token is the first command.
      if (refused && refused.code !== 'unauthenticated') this.#end(1006, refused.message);
      if (this.#isClosed) return;
      const { WebSocket, returnMs } = SseSocket;
      this.#stopTrials = tryWebSockets(WebSocket, url, returnMs, () => this.#end(1001, 'WebSockets work'));
      this.onopen?.({});
    });
  }

  /** @param {string} text */
  send(text) {
    const commands = [JSON.parse(text)].flat();
    const [subscribes, unsubscribes] = ['subscribe', 'unsubscribe'].map((wanted) => commands.filter(({ type }) => type === wanted));
    for (const command of commands) if (command.type !== 'subscribe') this.#perform(command);
    if (subscribes.length + unsubscribes.length) this.#turn = this.#turn.then(() => this.#change(subscribes, unsubscribes));
  }

  close() {
    this.#isClosed = true;
    this.#stopTrials();
    this.#stream.abort();
  }

  /**
   * @param {string} path
   * @param {Record<string, any>} query
   */
  #at(path, query) {
    const url = new URL(this.#base);
    url.pathname += path;
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value);
    return url;
  }

  /** @param {object} message */
  #deliver(message) {
    if (!this.#isClosed) this.onmessage?.({ data: JSON.stringify(message) });
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #end(code, reason) {
    if (this.#isClosed) return;
    this.close();
    this.onclose?.({ code, reason });
  }

  /** @param {{ channel: string }} command */
  #leave({ channel }) {
    if (this.#channels.delete(channel)) this.#isStale = true;
  }

  /**
   * Opens one new stream for all changes, also for those that were asked for while the last one was opened.
   *
   * @param {any[]} subscribes
   * @param {any[]} unsubscribes
   */
  async #change(subscribes, unsubscribes) {
    // Once more: a subscription that was waiting for its turn has come after the first time.
    for (const command of unsubscribes) this.#leave(command);
    if (subscribes.length) await this.#subscribe(subscribes);
    else if (this.#isStale) await this.#reopen();
  }

  /**
   * @param {any[]} commands
   * @returns {Promise<void>}
   */
  async #subscribe(commands) {
    for (const command of commands) this.#channels.set(command.channel, new StreamChannel(command));
    const refused = await this.#open();
    if (!refused || this.#isClosed) return;
    for (const { channel } of commands) this.#channels.delete(channel);
    // One refused channel must not take the others with it.
    if (commands.length > 1) {
      for (const command of commands) await this.#subscribe([command]);
      return;
    }
    const [{ channel, id }] = commands;
    this.#deliver({ type: 'error', code: refused.code, message: refused.message, channel, id });
    await this.#reopen();
  }

  /** Opens a stream of what was accepted before: a refusal closes the socket. */
  async #reopen() {
    const refused = await this.#open();
    if (refused) this.#end(1006, refused.message);
  }

  /**
   * Opens a new stream of all channels, each continuing from its position. It is open when something came: some proxies
   * hold back the body. Closes the socket when that fails.
   *
   * @returns {Promise<WavecastError | undefined>} Why it was refused.
   */
  async #open() {
    this.#stream.abort();
    this.#isStale = false;
    const stream = this.#stream = new AbortController();
    if (this.#isClosed) stream.abort();
    const last = Math.max(0, ...Array.from(this.#channels.values(), (channel) => channel.last));
    const url = this.#at('sse', { last_event_id: lastEventId(this.#channels), last: last || undefined });
    for (const channel of this.#channels.size ? this.#channels.keys() : [EVERYBODY]) url.searchParams.append('channel', channel);
    const timer = setTimeout(() => stream.abort(new WavecastError('timeout', `nothing arrived within ${REQUEST_MS} ms`)), REQUEST_MS);
    try {
      const response = await fetch(url, { signal: stream.signal, headers: this.#headers, cache: 'no-store' });
      await expectType(response, 'text/event-stream');
      await new Promise((resolve, reject) => {
        stream.signal.addEventListener('abort', () => reject(stream.signal.reason));
        this.#read(/** @type {ReadableStream<Uint8Array>} */ (response.body), stream, () => {
          this.#receivedAt = performance.now();
          resolve(undefined);
        });
      });
    } catch (/** @type {any} */ error) {
      if (error instanceof WavecastError && !error.temporary) return error;
      this.#end(1006, error.message);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * @param {ReadableStream<Uint8Array>} body
   * @param {AbortController} stream
   * @param {() => void} onBytes
   */
  async #read(body, stream, onBytes) {
    let end = { code: 1006, reason: 'the stream ended' };
    try {
      for await (const { event, data } of messagesOf(body, onBytes)) {
        if (stream.signal.aborted) return;
        if (event === 'close') end = JSON.parse(data);
        else if (data) this.#receive(JSON.parse(data));
      }
    } catch { /* a stream that breaks has ended, too */ }
    if (!stream.signal.aborted) this.#end(end.code, end.reason);
  }

  /** @param {any} message */
  #receive(message) {
    const { type, channel } = message, entry = this.#channels.get(channel);
    if (entry) message = entry.receive(message);
    // Every stream carries what goes to everyone. What was unsubscribed may still arrive, and is dropped.
    else if (channel?.[0] !== '$' || type === 'subscribed') return;
    if (message) this.#deliver(message);
  }

  /** @param {any} command */
  async #perform({ type, id, token, channel, room, limit, before, after }) {
    const reply = (/** @type {object} */ message) => this.#deliver({ ...message, channel, room, id });
    const signal = AbortSignal.timeout(REQUEST_MS);
    try {
      if (type === 'ping') {
        if (performance.now() - this.#receivedAt < SseSocket.silenceMs) return reply({ type: 'pong' });
        this.#turn = this.#turn.then(() => this.#reopen()).then(() => reply({ type: 'pong' }));
      } else if (type === 'auth') {
        this.#headers.authorization = 'Bearer ' + token;
        const refused = await this.#open();
        if (refused) throw refused;
        reply({ type: 'authenticated' });
      } else if (type === 'unsubscribe') {
        this.#leave({ channel });
        reply({ type: 'unsubscribed' });
      } else if (type === 'history' && channel) {
        const url = this.#at(`api/channels/${encodeURIComponent(channel)}/history`, { limit, before, after });
        reply({ ...await answerOf(await fetch(url, { signal })), type });
      } else reply({ type: 'error', code: 'unsupported', message: 'this needs a WebSocket' });
    } catch (/** @type {any} */ error) {
      const code = error instanceof WavecastError ? error.code : signal.aborted ? 'timeout' : 'connection_lost';
      reply({ type: 'error', code, message: error.message });
    }
  }
}
