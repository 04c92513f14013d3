// The form that publishes, and the event that the snippets show.
import { $, note, onSubmit } from './dom.js';
import { oneLine, parse } from './json.js';
import { showSnippets } from './snippets.js';
import { answeredWith, plural, refusedBecause } from './words.js';

const TIMEOUT_MS = 10_000;

/** The address of the server: that of the page, without its query. */
const base = new URL('.', location.href).href;
let isUnanswered = false;

/** The event in the form as JSON, or `null` after saying what is wrong. The data stays as it was written. */
function readForm() {
  const channel = $('publish-channel').value.trim(), event = $('publish-event').value.trim(), data = $('publish-data').value;
  let problem = channel ? '' : 'A channel is needed.';
  try {
    JSON.parse(data);
    $('publish-data').setAttribute('aria-invalid', 'false');
  } catch (error) {
    problem = data.trim() ? `The data is not JSON: ${error.message}.` : 'The data is empty. Enter some JSON, such as {}.';
    $('publish-data').setAttribute('aria-invalid', 'true');
  }
  $('publish-channel').setAttribute('aria-invalid', String(!channel));
  $('publish-button').disabled = Boolean(problem);
  note('publish-note', problem, 'bad');
  isUnanswered = false;
  if (problem) return null;
  const name = event ? `,"event":${JSON.stringify(event)}` : '';
  const body = `{"channel":${JSON.stringify(channel)}${name},"data":${oneLine(data)}}`;
  showSnippets({ base, channel, body });
  return { channel, body };
}

async function publish(client) {
  const event = readForm();
  if (!event) return;
  note('publish-note', 'Publishing…');
  let response, text;
  try {
    response = await fetch('api/events', {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: event.body, signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch {
    isUnanswered = true;
    const isLive = client.state === 'connected';
    note('publish-note', isLive ? 'No answer from the server: the event may or may not have been published.' : 'Not published: there is no connection to the server.', 'bad');
    return;
  }
  const answer = parse(text);
  if (response.ok && typeof answer?.subscribers === 'number') {
    const count = answer.subscribers;
    note('publish-note', count ? `Published to ${plural(count, 'subscriber')}.` : `Published, but nobody is subscribed to ${event.channel}.`, count ? 'good' : '');
  } else {
    note('publish-note', `Not published. ${answer?.code ? refusedBecause(answer.code, answer.detail) : answeredWith(response.status)}`, 'bad');
  }
}

/** The connection is back: what was said about its loss is over. */
export function forgetLostConnection() {
  if (isUnanswered) note('publish-note', 'The connection is back; publish again.');
  isUnanswered = false;
}

/** Makes the form work. */
export function startPublish(client) {
  for (const id of ['publish-channel', 'publish-event', 'publish-data']) $(id).addEventListener('input', readForm);
  $('publish-data').addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) publish(client);
  });
  onSubmit('publish', () => publish(client));
  readForm();
}
