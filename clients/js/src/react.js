/** @import { ChannelEvents, ChannelMessage, RoomEvents, RoomMessage, Status, SubscriptionState } from './types.js' */
/** @import { Channel } from './wavecast/topic/channel.js' */
/** @import { Room } from './wavecast/topic/room.js' */
import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react';

/**
 * The events of a channel or a room, by name.
 *
 * @template T
 * @typedef {T extends Room<infer Content> ? RoomEvents<RoomMessage<Content>>
 *   : T extends Channel<infer Data> ? ChannelEvents<ChannelMessage<Data>> : never} EventsOf
 */

/**
 * What `useChannel` calls: a function for messages, or functions by the name of the event.
 *
 * @template T
 * @typedef {((message: EventsOf<T>['message']) => void)
 *   | { [Name in keyof EventsOf<T>]?: (value: EventsOf<T>[Name]) => void }} Listeners
 */

/** @type {Status} On a server, and in the first render in the browser, which has to be the same. */
const INITIAL = { state: 'disconnected', attempt: 0, since: 0, everConnected: false, offline: false };

/**
 * Subscribes to a channel, or joins a room, for as long as the component is mounted. It calls the listeners of the latest
 * render, so they may be written inline.
 *
 * @template {Channel<any> | Room<any>} T
 * @param {T | null | undefined} topic Nothing is subscribed without one.
 * @param {Listeners<T>} [listeners]
 * @returns {SubscriptionState}
 */
export function useChannel(topic, listeners = {}) {
  /** @type {any} */
  const either = topic;
  /** @type {Record<string, any>} */
  const byName = typeof listeners === 'function' ? { message: listeners } : listeners;
  const latest = useRef(byName), names = Object.keys({ message: 0, ...byName }).sort().join();
  useEffect(() => {
    latest.current = byName;
  });
  useEffect(() => {
    const stop = new AbortController();
    for (const name of names.split(',')) either?.on(name, (/** @type {any} */ value) => latest.current[name]?.(value), stop);
    return () => stop.abort();
  }, [either, names]);
  return useSyncExternalStore(
    useCallback((changed) => either?.on('state', changed) ?? (() => {}), [either]),
    () => either?.state ?? 'unsubscribed',
    () => 'unsubscribed',
  );
}

/**
 * The status of a client. Every change of it renders the component.
 *
 * @param {{ readonly status: Status, on(name: 'status', fn: (status: Status) => void): () => void }} client
 * @returns {Status}
 */
export function useStatus(client) {
  return useSyncExternalStore(
    useCallback((changed) => client.on('status', changed), [client]),
    () => client.status,
    () => INITIAL,
  );
}
