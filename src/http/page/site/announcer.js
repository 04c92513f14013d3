// What a screen reader says: notices at once, and new messages at most every ten seconds.
import { $ } from './dom.js';
import { plural } from './words.js';

const EVERY_MS = 10_000;
let count = 0, isWaiting = false;

export function announce(text) {
  $('announcer').textContent = text;
}

export function announceMessage() {
  count += 1;
  if (isWaiting) return;
  isWaiting = true;
  announceCount();
  setTimeout(function next() {
    isWaiting = count > 0;
    if (!isWaiting) return;
    announceCount();
    setTimeout(next, EVERY_MS);
  }, EVERY_MS);
}

function announceCount() {
  announce(plural(count, 'new message'));
  count = 0;
}
