// Compiled, never run: a `@ts-expect-error` is itself an error if its line has none.
import { Wavecast, WavecastError, type Channel, type Gap, type HistoryPage, type PresentConnection, type PresentUser, type RoomMessage, type Status, type SubscriptionState, type TokenReason } from 'wavecast'
import { presence } from 'wavecast/presence'
import { useChannel, useStatus } from 'wavecast/react'
import { SseSocket, publish } from 'wavecast/sse'
import { FakeClock, FakeServer } from 'wavecast/testing'

interface Order { total: number }
interface Chat { text: string }
// Stricter than mutual assignability, which holds for `any` and every type.
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Equal<A, B>): void => {}

type Channels = { orders: Order; count: number; list: number[]; own: { id: number }; [chat: `chat:${string}`]: Chat }
const client = new Wavecast<Channels, { lobby: Chat }>('wss://example.com/ws')

client.channel('orders').on('message', ({ data, offset }) => {
  same<typeof data.total, number>(true)
  same<typeof data.id, string>(true)
  same<typeof offset, number | undefined>(true)
  // @ts-expect-error not a field of an order
  data.text
})
client.channel('count').on('message', ({ data }) => same<typeof data.value, number>(true))
client.channel('list').on('message', ({ data }) => same<typeof data.value, number[]>(true))
client.channel('own').on('message', ({ data }) => {
  same<typeof data.id, number>(true)
  same<typeof data.timestamp, string>(true)
})
client.channel('chat:42').on('message', ({ data }) => same<typeof data.text, string>(true))
client.channel('$system').on('message', ({ data }) => data.reconnect_within_ms)
// @ts-expect-error not in the map
client.channel('order')
// @ts-expect-error no event has this name
client.channel('orders').on('massage', () => {})
// @ts-expect-error only backends publish to channels
client.channel('orders').send({ total: 1 })

const orders: Channel<Order> = client.channel('orders', {
  last: 10,
  onGap: async (gap, { signal }) => {
    same<typeof gap, Gap>(true)
    same<typeof signal, AbortSignal>(true)
  },
})
same<typeof orders.state, 'unsubscribed' | 'subscribing' | 'subscribed'>(true)
const stop: () => void = orders.on('gap', ({ reason, missed }) => { same<typeof missed, number | undefined>(true); reason.length })
stop()
orders.on('subscribed', ({ recovered, wasRecovering }) => { same<typeof wasRecovering, boolean>(true); recovered })
orders.on('message', () => {}, { signal: new AbortController().signal })

async function loops(): Promise<void> {
  for await (const message of orders.messages({ buffer: 10, overflow: 'drop-oldest' })) same<typeof message.data.total, number>(true)
  const page = await orders.history({ limit: 10, before: 3 })
  const total: number | undefined = page.items[0]?.data.total
  const typed: HistoryPage<unknown> = page
  void [total, typed]
}

const lobby = client.room('lobby')
lobby.on('message', (message) => same<typeof message, RoomMessage<Chat>>(true))
lobby.on('user_joined', ({ user_id }) => same<typeof user_id, string>(true))
const sent: Promise<{ offset?: number }> = lobby.send({ text: 'hi' })
// @ts-expect-error not the type of its messages
lobby.send('hi')
// @ts-expect-error not a room
client.room('cellar')
lobby.join({ timeoutMs: 100 }).then(({ members }) => same<typeof members, number | undefined>(true))

client.on('status', (status) => same<typeof status, Status>(true))
client.on('error', (error) => same<typeof error, WavecastError>(true))
// @ts-expect-error read only
client.status.attempt = 3
// @ts-expect-error internal
client.subscriptions

const free = new Wavecast('/ws')
free.channel('anything').on('message', ({ data }) => data.whatever)
free.room('anything').send(['x'])

const clock = new FakeClock(), server = new FakeServer({ clock, history: 5 })
new Wavecast('ws://fake/ws', { WebSocket: server.WebSocket, clock, transports: [server.WebSocket, SseSocket] })
new Wavecast('wss://example.com/ws', { WebSocket, events: window })
const published = publish('https://example.com', { channel: 'orders', data: { total: 1 }, id: 'order-1' }, { attempts: 3 })
published.then(({ id, subscribers }) => { same<typeof id, string>(true); subscribers.toFixed() })
void [loops, sent]

client.channel('orders').on('event:order.created', ({ data }) => same<typeof data.total, number>(true))
client.channel('orders').on('state', (state) => same<typeof state, SubscriptionState>(true))
// @ts-expect-error rooms have no named events
client.room('lobby').on('event:order.created', () => {})
new Wavecast(() => 'wss://example.com/ws', { debug: true })
new Wavecast(async () => new URL('wss://example.com/ws'))
new Wavecast('/ws', { getToken: async ({ reason, signal }) => { same<typeof reason, TokenReason>(true); return String(signal.aborted) } })
new Wavecast('/ws', { getToken: () => 'token' })
// @ts-expect-error not a token
new Wavecast('/ws', { getToken: async () => 5 })
client.channel('orders', { last: 1, getToken: ({ channel }) => channel })
// @ts-expect-error rooms have no tokens of their own
client.room('lobby', { getToken: () => 'token' })
client.publish('orders', { total: 1 }, { event: 'created', id: 'one', timeoutMs: 5 }).then(({ event_id, offset }) => {
  same<typeof event_id, string>(true)
  same<typeof offset, number | undefined>(true)
})
// @ts-expect-error not the data of this channel
client.publish('orders', 'one')
client.channel('orders').on('message', ({ from }) => same<typeof from, string | undefined>(true))
new FakeServer({ tokens: (token) => token ? { user: token, expires_in: 60 } : 'invalid_token' })
// @ts-expect-error not an address
new Wavecast(async () => 5)

const present = client.channel('orders', { presence, last: 1 }), lounge = client.room('lobby', { presence })
present.presence.on('join', ({ user, info }) => same<typeof user, string>(true))
present.presence.on('change', ({ members, users, isListed }) => same<typeof members, ReadonlyMap<string, PresentUser>>(true))
present.presence.query({ counts: true, timeoutMs: 5 }).then(({ members }) => same<typeof members, PresentUser[] | undefined>(true))
present.presence.query({ by: 'connection' }).then(({ members }) => same<typeof members, PresentConnection[] | undefined>(true))
lounge.presence.on('update', ({ before }) => void before)
// @ts-expect-error nobody asked for it
client.channel('orders').presence
// @ts-expect-error no event has this name
present.presence.on('joined', () => {})
present.on('message', ({ data }) => same<typeof data.total, number>(true))
new FakeServer({ presence: { maxListed: 2 } })

function Component(): string {
  const orderState = useChannel(client.channel('orders'), ({ data }) => same<typeof data.total, number>(true))
  same<typeof orderState, SubscriptionState>(true)
  useChannel(client.channel('orders'), { 'event:order.created': ({ data }) => same<typeof data.total, number>(true), gap: (gap) => same<typeof gap, Gap>(true) })
  useChannel(client.room('lobby'), { message: ({ content }) => same<typeof content, Chat>(true), user_joined: ({ user_id }) => same<typeof user_id, string>(true) })
  useChannel(null)
  // @ts-expect-error no event has this name
  useChannel(client.channel('orders'), { massage: () => {} })
  return useStatus(client).state
}
void Component
