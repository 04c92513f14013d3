// What channels and rooms have in common: a set of topics that this page holds, shown as pills.
import { $, el, note, oncePerFrame } from './dom.js';
import { refusedBecause } from './words.js';

/** Gaps because of a lost connection are told when the connection is back. */
const OF_OUTAGES = /^(epoch_changed|history_trimmed|offset_ahead|no_history)$/;

export class Topics {
  /** @type {Map<string, { topic: any, signal: AbortSignal, abort: AbortController }>} */
  entries = new Map();
  #ids;
  #pill;

  /** `ids` are those of the list and of the note beside it; `pill` makes the label of a topic. */
  constructor(ids, pill) {
    this.#ids = ids;
    this.#pill = pill;
    this.redraw = oncePerFrame(() => this.#draw());
  }

  /** Holds a topic. Returns its entry, or `undefined` if it is held already. */
  add(name, topic, onGap) {
    if (this.entries.has(name)) return undefined;
    const abort = new AbortController(), { signal } = abort, entry = { topic, abort, signal };
    const on = (event, act) => topic.on(event, act, { signal });
    this.entries.set(name, entry);
    on('state', this.redraw);
    on('subscribed', () => note(this.#ids.note, ''));
    on('error', (error) => this.#refused(name, error));
    on('unsubscribed', (error) => {
      if (!error || error.code === 'closed') return;
      this.#refused(name, error);
      this.remove(name);
    });
    on('gap', (gap) => onGap(gap, OF_OUTAGES.test(gap.reason)));
    this.redraw();
    return entry;
  }

  remove(name) {
    const { topic, abort } = this.entries.get(name);
    this.entries.delete(name);
    abort.abort();
    topic.unsubscribe();
    this.redraw();
  }

  #refused(name, { code }) {
    note(this.#ids.note, `${name.length > 60 ? name.slice(0, 60) + '…' : name}: ${refusedBecause(code)}`, 'bad');
  }

  #draw() {
    const list = $(this.#ids.list), focused = list.contains(document.activeElement) && document.activeElement.getAttribute('aria-label');
    list.replaceChildren(...[...this.entries].map(([name, { topic }]) => {
      const { label, mark = '', action, drop } = this.#pill(name, topic), isPending = topic.state !== 'subscribed';
      return el('li', { class: [isPending && 'pending', mark].filter(Boolean).join(' ') }, label,
        el('button', { type: 'button', title: action, 'aria-label': action, click: drop }, '×'));
    }));
    if (focused) list.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
  }
}

/** What a gap means that has nothing to do with a lost connection. */
export function gapText({ reason, missed }, name) {
  const count = missed === undefined ? 'Some messages' : missed === 1 ? '1 message' : `${missed.toLocaleString('en')} messages`;
  const why = {
    skipped: 'this page read too slowly, and the server dropped the oldest',
    buffer_full: 'more arrived at once than this page keeps',
  }[reason] ?? 'the server left them out';
  return `${count} on ${name} ${missed === 1 ? 'is' : 'are'} missing: ${why}.`;
}
