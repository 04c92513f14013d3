// Who this page is: nobody, or the user of a token that was pasted. The token is in no address; it is forgotten with the
// page, or with the tab if that is wanted.
import { WavecastError } from '../wavecast.js';
import { $, clock, note, onSubmit } from './dom.js';
import { duration, refusedBecause } from './words.js';

const KEPT = 'wavecast.token';
/** The id of the command that the page sends itself. */
const PAGE = 'page';
const OUTCOME = /^\{"type":"(authenticated|error|event","channel":"\$system)"/;
/** Why a token ends that was in force. The client's status has the same words. */
const ENDED = { expired: 'token expired', revoked: 'token revoked' };

/** The connection's socket: a token that replaces one in force is sent on it. */
let socket;
/** The WebSocket to give to the client. */
export class IdentitySocket extends WebSocket {
  constructor(url) {
    super(url);
    socket = this;
  }
}

let token = sessionStorage.getItem(KEPT) ?? undefined;
/** The token in force, and one that was pasted to replace it. */
let inForce, pasted;
let client;

/** For the client: the token, or nothing to connect without one. */
export function getToken({ reason }) {
  if (reason === 'refresh') {
    // It is the page that sends a new one, as soon as somebody has pasted it.
    throw new WavecastError('no_new_token');
  }
  if (reason in ENDED && inForce !== undefined) {
    forget();
    ask(`${refusedBecause(`token_${reason}`)} Paste a new one to go on.`, 'bad');
    throw new WavecastError('closed', ENDED[reason]);
  }
  return token;
}

/** Looks at a frame, before the client does. */
export function identify(direction, text) {
  const kind = direction === 'in' && OUTCOME.exec(text)?.[1];
  if (!kind) return;
  const message = JSON.parse(text);
  if (kind === 'authenticated') accepted(message);
  else if (kind === 'error') refused(message);
  else if (message.event === 'token_expiring') ask(`The token ends in ${duration(message.data.expires_in * 1000)}. Paste a new one to stay connected.`, 'bad');
}

function accepted({ user, expires_in }) {
  inForce = pasted ?? token;
  token = inForce;
  pasted = undefined;
  if ($('token-kept').checked) sessionStorage.setItem(KEPT, token);
  const until = expires_in === undefined ? '' : `, until ${clock(new Date(Date.now() + expires_in * 1000))}`;
  $('who').textContent = `Logged in ${user === null ? 'without a user' : `as ${user}`}${until}`;
  show($('who'), $('log-out'), $('log-in-open'));
  $('log-in-open').textContent = 'New token';
  hide($('log-in'));
  $('token').value = '';
}

function refused({ code, id }) {
  if (id === PAGE && code === 'user_changed') return reconnect(pasted);
  if (id === PAGE) {
    pasted = undefined;
    return ask(`${refusedBecause(code)} The one in force stays.`, 'bad');
  }
  if (id === 'auth') {
    if (code === 'token_expired' || !new WavecastError(code).temporary) {
      forget();
      client.disconnect();
    }
    return ask(refusedBecause(code), 'bad');
  }
  if (code === 'forbidden' && !token) show($('log-in-open'));
  if (code !== 'unauthenticated') return;
  // Without a token there is nothing to wait for.
  client.disconnect();
  ask('This server wants to know who you are. Paste a token to connect.');
}

function ask(text, kind) {
  note('log-in-note', text, kind);
  show($('log-in'));
  hide($('log-in-open'));
}

function use(text) {
  $('token').setAttribute('aria-invalid', String(!text));
  if (!text) return $('token').focus();
  note('log-in-note', 'Checking…');
  if (inForce === undefined || client.state !== 'connected') return reconnect(text);
  pasted = text;
  socket.send(JSON.stringify({ type: 'auth', token: text, id: PAGE }));
}

function reconnect(next) {
  client.disconnect();
  forget();
  token = next;
  client.connect();
}

function forget() {
  token = inForce = pasted = undefined;
  sessionStorage.removeItem(KEPT);
  hide($('who'), $('log-out'));
  $('log-in-open').textContent = 'Log in';
}

const show = (...nodes) => nodes.forEach((node) => { node.hidden = false; });
const hide = (...nodes) => nodes.forEach((node) => { node.hidden = true; });

/** Makes the form work, for this client. */
export function startIdentity(its) {
  client = its;
  $('token-kept').checked = token !== undefined;
  onSubmit('log-in', () => use($('token').value.trim()));
  $('log-in-open').addEventListener('click', () => {
    ask('');
    $('token').focus();
  });
  $('log-out').addEventListener('click', () => {
    reconnect(undefined);
    note('log-in-note', '');
  });
  $('token-kept').addEventListener('change', ({ target }) => {
    if (!target.checked) sessionStorage.removeItem(KEPT);
    else if (inForce !== undefined) sessionStorage.setItem(KEPT, inForce);
  });
}
