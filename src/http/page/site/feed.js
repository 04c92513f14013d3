// The list of messages. Thousands may arrive per second: entries are kept as text, within bounds, and rows are built only
// for those that are still among the newest when the list is drawn.
import { $, el } from './dom.js';
import { row } from './row.js';

const KEPT = 500, KEPT_CHARACTERS = 4_000_000, DRAWN = 200, DRAW_EVERY_MS = 200, RATE_EVERY_MS = 1000;
const EMPTY = 'Messages appear here. Press Publish, or run the curl command in a terminal.';

/** @type {{ kind: 'message' | 'frame' | 'sent' | 'notice', text: string, at: Date, tone?: string }[]} Oldest first. */
let entries = [];
let characters = 0, undrawn = 0, received = 0, replayed = 0, unseen = 0, isPaused = false, isScheduled = false, drawAfter = 0;
/** The number of messages from the history that are still to come, by topic. */
const expected = new Map(), TOPIC = /"(?:channel|room)":"(?:[^"\\]|\\.)*"/;
let wanted = '', withFrames = false;

/** Adds a frame of the client's connection. Whether it is a message, rather than a part of the protocol. */
export function addFrame(direction, text) {
  const isMessage = direction === 'in' && /^\{"type":"(event|message)"/.test(text);
  const replays = direction === 'in' && /^\{"type":"(?:subscribed|joined)".*"replayed":(\d+)/.exec(text);
  if (replays) expected.set(TOPIC.exec(text)?.[0], Number(replays[1]));
  received += isMessage;
  replayed += isMessage && isReplayed(text);
  add({ kind: isMessage ? 'message' : direction === 'in' ? 'frame' : 'sent', text, at: new Date() });
  return isMessage;
}

/** Whether a message is from the history. */
function isReplayed(text) {
  if (!expected.size) return false;
  const topic = TOPIC.exec(text)?.[0], left = expected.get(topic) ?? 0;
  if (left > 1) expected.set(topic, left - 1);
  else expected.delete(topic);
  return left > 0;
}

/** Adds a sentence about the connection or the subscriptions. The tone is `good`, `warn` or `plain`. */
export function addNotice(text, tone) {
  add({ kind: 'notice', text, tone, at: new Date() });
}

function add(entry) {
  entries.push(entry);
  characters += entry.text.length;
  while (entries.length > KEPT || (characters > KEPT_CHARACTERS && entries.length > 1)) characters -= entries.shift().text.length;
  undrawn = Math.min(undrawn + 1, entries.length);
  if (isPaused && isShown(entry)) unseen += 1;
  schedule();
}

function isShown({ kind, text }) {
  return (withFrames || kind === 'message' || kind === 'notice') && (!wanted || text.toLowerCase().includes(wanted));
}

function schedule() {
  if (isScheduled) return;
  isScheduled = true;
  const wait = drawAfter - performance.now();
  if (wait > 0) setTimeout(() => requestAnimationFrame(draw), wait);
  else requestAnimationFrame(draw);
}

function draw() {
  const startedAt = performance.now();
  isScheduled = false;
  drawPause();
  if (!isPaused && undrawn) drawRows();
  // On a slow machine, most of the time is left to everything else.
  const took = performance.now() - startedAt;
  drawAfter = startedAt + Math.max(DRAW_EVERY_MS, 8 * took);
}

function drawRows() {
  const list = $('feed'), rows = entries.slice(-undrawn).filter(isShown).slice(-DRAWN).map(row);
  undrawn = 0;
  if (!rows.length) return;
  list.querySelector('.empty')?.remove();
  for (let extra = list.childElementCount + rows.length - DRAWN; extra > 0; extra -= 1) {
    const last = list.lastElementChild;
    if (!last) break;
    if (last.contains(document.activeElement)) list.focus();
    last.remove();
  }
  list.prepend(...rows.reverse());
}

/** Draws everything that is kept once more, after a change of what is shown. */
function redraw() {
  $('feed').replaceChildren(...entries.filter(isShown).slice(-DRAWN).map(row).reverse());
  undrawn = unseen = 0;
  const text = entries.some(({ kind }) => kind === 'message') && wanted ? 'Nothing matches the filter.' : EMPTY;
  if (!$('feed').childElementCount) $('feed').append(el('li', { class: 'empty' }, text));
  drawPause();
}

function drawPause() {
  const text = isPaused ? `Resume${unseen ? ` (${unseen.toLocaleString('en')} new)` : ''}` : 'Pause';
  if ($('pause').textContent !== text) $('pause').textContent = text;
}

function showRate(perSecond) {
  const rate = perSecond >= 1 ? `${Math.round(perSecond).toLocaleString('en')} per second, ` : '';
  const text = received ? `${rate}${received.toLocaleString('en')} received${received > DRAWN ? `, the newest ${DRAWN} shown` : ''}` : '';
  if ($('rate').textContent !== text) $('rate').textContent = text;
}

/** Makes the controls of the list work. */
export function startFeed() {
  $('pause').addEventListener('click', () => {
    isPaused = !isPaused;
    $('pause').setAttribute('aria-pressed', String(isPaused));
    unseen = 0;
    schedule();
  });
  $('clear').addEventListener('click', () => {
    entries = [];
    characters = received = replayed = 0;
    redraw();
    showRate(0);
  });
  $('filter').addEventListener('input', () => {
    wanted = $('filter').value.trim().toLowerCase();
    redraw();
  });
  $('with-frames').addEventListener('change', () => {
    withFrames = $('with-frames').checked;
    redraw();
  });
  let before = performance.now(), counted = 0;
  setInterval(() => {
    const now = performance.now();
    const live = received - replayed;
    showRate(Math.max(0, live - counted) * 1000 / (now - before));
    [before, counted] = [now, live];
  }, RATE_EVERY_MS);
  redraw();
}
