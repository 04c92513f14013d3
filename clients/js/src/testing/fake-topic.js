/** @import { Position } from '../types.js' */
/** @import { FakeSocket } from './fake-socket.js' */
import { FakePresence } from './fake-presence.js';

/** A channel or room of a `FakeServer`: its members and its history. */
export class FakeTopic {
  /** @type {Map<FakeSocket, { positions: boolean, deliver: (message: object) => void }>} */
  members = new Map();
  /** @type {({ offset: number } & Record<string, any>)[]} */
  items = [];
  offset = 0;

  /**
   * @param {{ channel: string } | { room: string }} address
   * @param {string} epoch
   * @param {number} keep
   * @param {boolean | { maxListed: number }} presence
   */
  constructor(address, epoch, keep, presence) {
    this.address = address;
    this.epoch = epoch;
    this.keep = keep;
    this.presence = presence ? new FakePresence(presence === true ? 500 : presence.maxListed) : undefined;
  }

  /**
   * @param {Record<string, any>} message
   * @param {object} [sender] Does not receive it.
   */
  publish(message, sender) {
    const positioned = { ...message, offset: ++this.offset };
    if (this.keep) this.items = [...this.items, positioned].slice(-this.keep);
    for (const [member, { positions, deliver }] of this.members) {
      if (member !== sender) deliver(positions && this.keep ? positioned : message);
    }
    return this.offset;
  }

  /**
   * What the reply to a `subscribe` or `join` has in addition, and the publications to replay after it.
   *
   * @param {{ since?: Position, last?: number, positions?: boolean }} command
   */
  recover({ since, last, positions }) {
    const { offset, epoch } = this, newest = last ? this.items.slice(-last) : [];
    if (!this.keep) return { reply: since ? { recovered: false, reason: 'no_history' } : {}, replay: [] };
    if (!since) return { reply: last !== undefined || positions ? { offset, epoch, ...(last !== undefined && { replayed: newest.length }) } : {}, replay: newest };
    const missed = this.items.filter((item) => item.offset > since.offset);
    const reason = since.epoch !== epoch ? 'epoch_changed' : since.offset > offset ? 'offset_ahead'
      : missed.length < offset - since.offset ? 'history_trimmed' : undefined;
    const replay = reason ? newest : missed;
    return { reply: { offset, epoch, recovered: !reason, ...(reason && { reason }), replayed: replay.length }, replay };
  }

  /** @param {object} message To all members. */
  tell(message) {
    for (const { deliver } of this.members.values()) deliver(message);
  }

  /** Tells those who watch who has come and gone. */
  announce() {
    this.presence?.announce(new Set(this.members.keys()), this.address);
  }

  /**
   * What a command asks for that only reads, or the code to refuse it with.
   *
   * @param {any} command
   */
  answer(command) {
    if (command.type === 'history') return this.keep ? this.page(command) : 'no_history';
    return this.presence ? this.presence.state(this.members.keys(), command) : 'no_presence';
  }

  /** @param {{ limit?: number, before?: number, after?: number }} command */
  page({ limit = 100, before = Infinity, after }) {
    const found = this.items.filter((item) => after === undefined ? item.offset < before : item.offset > after);
    const items = after === undefined ? found.slice(-limit) : found.slice(0, limit);
    return { offset: this.offset, epoch: this.epoch, items, more: found.length > items.length };
  }
}
