// The start page: a client of the server that served it.
import { Wavecast } from '../wavecast.js';
import { announce, announceMessage } from './announcer.js';
import { startCounts } from './counts.js';
import { el, onName } from './dom.js';
import { addFrame, addNotice, startFeed } from './feed.js';
import { IdentitySocket, getToken, identify, startIdentity } from './identity.js';
import { Outage } from './outage.js';
import { forgetLostConnection, startPublish } from './publish.js';
import { startRooms } from './rooms.js';
import { startSnippets } from './snippets.js';
import { showStatus } from './status.js';
import { Topics, gapText } from './topics.js';

/** How many earlier messages a new subscription shows, if the channel keeps a history. */
const EARLIER = 20;

// For a server with `--dev`: the user that this page is.
const user = new URLSearchParams(location.search).get('user');
const client = new Wavecast(`ws${user ? `?user=${encodeURIComponent(user)}` : ''}`, {
  pingIntervalMs: 20_000,
  WebSocket: IdentitySocket,
  getToken,
  onFrame: (direction, text) => {
    identify(direction, text);
    if (addFrame(direction, text)) announceMessage();
  },
});

function tell({ tone, text }) {
  addNotice(text, tone);
  announce(text);
}

const outage = new Outage(client, tell);
let subscribers = {};
const channels = new Topics({ list: 'channels', note: 'channels-note' }, (name) => ({
  label: el('span', {}, el('b', {}, name), el('i', { title: 'subscribers' }, subscribers[name] === undefined ? '' : ` ${subscribers[name]}`)),
  action: `Unsubscribe from ${name}`,
  drop: () => channels.remove(name),
}));

function subscribe(name) {
  const channel = client.channel(name, { last: EARLIER });
  const entry = channels.add(name, channel, (gap, isOfOutage) => isOfOutage || tell({ tone: 'warn', text: gapText(gap, name) }));
  if (!entry) return;
  outage.watch(channel, entry.signal);
  channel.on('subscribed', recount, { signal: entry.signal });
}

const recount = startCounts((next) => {
  if (JSON.stringify(next) === JSON.stringify(subscribers)) return;
  subscribers = next;
  channels.redraw();
});

startIdentity(client);
startFeed();
startSnippets();
startPublish(client);
startRooms(client);
showStatus(client, forgetLostConnection);
// Refusals are told at the channel or room, and the status says why there is no connection.
client.on('error', ({ message }) => console.debug(message));
onName('subscribe', 'subscribe-channel', subscribe);
subscribe('notifications');
// The user's own messages come in any case; subscribed, they are recovered too.
if (user) outage.watch(client.channel(`$user:${user}`), new AbortController().signal);
