// Rooms, whose members talk to each other.
import { $, el, onName, onSubmit, oncePerFrame } from './dom.js';
import { oneLine } from './json.js';
import { shortName } from './row.js';
import { Topics, gapText } from './topics.js';
import { refusedBecause } from './words.js';

const LINES = 100;
/** @type {Map<string, { unread: number, lines: { kind: string, from?: string | null, text: string }[] }>} */
const talks = new Map();
let current = null;

/** Makes the rooms work. */
export function startRooms(client) {
  const rooms = new Topics({ list: 'rooms', note: 'rooms-note' }, (name, room) => {
    const { unread } = talks.get(name), isCurrent = name === current;
    const label = el('button', { type: 'button', 'aria-label': `Show room ${name}`, 'aria-pressed': String(isCurrent), click: () => enter(name) },
      el('b', {}, name), el('i', { title: 'members' }, room.members ? ` ${room.members}` : ''), el('em', {}, unread ? ` ${unread} new` : ''));
    return { label, mark: isCurrent ? 'current' : '', action: `Leave ${name}`, drop: () => leave(name) };
  });
  const draw = oncePerFrame(() => drawChat(rooms));

  function enter(name) {
    current = name;
    if (name !== null) talks.get(name).unread = 0;
    rooms.redraw();
    draw();
  }
  function add(name, line) {
    const talk = talks.get(name);
    if (!talk) return;
    talk.lines.push(line);
    if (talk.lines.length > LINES) talk.lines.shift();
    if (name !== current && line.kind === 'said') talk.unread += 1;
    rooms.redraw();
    draw();
  }
  function join(name) {
    const room = client.room(name);
    const entry = rooms.add(name, room, (gap, isOfOutage) => add(name, {
      kind: 'aside', text: isOfOutage ? 'The connection was lost: messages may be missing here.' : gapText(gap, name),
    }));
    if (entry) {
      const on = (event, act) => room.on(event, act, { signal: entry.signal });
      talks.set(name, { unread: 0, lines: [] });
      on('message', ({ from, content }) => add(name, { kind: 'said', from: String(from), text: asText(content) }));
      on('user_joined', ({ user_id }) => add(name, { kind: 'aside', from: String(user_id), text: 'joined' }));
      on('user_left', ({ user_id }) => add(name, { kind: 'aside', from: String(user_id), text: 'left' }));
      on('state', draw);
      on('unsubscribed', (error) => error && error.code !== 'closed' && forget(name));
    }
    enter(name);
    $('say-text').focus();
  }
  function leave(name) {
    rooms.remove(name);
    forget(name);
  }
  function forget(name) {
    talks.delete(name);
    if (current === name) enter([...talks.keys()].at(-1) ?? null);
  }
  function say() {
    const content = $('say-text').value, name = current;
    if (!content.trim() || name === null) return;
    $('say-text').value = '';
    add(name, { kind: 'said', from: null, text: content });
    client.room(name).send(content).catch(({ code }) =>
      add(name, { kind: 'aside', text: `“${content.slice(0, 60)}” may not have been delivered. ${refusedBecause(code)}` }));
  }

  onName('join', 'join-room', join);
  onSubmit('say', say);
  draw();
}

const asText = (content) => typeof content === 'string' ? content : oneLine(JSON.stringify(content) ?? '', true);
const hue = (from) => [...from].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) % 360, 7);

function lineRow({ kind, from, text }) {
  if (from === undefined) return el('li', { class: kind }, text);
  const who = el('span', { class: 'who', title: from ?? false }, from === null ? 'you' : shortName(from));
  if (from !== null && kind === 'said') who.style.setProperty('--hue', hue(from));
  return el('li', { class: kind }, who, text);
}

function drawChat(rooms) {
  const chat = $('chat'), isAtEnd = chat.scrollTop + chat.clientHeight > chat.scrollHeight - 40, talk = talks.get(current);
  const hint = talk ? 'Nothing said yet.' : 'Join a room, open this page in a second tab, and say hello.';
  chat.replaceChildren(...(talk?.lines.length ? talk.lines.map(lineRow) : [el('li', { class: 'empty' }, hint)]));
  if (isAtEnd) chat.scrollTop = chat.scrollHeight;
  $('say-text').placeholder = current === null ? 'Join a room first' : `Say something in ${current}`;
  const isDisabled = rooms.entries.get(current)?.topic.state !== 'subscribed', hadFocus = document.activeElement === $('say-text');
  $('say-button').disabled = isDisabled;
  // A field that is disabled loses the focus, so that what is typed after a lost connection goes nowhere.
  $('say-text').disabled = isDisabled && !hadFocus;
}
