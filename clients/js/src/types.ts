// The types of the public API. Times are in milliseconds, sizes in bytes.

import type { WavecastError } from './wavecast/base/error.js'

export type State = 'disconnected' | 'connecting' | 'connected'
export type SubscriptionState = 'unsubscribed' | 'subscribing' | 'subscribed'

/** A snapshot: every change makes a new one. */
export interface Status {
  readonly state: State
  /** Close code of the last lost connection; 1006 if it had none. */
  readonly code?: number
  readonly reason?: string
  /** Failed or lost connections in a row, without one that lasted for `stableMs`. */
  readonly attempt: number
  /** When the next attempt starts, in `Date.now()` time; only set while waiting for it. */
  readonly nextRetryAt?: number
  /** When `state` last changed, in `Date.now()` time. */
  readonly since: number
  readonly everConnected: boolean
  /** Disconnected, or without a connection for longer than `offlineAfterMs`: time to show a banner. */
  readonly offline: boolean
}

/**
 * Such as `wss://rt.example.com/ws`, or `/ws` in a page. A function is asked before every attempt, so that it can name
 * another server. When it fails, the client tries again later; an error that is not `temporary`, such as
 * `new WavecastError('unauthorized')`, makes it stay disconnected.
 */
export type Url = string | URL | (() => string | URL | Promise<string | URL>)

/** A position in the history of a channel or room. */
export interface Position {
  readonly offset: number
  readonly epoch: string
}

/** What the client needs from a WebSocket. The one of a browser, `ws` and `SseSocket` all have it. */
export interface Socket {
  onopen: ((event: any) => void) | null
  onmessage: ((event: any) => void) | null
  onclose: ((event: any) => void) | null
  onerror: ((event: any) => void) | null
  send(text: string): void
  close(code?: number, reason?: string): void
  /** Drops the connection without a closing handshake, if the implementation can. */
  terminate?(): void
}
export type SocketConstructor = new (url: string) => Socket

/**
 * Why a token is asked for. `connect`: for a new connection. `refresh`: the one in use expires soon. `expired`, `revoked`: the
 * server closed the connection because of the last one.
 */
export type TokenReason = 'connect' | 'refresh' | 'expired' | 'revoked'
export interface TokenContext {
  readonly reason: TokenReason
  /** Aborted when the token is not needed any more. */
  readonly signal: AbortSignal
}

/** Time and randomness, so that a test can control them. */
export interface Clock {
  /** Time that never jumps, like `performance.now()`: everything that elapses is measured by it. */
  now(): number
  /** The time of day, like `Date.now()`: for people to read. */
  date(): number
  setTimeout(act: () => void, ms: number): unknown
  clearTimeout(timer: any): void
  /** From 0 to 1, like `Math.random`. */
  random(): number
}

export interface Options {
  /** Default: the global `WebSocket`. Node 20 has none: pass the one from `ws`. */
  WebSocket?: SocketConstructor
  /**
   * Each attempt begins with the first. Once that failed three times in a row, or twice if no message has ever come through
   * it, each attempt goes on to the next at once, until the first works again. Default: `[WebSocket]`.
   */
  transports?: SocketConstructor[]
  /**
   * Asked before every attempt, and before the token expires; without a token, it connects without one. It has
   * `connectTimeoutMs`. When it fails, the client tries again later; an error that is not `temporary`, such as
   * `new WavecastError('unauthorized')`, makes it stay disconnected, but never ends a connection that is open.
   */
  getToken?: (context: TokenContext) => string | undefined | Promise<string | undefined>
  /** The smallest delay before a retry. Default 100. */
  minDelayMs?: number
  /** A random delay of up to `baseDelayMs * 2 ** attempt` is added to it. Default 500. */
  baseDelayMs?: number
  /** The maximum of the random delay. Default 20,000. */
  maxDelayMs?: number
  /** A connection that lasts this long resets the number of attempts. Default 10,000. */
  stableMs?: number
  /** How long a connection may take until its first message, and `subscribe()` to be confirmed. Default 10,000. */
  connectTimeoutMs?: number
  /** How long a command waits for a connection and its reply. Default 5,000. */
  commandTimeoutMs?: number
  /** The client sends a ping when it has received nothing for this long. 0: never. Default 25,000. */
  pingIntervalMs?: number
  /** A connection on which nothing arrives for this long after a ping is dead. Default 3,000. */
  probeTimeoutMs?: number
  /** How long the client may be without a connection before `status.offline` is true. Default 5,000. */
  offlineAfterMs?: number
  /** How long `onGap` may hold back deliveries. Default 30,000. */
  gapTimeoutMs?: number
  /** The number of calls that may wait for a connection or a reply; more are refused with `queue_full`. Default 1000. */
  maxPending?: number
  /** The largest frame to send: the server's `max_message_size`. Default 65,536. */
  maxMessageBytes?: number
  /** The target of `online`, `pageshow` and similar events. Default: the global object. */
  events?: Pick<EventTarget, 'addEventListener'>
  clock?: Clock
  /** Writes every frame and every change of `status` to the console, with `console.debug`. */
  debug?: boolean
  /** Called with the text of every frame. */
  onFrame?: (direction: 'in' | 'out', text: string) => void
}

/** Some messages were not delivered, or may not have been. */
export interface Gap {
  readonly type: 'gap'
  readonly channel?: string
  readonly room?: string
  /**
   * `epoch_changed`, `history_trimmed`, `offset_ahead`, `no_history`: the server could not replay what was published while
   * this client was away. `skipped`: the server left out publications, according to the channel's policy. `hole`: an
   * offset was missing. `buffer_full`: more messages arrived than this client buffers while `onGap` or a loop is busy.
   */
  readonly reason: string
  /** The number of publications, if known. */
  readonly missed?: number
  /** The first and last missing offset, if known. */
  readonly from?: number
  readonly to?: number
  /** The last position before the gap, if there was one. */
  readonly since?: Position
}

export interface Subscribed {
  /** The newest offset when the subscription began; `undefined` if no history is kept. */
  readonly offset?: number
  readonly epoch?: string
  /** The number of members of the room. */
  readonly members?: number
  /** Nothing since the last position is lost: it follows, if there is anything. Only set when resuming. */
  readonly recovered?: boolean
  /** Why it was not recovered. */
  readonly reason?: string
  /** The number of publications that are replayed from history. */
  readonly replayed?: number
  /** Whether it resumed from a position or after a lost connection, rather than starting fresh. */
  readonly wasRecovering: boolean
}

interface Stamp { id: string; timestamp: string }

/**
 * The publisher's object, with an `id` and a `timestamp` if it has none of its own; data that is not an object is wrapped
 * as `value`.
 */
export type EventData<T> = T extends readonly unknown[] ? Stamp & { value: T }
  : T extends object ? T & Omit<Stamp, keyof T>
  : Stamp & { value: T }

/** An event in a channel. */
export interface ChannelMessage<T = any> {
  readonly type: 'event'
  readonly channel: string
  /** The user or the connection id of the client that published it; a backend has none. */
  readonly from?: string
  /** The name that the publisher gave it. */
  readonly event?: string
  readonly data: EventData<T>
  /** Its position in the history, if the channel keeps one. */
  readonly offset?: number
}

/** A message from a member of a room. */
export interface RoomMessage<T = any> {
  readonly type: 'message'
  readonly room: string
  /** The user or the connection id of the sender. */
  readonly from: string
  readonly content: T
  readonly offset?: number
}
export interface RoomMember {
  readonly type: 'user_joined' | 'user_left'
  readonly room: string
  readonly user_id: string
}

export interface ClientEvents {
  status: Status
  /**
   * What nothing else reports: a refused subscription, the reason why the client stays disconnected, a topic's error that
   * the topic has no listener for, an error from the server that belongs to no command. Without a listener, it is printed
   * with `console.error`.
   */
  error: WavecastError
}
export interface TopicEvents<Message> {
  message: Message
  gap: Gap
  state: SubscriptionState
  subscribed: Subscribed
  /** Has the error, unless the cause was `unsubscribe()`, `leave()` or `disconnect()`. */
  unsubscribed: WavecastError | undefined
  /** A refusal after which the client retries, or what `onGap` failed with. Without a listener, the client's `error`. */
  error: unknown
}
export interface ChannelEvents<Message> extends TopicEvents<Message> {
  /** Messages whose event has this name, such as `event:order.created`. Holds the subscription, like `message`. */
  [event: `event:${string}`]: Message
}
export interface RoomEvents<Message> extends TopicEvents<Message> {
  user_joined: RoomMember
  user_left: RoomMember
}

export interface TopicOptions {
  /** Start after this position, such as one that was stored before a reload. */
  since?: Position
  /** Start with the newest `last` publications. */
  last?: number
  /** Called for each gap. Deliveries wait until it resolves. */
  onGap?: (gap: Gap, context: { signal: AbortSignal }) => unknown
  /** The number of messages to buffer while `onGap` runs. A full buffer is replaced by a single gap. Default 1024. */
  gapBuffer?: number
  /** `presence` of `wavecast/presence`: who else is here. */
  presence?: PresenceAddOn
}

/** What `wavecast/presence` exports as `presence`. Its parameter is internal. */
export type PresenceAddOn = (subscription: any, context: any) => void
export interface SubscriptionTokenContext {
  readonly channel: string
}
export interface ChannelOptions extends TopicOptions {
  /** For a channel that needs a token of its own: asked before each subscription, and when its token has expired. It has `connectTimeoutMs`. */
  getToken?: (context: SubscriptionTokenContext) => string | Promise<string>
}
export interface CallOptions {
  signal?: AbortSignal
  /** Default: `commandTimeoutMs`; of `subscribe()` and `join()`, `connectTimeoutMs`. */
  timeoutMs?: number
}
export interface MessagesOptions {
  /** Ends the loop. */
  signal?: AbortSignal
  /** The number of messages to buffer for the loop. Default 1024. */
  buffer?: number
  /** What a full buffer does: end the loop with an error (the default), or drop the oldest message and emit a `gap`. */
  overflow?: 'error' | 'drop-oldest'
}
export interface PublishOptions extends CallOptions {
  /** A name for the event. */
  event?: string
  /** An id of one's own: the server keeps one event of a user with this id, so that a failed call can be repeated. */
  id?: string
}
export interface Published {
  readonly event_id: string
  /** Its position, if the channel keeps a history. */
  readonly offset?: number
}
export interface HistoryOptions extends CallOptions {
  /** 1 to 1000. Default 100. */
  limit?: number
  /** Read the newest before this offset. */
  before?: number
  /** Read the oldest after this offset. */
  after?: number
}
export interface HistoryPage<Message> {
  /** The newest offset of the channel or room. */
  readonly offset: number
  readonly epoch: string
  /** Oldest first. */
  readonly items: Message[]
  /** Whether there are more in that direction. */
  readonly more: boolean
}
