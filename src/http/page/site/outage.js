// What the loss of a connection cost: nothing, because the history was replayed, or messages, and why.
import { duration, list, plural } from './words.js';

/**
 * The sentences about an outage that is over.
 *
 * @param {{ name: string, isRecovered: boolean, reason?: string, count?: number }[]} outcomes For each channel: of a recovered
 *   one, the number of messages that arrived late; otherwise why it was not recovered, and how many are missing, if known.
 * @param {number} ms How long it lasted.
 */
export function sumUp(outcomes, ms) {
  const sentences = [], time = duration(ms), recovered = outcomes.filter(({ isRecovered }) => isRecovered);
  const because = (...reasons) => outcomes.filter(({ isRecovered, reason }) => !isRecovered && reasons.includes(reason)).map(({ name }) => name);
  if (recovered.length) {
    const count = recovered.reduce((sum, { count }) => sum + count, 0), names = list(recovered.map(({ name }) => name));
    const what = count ? `${plural(count, 'missed message')} ${count === 1 ? 'was' : 'were'} replayed` : 'nothing was missed';
    sentences.push({ tone: 'good', text: `Reconnected after ${time}; ${what} on ${names}.` });
  }
  const renewed = because('epoch_changed', 'offset_ahead');
  if (renewed.length) sentences.push({ tone: 'warn', text: `Reconnected after ${time}; the server was restarted and has a new history of ${list(renewed)}. Messages sent in the meantime may be missing.` });
  for (const { name, count } of outcomes.filter(({ reason }) => reason === 'history_trimmed')) {
    sentences.push({ tone: 'warn', text: `Reconnected after ${time}; ${count ? plural(count, 'message') : 'some messages'} on ${name} ${count === 1 ? 'is' : 'are'} missing, because the history does not reach back that far.` });
  }
  const without = because('no_history');
  if (without.length) sentences.push({ tone: 'warn', text: `Reconnected after ${time}; ${list(without)} ${without.length === 1 ? 'keeps' : 'keep'} no history, so messages sent in the meantime may be missing.` });
  return sentences;
}

/** Watches channels across lost connections, and tells when an outage is over for all of them. */
export class Outage {
  /** @type {Map<any, { position?: { offset: number, epoch: string }, reply?: any }>} Each channel, and its position when the connection was lost. */
  #channels = new Map();
  #lostAt;
  #client;
  #tell;

  constructor(client, tell) {
    this.#client = client;
    this.#tell = tell;
    client.on('status', ({ state, everConnected }) => {
      if (state !== 'connected' && everConnected && this.#lostAt === undefined) this.#begin();
    });
  }

  /** Watches a channel until the signal. */
  watch(channel, signal) {
    this.#channels.set(channel, {});
    const check = () => this.#check();
    signal.addEventListener('abort', () => {
      this.#channels.delete(channel);
      check();
    });
    channel.on('subscribed', (reply) => {
      if (this.#lostAt !== undefined && reply.wasRecovering) this.#channels.get(channel).reply = reply;
      check();
    }, { signal });
    channel.on('message', check, { signal });
  }

  #begin() {
    this.#lostAt = Date.now();
    for (const [channel, entry] of this.#channels) Object.assign(entry, { position: channel.position, reply: undefined });
  }

  #check() {
    if (this.#lostAt === undefined || this.#client.state !== 'connected') return;
    const entries = [...this.#channels];
    // A replay counts when its last message is here.
    const isDone = ([{ state, position }, { reply }]) => state === 'subscribed' && !(reply?.recovered && position?.offset < reply.offset);
    if (!entries.every(isDone)) return;
    const outcomes = entries.filter(([, { reply }]) => reply).map(([{ name }, { position, reply }]) => {
      const isSame = position && position.epoch === reply.epoch, ahead = isSame ? reply.offset - position.offset : undefined;
      if (reply.recovered) return { name, isRecovered: true, count: ahead ?? reply.replayed ?? 0 };
      return { name, isRecovered: false, reason: reply.reason ?? 'no_history', count: ahead && ahead - (reply.replayed ?? 0) };
    });
    const ms = Date.now() - this.#lostAt;
    this.#lostAt = undefined;
    for (const sentence of sumUp(outcomes, ms)) this.#tell(sentence);
  }
}
