/** @import { Socket } from '../types.js' */
import { messagesOf } from './lines.js';
import { lastEventId } from './positions.js';

/**
 * What a channel is on the stream: the newest position, and the command that waits for its reply.
 *
 * @typedef {{ since?: { offset: number, epoch: string }, asked?: { id?: number, last?: number }, isLive: boolean, skip: number }} Heard
 */

const REQUEST_MS = 5000;
/** Heard by everybody, so that a stream without channels of its own can begin. */
const EVERYBODY = '$all';

/**
 * A transport for networks that let no WebSocket through: channels over server-sent events, history over HTTP. It cannot
 * join rooms. Give it to the client after the WebSocket: `transports: [WebSocket, SseSocket]`.
 *
 * @implements {Socket}
 */
export class SseSocket {
  /**
   * A ping is answered with what arrived so recently; after a longer silence the stream is begun anew. The server writes a
   * comment with each of its own pings, by default every 30 s.
   */
  static silenceMs = 35_000;

  /** @type {Socket['onopen']} */
  onopen = null;
  /** @type {Socket['onmessage']} */
  onmessage = null;
  /** @type {Socket['onclose']} */
  onclose = null;
  /** @type {Socket['onerror']} */
  onerror = null;

  /** @internal @type {URL} */
  _base;
  /** @internal @type {Map<string, Heard>} */
  _channels = new Map();
  /** @internal */
  _stream = new AbortController();
  /** @internal */
  _heardAt = 0;
  /** @internal */
  _isClosed = false;
  /** @internal Streams are opened one after the other. @type {Promise<unknown>} */
  _turn;

  /** @param {string} url Of the WebSocket: `/ws` at its end becomes `/sse` and `/api/…`. */
  constructor(url) {
    const base = new URL(url);
    base.protocol = base.protocol.replace('ws', 'http');
    base.pathname = base.pathname.replace(/ws$/, '');
    this._base = base;
    this._turn = this._open().then((refused) => refused ? this._end(1006, refused) : this._isClosed || this.onopen?.({}));
  }

  /** @param {string} text */
  send(text) {
    const commands = [JSON.parse(text)].flat();
    const asked = commands.filter(({ type }) => type === 'subscribe');
    for (const command of commands) if (command.type !== 'subscribe') this._perform(command);
    if (asked.length) this._turn = this._turn.then(() => this._subscribe(asked));
  }

  close() {
    this._isClosed = true;
    this._stream.abort();
  }

  /**
   * @internal
   * @param {string} path
   * @param {Record<string, any>} [query]
   */
  _at(path, query = {}) {
    const url = new URL(this._base);
    url.pathname += path;
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value);
    return url;
  }

  /**
   * @internal
   * @param {object} message
   */
  _deliver(message) {
    if (!this._isClosed) this.onmessage?.({ data: JSON.stringify(message) });
  }

  /**
   * @internal
   * @param {number} code
   * @param {string} reason
   */
  _end(code, reason) {
    if (this._isClosed) return;
    this.close();
    this.onclose?.({ code, reason });
  }

  /**
   * @internal
   * @param {any[]} commands
   * @returns {Promise<void>}
   */
  async _subscribe(commands) {
    for (const { channel, id, last, since } of commands) {
      this._channels.set(channel, { since, asked: { id, last }, isLive: false, skip: 0 });
    }
    const refused = await this._open();
    if (!refused || this._isClosed) return;
    for (const { channel } of commands) this._channels.delete(channel);
    // One that is refused does not take the others with it.
    if (commands.length > 1) {
      for (const command of commands) await this._subscribe([command]);
      return;
    }
    const [{ channel, id }] = commands;
    this._deliver({ type: 'error', code: refused, message: refused, channel, id });
    const lost = await this._open();
    if (lost) this._end(1006, lost);
  }

  /**
   * @internal Begins the stream of all channels anew, each behind its position.
   * @returns {Promise<string | undefined>} Why it was refused. When it fails, the socket is closed.
   */
  async _open() {
    this._stream.abort();
    const stream = this._stream = new AbortController();
    if (this._isClosed) stream.abort();
    const heard = [...this._channels.values()];
    const lasts = heard.map(({ asked }) => asked?.last ?? 0);
    const url = this._at('sse', { last_event_id: lastEventId(this._channels), last: Math.max(0, ...lasts) || undefined });
    for (const channel of this._channels.size ? this._channels.keys() : [EVERYBODY]) url.searchParams.append('channel', channel);
    const timer = setTimeout(() => stream.abort(), REQUEST_MS);
    try {
      const response = await fetch(url, { signal: stream.signal, headers: { accept: 'text/event-stream' }, cache: 'no-store' });
      if (!response.ok || !response.body) {
        const { code } = await response.json();
        if (response.status < 500) return code;
        throw code;
      }
      this._heardAt = Date.now();
      this._read(response.body, stream);
    } catch (error) {
      this._end(1006, String(error));
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * @internal
   * @param {ReadableStream<Uint8Array>} body
   * @param {AbortController} stream
   */
  async _read(body, stream) {
    let end = { code: 1006, reason: 'the stream ended' };
    try {
      for await (const { event, data } of messagesOf(body, () => { this._heardAt = Date.now(); })) {
        if (stream.signal.aborted) return;
        if (event === 'close') end = JSON.parse(data);
        else if (data) this._hear(JSON.parse(data));
      }
    } catch { /* it ends here all the same */ }
    if (!stream.signal.aborted) this._end(end.code, end.reason);
  }

  /**
   * @internal
   * @param {any} message
   */
  _hear(message) {
    const { type, channel, offset, to } = message;
    const heard = this._channels.get(channel);
    if (!heard) {
      // What all hear passes; what was unsubscribed does not.
      if (channel?.[0] === '$' && type !== 'subscribed') this._deliver(message);
      return;
    }
    if (type === 'subscribed') return this._subscribed(heard, message);
    if (heard.skip > 0 && type === 'event') {
      heard.skip -= 1;
      return;
    }
    const newest = type === 'gap' ? to : offset;
    if (heard.since && newest) heard.since = { ...heard.since, offset: newest };
    this._deliver(message);
  }

  /**
   * @internal
   * @param {Heard} heard
   * @param {any} message
   */
  _subscribed(heard, message) {
    const { channel, offset, epoch, recovered, replayed } = message, { asked, isLive, since } = heard;
    heard.isLive = true;
    heard.asked = undefined;
    heard.skip = 0;
    if (asked) {
      // `last` of the stream is the largest that a channel asked for.
      if (!recovered && replayed > (asked.last ?? 0)) {
        heard.skip = replayed - (asked.last ?? 0);
        message = { ...message, replayed: asked.last ?? 0 };
      }
      this._deliver({ ...message, id: asked.id });
    } else if (isLive && !recovered) {
      // Another channel made the stream begin anew, and this one could not go on where it was.
      this._deliver({ type: 'gap', channel, ...(since && since.epoch === epoch && { from: since.offset + 1, to: offset, missed: offset - since.offset }) });
    }
    if (!recovered) heard.since = offset === undefined ? undefined : { offset: offset - (message.replayed ?? 0), epoch };
  }

  /**
   * @internal
   * @param {any} command
   */
  async _perform({ type, id, channel, room, limit, before, after }) {
    const reply = (/** @type {object} */ message) => this._deliver({ ...message, channel, room, id });
    const signal = AbortSignal.timeout(REQUEST_MS);
    try {
      if (type === 'ping') {
        if (Date.now() - this._heardAt < SseSocket.silenceMs) return reply({ type: 'pong' });
        this._turn = this._turn.then(() => this._open()).then((refused) => refused ? this._end(1006, refused) : reply({ type: 'pong' }));
      } else if (type === 'unsubscribe') {
        this._channels.delete(channel);
        reply({ type: 'unsubscribed' });
      } else if (type === 'history' && channel) {
        const response = await fetch(this._at(`api/channels/${encodeURIComponent(channel)}/history`, { limit, before, after }), { signal });
        const body = await response.json();
        reply(response.ok ? { ...body, type } : { type: 'error', code: body.code, message: body.detail });
      } else reply({ type: 'error', code: 'unsupported', message: 'this needs a WebSocket' });
    } catch (error) {
      reply({ type: 'error', code: 'timeout', message: String(error) });
    }
  }
}
