// The types of `wavecast/presence`.

import type { CallOptions, PresenceAddOn } from '../types.js'

/** What a channel or a room has in addition, if it was asked for with the option `presence`. */
export type WithPresence<AddOn> = AddOn extends PresenceAddOn ? { readonly presence: Presence } : unknown

export interface PresentUser {
  readonly user: string
  /** What the user's newest token says that others may see. */
  readonly info?: any
}
export interface PresentConnection {
  readonly client: string
  readonly user?: string
  readonly since: string
}
export interface PresenceEvents {
  /** A user who was not here before. Not for those who were here when the subscription began. */
  join: PresentUser
  /** A user whose last connection has left. */
  leave: PresentUser
  /** A user with another `info`; `before` is the one until now. */
  update: PresentUser & { readonly before?: any }
  /** Anything has changed: a member or a number. Follows the other events. */
  change: Presence
}
export interface PresenceQuery extends CallOptions {
  /** Only the numbers. */
  counts?: boolean
  /** The members are connections, not users. */
  by?: 'connection'
}
export interface PresenceReport<Member = PresentUser> {
  readonly users: number
  readonly connections: number
  /** Connections without a user. */
  readonly anonymous: number
  /** In the order of their arrival. Absent if only the numbers are known. */
  readonly members?: Member[]
}

/**
 * Who is in a channel or a room, this client included. It changes with each announcement, stays as it was while there is no
 * connection, and is empty without a subscription.
 */
export interface Presence {
  readonly users: number
  readonly connections: number
  /** Connections without a user. */
  readonly anonymous: number
  /** By user, in the order of their arrival; every change makes a new map. Empty while `isListed` is false. */
  readonly members: ReadonlyMap<string, PresentUser>
  /** Whether `members` is known. The server stops listing the members of a large topic, and only counts them. */
  readonly isListed: boolean
  /** Adds a listener. It also holds the subscription. The returned function removes it, and so does the signal. */
  on<Name extends keyof PresenceEvents>(name: Name, fn: (value: PresenceEvents[Name]) => void, options?: { signal?: AbortSignal }): () => void
  /** Asks the server who is here now, also without a subscription to a channel. */
  query(options: PresenceQuery & { by: 'connection' }): Promise<PresenceReport<PresentConnection>>
  query(options?: PresenceQuery): Promise<PresenceReport>
}
