// One row of the list of messages.
import { clock, el } from './dom.js';
import { parse, pretty } from './json.js';

const PREVIEW = 400;
const clip = (text) => text.length > PREVIEW ? text.slice(0, PREVIEW) + '…' : text;

/** What the server put in front of the publisher's data: a timestamp, with an id before it, unless the data has its own. */
function stampOf(data) {
  const keys = Object.keys(data), index = keys[0] === 'id' ? 1 : 0;
  const isStamped = keys[index] === 'timestamp' && /^\d{4}-\d\d-\d\dT.*Z$/.test(data.timestamp);
  return isStamped ? { keys: keys.slice(0, index + 1), at: new Date(data.timestamp) } : { keys: [] };
}

/** What the publisher sent, short. */
function preview(data) {
  if (typeof data === 'string') return clip(data);
  if (data === null || typeof data !== 'object' || Array.isArray(data)) return clip(JSON.stringify(data) ?? '');
  const stamp = stampOf(data).keys, own = Object.fromEntries(Object.entries(data).filter(([key]) => !stamp.includes(key)));
  const [key, ...others] = Object.keys(own);
  if (others.length === 0 && key === 'message' && typeof own.message === 'string') return clip(own.message);
  if (others.length === 0 && key === 'value' && stamp.length > 0) return preview(own.value);
  return clip(JSON.stringify(own));
}

/** The parts of a row: what comes first, the payload, where it belongs, and when it was sent. */
function parts({ kind, text, at }) {
  const message = kind === 'sent' ? undefined : parse(text);
  if (message?.type === 'event') {
    const { channel, event, data } = message, isObject = data !== null && typeof data === 'object';
    const sentAt = isObject ? stampOf(data).at : undefined;
    return { name: event, payload: preview(data), where: channel, at: isNaN(sentAt) ? at : sentAt };
  }
  if (message?.type === 'message') return { name: shortName(String(message.from)), payload: preview(message.content), where: `room ${message.room}`, at };
  return { name: kind === 'sent' ? '↑ sent' : '↓ received', payload: clip(text), where: '', at };
}

/** Ids of connections begin with the time they were made, so neighbours differ at the end. */
export function shortName(from) {
  return /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(from) ? from.slice(-8) : from;
}

/** Builds the row of an entry of the feed. */
export function row(entry) {
  if (entry.kind === 'notice') {
    return el('li', { class: `notice ${entry.tone}` }, el('span', {}, entry.text), el('time', {}, clock(entry.at)));
  }
  const { name, payload, where, at } = parts(entry);
  const first = el('span', { class: 'first' });
  if (name !== undefined) first.append(el('b', {}, String(name)), ' ');
  first.append(el('span', { class: 'payload' }, payload));
  const summary = el('summary', {}, first, el('span', { class: 'where' }, String(where)), el('time', { datetime: at.toISOString() }, clock(at, true)));
  const details = el('details', {}, summary);
  // The whole JSON is built when it is looked at.
  details.addEventListener('toggle', () => details.childElementCount > 1 || details.append(el('pre', {}, pretty(entry.text))));
  return el('li', { class: entry.kind }, details);
}
