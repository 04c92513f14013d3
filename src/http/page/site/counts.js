// The counts of the server's statistics.
import { $, el } from './dom.js';

const EVERY_MS = 2000, TIMEOUT_MS = 4000;

/** Shows the counts for as long as the page is visible; `onChannels` gets the number of subscribers by channel. */
export async function startCounts(onChannels) {
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
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
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
