// The shapes of the public API. Times are milliseconds, sizes bytes.

import type { WavecastError } from './wavecast/base/error.js'

export type State = 'disconnected' | 'connecting' | 'connected'
export type SubscriptionState = 'unsubscribed' | 'subscribing' | 'subscribed'

/** A snapshot; each change makes a new one. */
export interface Status {
  readonly state: State
  /** Close code of the last lost connection; 1006 when there was none. */
  readonly code?: number
  readonly reason?: string
  /** Connections tried in a row without one that stayed for `stableMs`. */
  readonly attempt: number
  /** When the next connection is tried, as `Date.now()` counts; only while it waits. */
  readonly nextRetryAt?: number
  /** When `state` last changed. */
  readonly since: number
  readonly everConnected: boolean
  /** Disconnected, or without a connection for longer than `offlineAfterMs`: the time to show a banner. */
  readonly offline: boolean
}

/** A place in a channel's or room's history. */
export interface Position {
  readonly offset: number
  readonly epoch: string
}

/** What the client needs of a WebSocket; `ws`, a browser's own and `SseSocket` have it. */
export interface Socket {
  onopen: ((event: any) => void) | null
  onmessage: ((event: any) => void) | null
  onclose: ((event: any) => void) | null
  onerror: ((event: any) => void) | null
  send(text: string): void
  close(code?: number, reason?: string): void
  /** Drops the connection without a handshake, where the implementation can. */
  terminate?(): void
}
export type SocketConstructor = new (url: string) => Socket

/** Time and chance, so that a test can own them. */
export interface Clock {
  now(): number
  setTimeout(act: () => void, ms: number): unknown
  clearTimeout(timer: any): void
  /** From 0 to 1, like `Math.random`. */
  random(): number
}

export interface Options {
  /** Default: the global `WebSocket`. Node 20 has none; pass the one of `ws`. */
  WebSocket?: SocketConstructor
  /** Tried in turn while no connection has ever opened: the next one after each second failure. Default: `[WebSocket]`. */
  transports?: SocketConstructor[]
  /** Smallest delay before a retry. Default 100. */
  minDelayMs?: number
  /** The random part of the delay is below `baseDelayMs * 2 ** attempt`. Default 500. */
  baseDelayMs?: number
  /** Bound of the random part. Default 20,000. */
  maxDelayMs?: number
  /** A connection that lives so long sets the attempts back to 0. Default 10,000. */
  stableMs?: number
  /** Default 10,000. */
  connectTimeoutMs?: number
  /** How long a command waits, for a connection and for its reply. Default 5,000. */
  commandTimeoutMs?: number
  /** Silence after which the client sends a ping. 0: never. Default 25,000. */
  pingIntervalMs?: number
  /** Wait for anything to arrive after a ping, before the connection counts as dead. Default 3,000. */
  probeTimeoutMs?: number
  /** Default 5,000. */
  offlineAfterMs?: number
  /** Longest that `onGap` may hold deliveries back. Default 30,000. */
  gapTimeoutMs?: number
  /** Commands that may wait, for a connection or a reply; one more is refused with `queue_full`. Default 1000. */
  maxPending?: number
  /** Largest frame to send, as the server takes it. Default 65,536. */
  maxMessageBytes?: number
  /** Where `online`, `pageshow`, … are heard. Default: the global object. */
  events?: Pick<EventTarget, 'addEventListener' | 'removeEventListener'>
  clock?: Clock
  /** Sees each frame as text. */
  onFrame?: (direction: 'in' | 'out', text: string) => void
}

/** What was not delivered, or may not have been. */
export interface Gap {
  readonly type: 'gap'
  readonly channel?: string
  readonly room?: string
  /**
   * `epoch_changed`, `history_trimmed`, `offset_ahead`, `no_history`: the server could not replay what was published while
   * this client was away. `skipped`: the server left publications out, by the channel's policy. `hole`: an
   * offset was missing. `buffer_full`: more arrived than this client holds while `onGap` or a loop was busy.
   */
  readonly reason: string
  /** How many publications, where that is known. */
  readonly missed?: number
  /** First and last offset that are missing, where they are known. */
  readonly from?: number
  readonly to?: number
  /** The last position before the gap, where there was one. */
  readonly since?: Position
}

export interface Subscribed {
  /** The newest position when the subscription began; `undefined` when no history is kept. */
  readonly offset?: number
  readonly epoch?: string
  /** Members of the room. */
  readonly members?: number
  /** Everything since the last position is there or follows. Only in the answer to a resume. */
  readonly recovered?: boolean
  /** Why not. */
  readonly reason?: string
  /** Publications that follow from history. */
  readonly replayed?: number
  /** Whether this was a return and not the first time. */
  readonly wasRecovering: boolean
}

/** The publisher's object with an `id` and a `timestamp`; what is no object stands in `value`. */
export type EventData<T> = { id: string; timestamp: string } & (T extends object ? T : { value: T })

/** An event of a channel. */
export interface ChannelMessage<T = any> {
  readonly type: 'event'
  readonly channel: string
  /** The name the publisher gave. */
  readonly event?: string
  readonly data: EventData<T>
  /** Its place in history, when the channel keeps one. */
  readonly offset?: number
}

/** What a member said in a room. */
export interface RoomMessage<T = any> {
  readonly type: 'message'
  readonly room: string
  /** User or connection id of the sender. */
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
  /** An error of the server that belongs to no command, or a frame that is not JSON. */
  error: WavecastError
}
export interface TopicEvents<Message> {
  message: Message
  gap: Gap
  subscribed: Subscribed
  /** With the error when it was not `unsubscribe()`, `leave()` or `disconnect()`. */
  unsubscribed: WavecastError | undefined
  /** A refusal that is retried, or a failed `onGap`. */
  error: unknown
}
export interface RoomEvents<Message> extends TopicEvents<Message> {
  user_joined: RoomMember
  user_left: RoomMember
}

export interface TopicOptions {
  /** Starts behind this position, such as one that was stored before a reload. */
  since?: Position
  /** Starts with the newest `last` publications. */
  last?: number
  /** Called for each gap; deliveries wait until it has resolved. */
  onGap?: (gap: Gap, context: { signal: AbortSignal }) => unknown
  /** Publications held while `onGap` runs; more become a gap themselves. Default 1024. */
  gapBuffer?: number
}
export interface CallOptions {
  signal?: AbortSignal
  /** Default: `commandTimeoutMs`. */
  timeoutMs?: number
}
export interface MessagesOptions {
  /** Ends the loop. */
  signal?: AbortSignal
  /** Messages that wait for the loop. Default 1024. */
  buffer?: number
  /** When the buffer is full: end the loop with an error (the default), or drop the oldest and emit a `gap`. */
  overflow?: 'error' | 'drop-oldest'
}
export interface HistoryOptions extends CallOptions {
  /** 1 to 1000. Default 100. */
  limit?: number
  /** The newest before this offset. */
  before?: number
  /** The oldest after this offset. */
  after?: number
}
export interface HistoryPage<Message> {
  /** The newest offset of the channel or room. */
  readonly offset: number
  readonly epoch: string
  /** Oldest first. */
  readonly items: Message[]
  /** Whether there is more in that direction. */
  readonly more: boolean
}
