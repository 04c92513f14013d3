// The counts of the server's statistics.
import { $, el } from './dom.js';

const EVERY_MS = 2000, TIMEOUT_MS = 4000;

/**
 * Shows the counts for as long as the page is visible; `onChannels` gets the number of subscribers by channel. Returns a
 * function that fetches them again at once.
 */
export function startCounts(onChannels) {
  let isWanted = false, wake = () => {};
  const wait = () => new Promise((resolve) => {
    wake = resolve;
    setTimeout(resolve, EVERY_MS);
  });
  keepFetching(onChannels, async () => {
    if (!isWanted) await wait();
    isWanted = false;
  });
  return () => {
    isWanted = true;
    wake();
  };
}

async function keepFetching(onChannels, wait) {
  for (;;) {
    if (!document.hidden) {
      try {
        const response = await fetch('api/stats', { signal: AbortSignal.timeout(TIMEOUT_MS) });
        show(await response.json(), onChannels);
        $('counts').classList.remove('old');
      } catch {
        $('counts').classList.add('old');
      }
    }
    await wait();
  }
}

function show({ active_connections, channels, channels_total, rooms_total, deliveries_total }, onChannels) {
  const counts = [[active_connections, 'connection'], [channels_total, 'channel'], [rooms_total, 'room'], [deliveries_total, 'delivery', 'deliveries']];
  $('counts').replaceChildren(...counts.filter(([count]) => typeof count === 'number').map(([count, one, many = `${one}s`]) =>
    el('div', {}, el('dt', {}, count === 1 ? one : many), el('dd', {}, count.toLocaleString('en')))));
  const names = Object.keys(channels).filter((name) => !name.startsWith('$'));
  $('known-channels').replaceChildren(...names.slice(0, 50).map((value) => el('option', { value })));
  onChannels(channels);
}
