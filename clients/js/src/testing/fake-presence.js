/** @import { FakeSocket } from './fake-socket.js' */

/** Who is in a channel or room of a `FakeServer`, and who is told about it. */
export class FakePresence {
  /** @type {Set<FakeSocket>} */
  #watchers = new Set();
  /** @type {ReturnType<FakePresence['state']>} What the watchers know. */
  #told;
  #maxListed;

  /** @param {number} maxListed Of more users than this, only the number is told. */
  constructor(maxListed) {
    this.#maxListed = maxListed;
    this.#told = this.state([]);
  }

  /**
   * @param {Iterable<FakeSocket>} members
   * @param {{ counts?: boolean }} [query]
   */
  state(members, { counts } = {}) {
    /** @type {Map<string, { user: string, info?: unknown }>} */
    const users = new Map();
    let connections = 0, anonymous = 0;
    for (const { user, isAnonymous, info } of members) {
      connections += 1;
      if (isAnonymous) anonymous += 1;
      else users.set(user, { user, ...(info !== undefined && { info }) });
    }
    const list = counts || users.size > this.#maxListed ? undefined : [...users.values()];
    return { users: users.size, connections, anonymous, ...(list && { members: list }) };
  }

  /** @param {FakeSocket} socket From now on it is told. It knows the state as it is now. */
  watch(socket) {
    this.#watchers.add(socket);
  }

  /**
   * Tells those who watch what has changed.
   *
   * @param {ReadonlySet<FakeSocket>} members
   * @param {{ channel: string } | { room: string }} address
   */
  announce(members, address) {
    const before = this.#told, now = this.#told = this.state(members);
    const { members: list, ...numbers } = now;
    if (JSON.stringify(before) === JSON.stringify(now)) return;
    const known = new Map(before.members?.map((member) => [member.user, JSON.stringify(member)]));
    const joined = list?.filter((member) => known.get(member.user) !== JSON.stringify(member));
    for (const { user } of list ?? []) known.delete(user);
    const change = list && before.members ? { joined, left: [...known.keys()] } : { members: list };
    for (const socket of this.#watchers) {
      if (members.has(socket)) socket.deliver({ type: 'presence', ...address, ...change, ...numbers });
      else this.#watchers.delete(socket);
    }
  }
}
