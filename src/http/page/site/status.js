// The state of the connection, in words.
import { $ } from './dom.js';
import { closedBecause } from './words.js';

/**
 * What to say about a status of the client. `online` is what the browser reports about the network; `isRestarting` is
 * whether the server announced that it shuts down, and has not been seen since.
 */
export function describe(status, { online, isRestarting, now }) {
  const { state, code, reason, attempt, nextRetryAt, everConnected } = status;
  const next = nextRetryAt === undefined ? 'now' : `in ${Math.max(1, Math.ceil((nextRetryAt - now) / 1000))} s`;
  const why = attempt ? closedBecause(code, reason) : '';
  if (state === 'connected') {
    if (isRestarting) return { name: 'restarting', text: 'The server is shutting down', detail: 'this page reconnects by itself' };
    return { name: 'live', text: 'Live', detail: online ? '' : 'though the browser reports no network' };
  }
  if (state === 'disconnected') {
    return { name: 'stopped', text: 'Disconnected', detail: reason === 'disconnect' ? '' : closedBecause(code, reason) };
  }
  if (!online) return { name: 'offline', text: 'Offline', detail: 'reconnects when the network is back' };
  if (isRestarting) return { name: 'restarting', text: 'Waiting for the server to restart', detail: nextRetryAt === undefined ? 'trying now' : `next try ${next}` };
  if (!attempt) return { name: 'connecting', text: everConnected ? 'Reconnecting' : 'Connecting', detail: '' };
  return { name: 'reconnecting', text: everConnected ? 'Reconnecting' : 'Cannot connect', detail: `${everConnected ? '' : 'next try '}${next}: ${why}` };
}

const BUTTONS = { live: 'Disconnect', connecting: 'Disconnect', stopped: 'Connect' };

/** Shows the state of the client's connection. */
export function showStatus(client, onLive) {
  let isRestarting = false, wasLive = false;
  function show() {
    const { status } = client, isLive = status.state === 'connected';
    if (isLive && !wasLive) {
      isRestarting = false;
      onLive();
    }
    if (status.state === 'connecting' && (status.code === 1001 || status.code === 1012) && status.reason !== 'page hidden') isRestarting = true;
    if (status.state === 'disconnected') isRestarting = false;
    wasLive = isLive;
    const { name, text, detail } = describe(status, { online: navigator.onLine, isRestarting, now: Date.now() });
    $('status').dataset.state = name;
    // A text that is set again would be read aloud again.
    if ($('status-text').textContent !== text) $('status-text').textContent = text;
    if ($('status-detail').textContent !== detail) $('status-detail').textContent = detail;
    $('status-button').textContent = BUTTONS[name] ?? (isLive ? 'Disconnect' : 'Try now');
    $('status-button').hidden = false;
  }
  client.on('status', show);
  client.channel('$system').on('message', ({ event }) => {
    if (event === 'shutdown') isRestarting = true;
    show();
  });
  for (const event of ['online', 'offline']) addEventListener(event, show);
  // The seconds until the next attempt.
  setInterval(() => client.status.nextRetryAt && show(), 250);
  $('status-button').addEventListener('click', () => {
    if ($('status-button').textContent === 'Disconnect') client.disconnect();
    else client.connect();
  });
  show();
}
